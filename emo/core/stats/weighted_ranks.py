"""Spearman correlations where entries count several times, from one sorting of each row."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64

from emo.core.stats.ordering import in_order


def weighted_ranks(
    rows: Float[np.ndarray, "row pair"], weights: Float64[np.ndarray, " pair"]
) -> Float64[np.ndarray, "row pair"]:
    """Rows whose products are Spearman correlations, with every entry counted ``weights`` times.

    Mid-ranks among the entries as often as they count, with weighted mean 0, times the roots of the
    weights, at length 1. An entry of weight 0 is left out and may be NaN; the weights are whole numbers.
    A row whose counted entries are all equal is NaN.

    Example
    -------
    >>> a = weighted_ranks(np.array([[1.0, 2.0, 3.0], [3.0, 1.0, 9.0]]), np.array([2.0, 1.0, 1.0]))
    >>> from scipy.stats import spearmanr
    >>> bool(np.isclose(a[0] @ a[1], spearmanr([1, 1, 2, 3], [3, 3, 1, 9]).statistic))
    True
    """
    rows = np.where(weights > 0, rows, np.inf) if not np.isfinite(rows).all() else rows
    total, roots = weights.sum(), np.sqrt(weights)
    out = np.empty(rows.shape)
    for row, ranked in zip(rows, out, strict=True):
        (order,), (ordered,) = in_order(row[None])
        counted = weights[order]
        last = counted.cumsum()
        ranks = last - (counted - 1) / 2
        tied = ordered[1:] == ordered[:-1]
        if tied.any():
            ranks = _shared(last, counted, tied)
        ranked[order] = ranks
    out -= (total + 1) / 2
    out *= roots
    length = np.linalg.norm(out, axis=-1, keepdims=True)
    return np.divide(out, length, out=np.full_like(out, np.nan), where=length > 0)


def _shared(
    last: Float64[np.ndarray, " pair"],
    counted: Float64[np.ndarray, " pair"],
    tied: Bool[np.ndarray, " step"],
) -> Float64[np.ndarray, " pair"]:
    """Mid-ranks in sorted order; ``tied`` says which entries equal the one before."""
    starts = np.flatnonzero(np.concatenate([[True], ~tied]))
    run = np.concatenate([[0], np.cumsum(~tied)])
    ends = np.concatenate([starts[1:], [len(last)]]) - 1
    below = last[starts] - counted[starts]
    return ((below + last[ends] + 1) / 2)[run]

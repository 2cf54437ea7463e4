"""Rank correlations with one label's pairs left out at a time, by ranking once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from emo.core.stats.correlation import spearman_matrix
from emo.core.stats.intervals import finite_mean


def without_labels(
    a: Float64[np.ndarray, "set split pair"],
    b: Float64[np.ndarray, "set split pair"],
    kept: Bool[np.ndarray, "label pair"],
) -> Float64[np.ndarray, "label set set"]:
    """Mean Spearman over the splits of every row of ``a`` with every row of ``b``, per label left out.

    ``kept`` are the pairs that remain. What is left out shifts the ranks above it, so that no row is
    sorted again: the work grows with pairs x labels and not with its logarithm, and rows with ties, or
    with entries that are not finite, are ranked anew.
    """
    orders = [np.argsort(x, axis=-1) for x in (a, b)]
    if not all(_plain(x, order) for x, order in zip((a, b), orders, strict=True)):
        return np.stack([finite_mean(spearman_matrix(a[..., k], b[..., k]), axis=-1) for k in kept])
    first, second = orders
    return np.stack([_across(_centred_ranks(first, k), _centred_ranks(second, k), k) for k in kept])


def _plain(values: np.ndarray, order: np.ndarray) -> bool:
    """Whether all entries are finite and no two of a row are equal."""
    ordered = np.take_along_axis(values, order, axis=-1)
    return bool(np.isfinite(values).all() and (ordered[..., 1:] > ordered[..., :-1]).all())


def _centred_ranks(order: np.ndarray, kept: Bool[np.ndarray, " pair"]) -> np.ndarray:
    """Ranks among the kept entries less their mean, in place; 0 at the others."""
    remains = kept[order]
    ranks = remains.cumsum(axis=-1, dtype=np.float64)
    ranks -= (kept.sum() + 1) / 2
    ranks *= remains
    out = np.empty_like(ranks)
    np.put_along_axis(out, order, ranks, axis=-1)
    return out


def _across(a: np.ndarray, b: np.ndarray, kept: np.ndarray) -> Float64[np.ndarray, "set set"]:
    n = int(kept.sum())
    squares = n * (n * n - 1) / 12
    if n < 2:
        return np.full((len(a), len(b)), np.nan)
    products = a.transpose(1, 0, 2) @ b.transpose(1, 2, 0)
    return products.mean(axis=0) / squares

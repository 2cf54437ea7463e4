"""Rank correlations with one label's pairs left out at a time, by ranking once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int

from emo.core.stats.intervals import finite_mean
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.ordering import in_order


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
    places = [_places(x) for x in (a, b)]
    if places[0] is None or places[1] is None:
        return np.stack([finite_mean(spearman_matrix(a[..., k], b[..., k]), axis=-1) for k in kept])
    first, second = np.empty(a.shape), np.empty(b.shape)
    out = []
    for k in kept:
        for place, ranks in ((places[0], first), (places[1], second)):
            for rows, into in zip(
                place.reshape(-1, k.size), ranks.reshape(-1, k.size), strict=True
            ):
                _centred_ranks(rows, k, into)
        out.append(_across(first, second, k))
    return np.stack(out)


def _places(
    values: Float64[np.ndarray, "set split pair"],
) -> Int[np.ndarray, "set split pair"] | None:
    """The rank of each entry in its row, from 0; None where two are equal or one is not finite."""
    out = np.empty(values.shape, dtype=np.intp)
    for rows, ranks in zip(values, out, strict=True):
        places, ordered = in_order(rows)
        if not (np.isfinite(ordered).all() and (ordered[:, 1:] > ordered[:, :-1]).all()):
            return None
        ranks.reshape(-1)[places] = np.arange(rows.shape[-1])
    return out


def _centred_ranks(
    place: Int[np.ndarray, " pair"],
    kept: Bool[np.ndarray, " pair"],
    out: Float64[np.ndarray, " pair"],
) -> None:
    """In ``out``, ranks of one row among the kept entries less their mean, and 0 at the others.

    ``place`` is the rank among all entries, from 0; it falls by the number of left-out ones below.
    """
    left_out = np.flatnonzero(~kept)
    below = np.arange(len(left_out) + 1.0)
    edges = np.concatenate([[-1], np.sort(place[left_out]), [len(place) - 1]])
    fall = np.repeat(below + (kept.sum() - 1) / 2, np.diff(edges))
    np.subtract(place, fall[place], out=out)
    out[left_out] = 0


def _across(a: np.ndarray, b: np.ndarray, kept: np.ndarray) -> Float64[np.ndarray, "set set"]:
    n = int(kept.sum())
    squares = n * (n * n - 1) / 12
    if n < 2:
        return np.full((len(a), len(b)), np.nan)
    products = a.transpose(1, 0, 2) @ b.transpose(1, 2, 0)
    return products.mean(axis=0) / squares

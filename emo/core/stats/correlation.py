"""Correlations along the last axis: rows are RDMs, entries their pairs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64
from scipy.stats import rankdata

from emo.core.stats.ordering import in_order

BLOCK = 1 << 16
"""Numbers that are ranked at once, so that what is made of them stays in the processor's cache."""

Result = Float64[np.ndarray, "..."]


def pearson(a: Float[np.ndarray, "*#row pair"], b: Float[np.ndarray, "*#row pair"]) -> Result:
    """Pearson correlation over the pairs that are finite on both sides; NaN where one is constant.

    Leading axes broadcast. Fewer than three common pairs give NaN.

    Example
    -------
    >>> float(pearson(np.array([1.0, 2.0, 3.0, 9.0]), np.array([2.0, 4.0, 6.0, np.nan])))
    1.0
    """
    a, b, both = _common(a, b)
    n = both.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        a = np.where(both, a, 0)
        b = np.where(both, b, 0)
        a = np.where(both, a - a.sum(axis=-1, keepdims=True) / n, 0)
        b = np.where(both, b - b.sum(axis=-1, keepdims=True) / n, 0)
        scale = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
        r = (a * b).sum(axis=-1) / scale
    return np.where((n[..., 0] >= 3) & (scale > 0), r, np.nan)


def spearman(a: Float[np.ndarray, "*#row pair"], b: Float[np.ndarray, "*#row pair"]) -> Result:
    """Spearman correlation over the pairs that are finite on both sides; ties share mid-ranks.

    Leading axes broadcast. Fewer than three common pairs give NaN.

    Example
    -------
    >>> float(spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0])))
    1.0
    """
    a, b, both = _common(a, b)
    return pearson(ranks(a, both), ranks(b, both))


def ranks(
    a: Float[np.ndarray, "*row pair"], where: Bool[np.ndarray, "*row pair"] | None = None
) -> Float64[np.ndarray, "*row pair"]:
    """Mid-ranks of the finite entries of each row (of those ``where`` holds), NaN elsewhere."""
    if where is None:
        where = np.isfinite(a)
    # What is left out goes behind everything else, so that it shifts no rank.
    return np.where(where, mid_ranks(np.where(where, a, np.inf)), np.nan)


def mid_ranks(a: Float[np.ndarray, "*row pair"]) -> Float64[np.ndarray, "*row pair"]:
    """Ranks from 1 within each row; equals share the mean of their ranks.

    What ``scipy.stats.rankdata`` gives of numbers (NaN is no number), several times as fast.

    Example
    -------
    >>> mid_ranks(np.array([3.0, 1.0, 3.0, 2.0]))
    array([3.5, 1. , 3.5, 2. ])
    """
    n = a.shape[-1]
    rows = np.ascontiguousarray(a).reshape(-1, n) if n else a.reshape(0, 0)
    out = np.empty(rows.shape)
    step = max(1, BLOCK // max(n, 1))
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        places, ordered = in_order(block)
        ranks = np.broadcast_to(np.arange(1.0, n + 1), block.shape)
        tied = ordered[:, 1:] == ordered[:, :-1]
        if tied.any():
            ranks = _shared(tied)
        out[start : start + step].reshape(-1)[places] = ranks
    return out.reshape(a.shape)


def _shared(tied: Bool[np.ndarray, "row step"]) -> Float64[np.ndarray, "row pair"]:
    """Ranks in sorted order; ``tied`` says which entries equal the one before."""
    n = tied.shape[1] + 1
    place, edge = np.arange(n), np.zeros((len(tied), 1), dtype=bool)
    first = np.where(np.concatenate([edge, tied], axis=1), 0, place)
    first = np.maximum.accumulate(first, axis=1)
    last = np.where(np.concatenate([tied, edge], axis=1), n, place)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    return (first + last) / 2 + 1


def normal_from_ranks(rho: Result | float) -> Result:
    """Pearson's r of two normal variables whose Spearman correlation is rho. Pearson 1907.

    Noise takes a factor off r; off rho it takes less where rho is large. So what is stepped up or
    disattenuated by a factor is this, and not rho itself.

    Example
    -------
    >>> normal_from_ranks(np.array([0.0, 0.5, 1.0])).round(3)
    array([0.   , 0.518, 1.   ])
    """
    return np.asarray(2 * np.sin(np.pi / 6 * np.asarray(rho, dtype=np.float64)))


def ranks_from_normal(r: Result | float) -> Result:
    """Spearman's rho of two normal variables whose Pearson correlation is r; beyond 1, r itself.

    Example
    -------
    >>> ranks_from_normal(np.array([0.0, 0.518, 1.0, -1.5])).round(3)
    array([ 0. ,  0.5,  1. , -1.5])
    """
    r = np.asarray(r, dtype=np.float64)
    inside = 6 / np.pi * np.arcsin(np.clip(r, -1, 1) / 2)
    return np.where(np.abs(r) < 1, inside, r)


def partial_spearman(
    a: Float[np.ndarray, "*#row pair"],
    b: Float[np.ndarray, "*#row pair"],
    given: Float[np.ndarray, "held pair"],
) -> Result:
    """Spearman correlation of a and b with the ``given`` RDMs held fixed.

    Pearson correlation of what least squares on the ranks of ``given`` (and a constant) leaves of
    the ranks of a and b. NaN where nothing is left, or where pairs that all are finite number fewer
    than held RDMs plus three.
    """
    a, b, both = _common(a, b)
    usable = np.isfinite(given).all(axis=0)
    both = both & usable
    shape, n = a.shape[:-1], a.shape[-1]
    flat_a, flat_b, flat_both = (x.reshape(-1, n) for x in (a, b, both))
    out = np.full(len(flat_a), np.nan)
    patterns, which = np.unique(flat_both, axis=0, return_inverse=True)
    for p, keep in enumerate(patterns):  # one pattern unless some emotion has no items
        if keep.sum() >= len(given) + 3:
            rows = which.reshape(-1) == p
            out[rows] = _partial(flat_a[rows][:, keep], flat_b[rows][:, keep], given[:, keep])
    return out.reshape(shape)


def _partial(a: np.ndarray, b: np.ndarray, given: np.ndarray) -> np.ndarray:
    return pearson(_residual_ranks(a, given), _residual_ranks(b, given))


def _residual_ranks(a: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Ranks of each row less what least squares on the ranks of ``given`` explains of them."""
    held = rankdata(given, axis=-1)
    held -= held.mean(axis=-1, keepdims=True)
    basis, sizes, _ = np.linalg.svd(held.T, full_matrices=False)
    basis = basis[:, sizes > 1e-9 * max(sizes.max(initial=0), 1)]  # held RDMs may repeat each other
    x = rankdata(a, axis=-1)
    x -= x.mean(axis=-1, keepdims=True)
    residual = x - (x @ basis) @ basis.T
    # Rounding is all that is left of a row that the held RDMs explain wholly.
    nothing = (residual**2).sum(axis=-1) <= 1e-18 * np.maximum((x**2).sum(axis=-1), 1)
    return np.where(nothing[..., None], 0, residual)


def standardised_ranks(a: Float[np.ndarray, "*row pair"]) -> Float64[np.ndarray, "*row pair"]:
    """Mid-ranks with mean 0 and length 1: their products are Spearman correlations.

    A row with a non-finite entry, or with all entries tied, is NaN.
    """
    r = mid_ranks(a)
    r[~np.isfinite(a).all(axis=-1)] = np.nan
    return standardised(r)


def standardised(a: Float64[np.ndarray, "*row pair"]) -> Float64[np.ndarray, "*row pair"]:
    """Rows with mean 0 and length 1: their products are Pearson correlations; NaN for a constant row."""
    a = a - a.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(a, axis=-1, keepdims=True)
    return np.divide(a, length, out=np.full_like(a, np.nan), where=length > 0)


def spearman_brown(half: float) -> float:
    """Reliability of the whole from the correlation of its two halves: 2r / (1 + r).

    r = -1 has no image and gives NaN. Spearman 1910; Brown 1910.
    """
    return 2 * half / (1 + half) if half > -1 else float("nan")


def _common(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    return a, b, np.isfinite(a) & np.isfinite(b)

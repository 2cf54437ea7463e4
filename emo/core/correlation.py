"""Correlations along the last axis, and reliability arithmetic."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64
from scipy.stats import rankdata


def pearson(
    a: Float[np.ndarray, "*#row pair"], b: Float[np.ndarray, "*#row pair"]
) -> Float64[np.ndarray, "..."]:
    """Pearson correlation over the pairs that are finite on both sides; NaN where one is constant.

    Leading axes broadcast. Fewer than three common pairs give NaN.
    """
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    both = np.isfinite(a) & np.isfinite(b)
    n = both.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        a = np.where(both, a, 0)
        b = np.where(both, b, 0)
        a = np.where(both, a - a.sum(axis=-1, keepdims=True) / n, 0)
        b = np.where(both, b - b.sum(axis=-1, keepdims=True) / n, 0)
        scale = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
        r = (a * b).sum(axis=-1) / scale
    return np.where((n[..., 0] >= 3) & (scale > 0), r, np.nan)


def spearman(
    a: Float[np.ndarray, "*#row pair"], b: Float[np.ndarray, "*#row pair"]
) -> Float64[np.ndarray, "..."]:
    """Spearman correlation over the pairs that are finite on both sides; ties share mid-ranks."""
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    both = np.isfinite(a) & np.isfinite(b)
    if both.all():
        return pearson(rankdata(a, axis=-1), rankdata(b, axis=-1))
    a, b = np.where(both, a, np.nan), np.where(both, b, np.nan)
    return pearson(rankdata(a, axis=-1, nan_policy="omit"), rankdata(b, axis=-1, nan_policy="omit"))


def spearman_brown(half: float) -> float:
    """Reliability of the whole from the correlation of its two halves: 2r / (1 + r).

    r = -1 has no image and gives NaN. Spearman 1910; Brown 1910.
    """
    return 2 * half / (1 + half) if half > -1 else float("nan")

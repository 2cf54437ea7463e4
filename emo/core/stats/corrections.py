"""Corrections of p over several tests."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64


def holm(p: Float[np.ndarray, " test"]) -> Float64[np.ndarray, " test"]:
    """p corrected over all tests (Holm 1979): the error rate of the whole family is controlled.

    NaN is no test and stays NaN.

    Example
    -------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3)
    array([0.03, 0.06, 0.06])
    """
    out = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known])]
    factor = len(order) - np.arange(len(order))
    out[order] = np.minimum(np.maximum.accumulate(factor * p[order]), 1)
    return out


def holm_of_pairs(p: Float[np.ndarray, "set set"]) -> Float64[np.ndarray, "set set"]:
    """Symmetric p of all pairs, corrected over the pairs; the diagonal is no test."""
    i, j = np.triu_indices(len(p), 1)
    out = np.full(p.shape, np.nan)
    out[i, j] = out[j, i] = holm(p[i, j])
    return out

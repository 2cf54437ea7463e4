"""Jackknife over the labels of an RDM: what leaving one of them out at a time tells of the error."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64
from scipy.spatial.distance import squareform
from scipy.special import stdtrit

from emo.core.stats.intervals import LEVEL, Estimates


def without_each(rdm: Float[np.ndarray, " pair"]) -> Float64[np.ndarray, "label pair"]:
    """The RDM once per label, with that label's pairs NaN.

    Example
    -------
    >>> without_each(np.array([0.1, 0.2, 0.3]))
    array([[nan, nan, 0.3],
           [nan, 0.2, nan],
           [0.1, nan, nan]])
    """
    n = len(squareform(rdm))
    i, j = np.triu_indices(n, 1)
    label = np.arange(n)[:, None]
    return np.where((i == label) | (j == label), np.nan, rdm)


def standard_error(
    left_out: Float64[np.ndarray, "label *shape"],
) -> Float64[np.ndarray, "*shape"]:
    """Jackknife standard error of a value from its values with one label left out.

    Efron & Stein 1981: sqrt((n - 1) / n * sum of squared deviations from their mean).
    """
    n = len(left_out)
    squares = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.sqrt((n - 1) / n * squares))


def reach(
    error: Float64[np.ndarray, "*shape"], n_labels: int, level: float = LEVEL
) -> Float64[np.ndarray, "*shape"]:
    """Half the width of the interval: Student's t with n - 1 degrees of freedom times the error."""
    return np.asarray(stdtrit(n_labels - 1, (1 + level) / 2) * error)


def estimates(
    value: Float64[np.ndarray, "*shape"] | np.float64,
    left_out: Float64[np.ndarray, "label *shape"],
    level: float = LEVEL,
) -> Estimates:
    """Values with their intervals, from the same values with one label left out at a time.

    NaN bounds where nothing could be left out, or a value is missing then.
    """
    if not len(left_out):
        unknown = np.full_like(value, np.nan)
        return Estimates(np.asarray(value), unknown, unknown)
    half_width = reach(standard_error(left_out), len(left_out), level)
    return Estimates(
        np.asarray(value), np.asarray(value - half_width), np.asarray(value + half_width)
    )

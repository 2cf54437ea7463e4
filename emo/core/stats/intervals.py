"""Intervals from bootstrap replicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int
from scipy.special import ndtri, stdtrit

LEVEL = 0.95
"""Coverage the intervals aim at."""

ALPHA = 0.05
"""A p at or below this counts as shown, here and in every verdict."""

NEARLY_ONE = 1 - 1e-12
"""Correlations are held below this: Fisher's z of 1 is infinite."""


@dataclass(frozen=True)
class Estimates:
    """Values with their intervals, all of one shape; NaN bounds where there were no replicates."""

    value: Float64[np.ndarray, "*shape"]
    low: Float64[np.ndarray, "*shape"]
    high: Float64[np.ndarray, "*shape"]

    def __getitem__(self, key: int | tuple[int, ...]) -> Estimates:
        """The estimates at a position."""
        return Estimates(*(np.asarray(x[key]) for x in (self.value, self.low, self.high)))


def percentile_interval(
    replicates: Float[np.ndarray, "replicate *shape"], level: float = LEVEL
) -> tuple[Float64[np.ndarray, "*shape"], Float64[np.ndarray, "*shape"]]:
    """Percentiles of the replicates, leading axis. Efron 1979.

    NaN replicates are left out; NaN bounds where none is left.
    """
    replicates = np.asarray(replicates, dtype=np.float64)
    missing = ~np.isfinite(replicates).any(axis=0)
    if missing.all():
        return np.full(missing.shape, np.nan), np.full(missing.shape, np.nan)
    filled = np.where(missing, 0.0, replicates)
    low, high = np.nanpercentile(filled, [50 * (1 - level), 50 * (1 + level)], axis=0)
    return np.where(missing, np.nan, low), np.where(missing, np.nan, high)


def recentred(
    replicates: Float[np.ndarray, "replicate *shape"],
    estimate: Float[np.ndarray, "*shape"],
    factor: float = 1.0,
) -> Float64[np.ndarray, "replicate *shape"]:
    """Bootstrap correlations moved to scatter about the estimate, on Fisher's z scale.

    Means over a resample hold repeated items, hence more noise than means over as many different
    ones: bootstrap correlations of RDMs are attenuated, and their plain percentiles can lie wholly
    below the estimate. Only their spread is taken, multiplied by ``factor``
    (:func:`expansion`). The interval is then one for the correlation to be expected from
    another sample of as many items, not from endlessly many. Measured coverage: the tests.
    """
    z = np.arctanh(np.clip(replicates, -NEARLY_ONE, NEARLY_ONE))
    centre = np.arctanh(np.clip(estimate, -NEARLY_ONE, NEARLY_ONE))
    return np.tanh(centre + factor * (z - finite_mean(z, axis=0)))


def finite_mean(x: Float[np.ndarray, "..."], axis: int) -> Float64[np.ndarray, "..."]:
    """Mean over the finite entries along an axis, NaN where there are none."""
    good = np.isfinite(x)
    n = good.sum(axis=axis)
    return np.where(n > 0, np.where(good, x, 0).sum(axis=axis) / np.maximum(n, 1), np.nan)


def expansion(units: Int[np.ndarray, " stratum"], level: float = LEVEL) -> float | None:
    """How much wider than the bootstrap's an interval from few units must be; None if none vary.

    A bootstrap of n units has (n - 1) / n of the variance of a new sample, and its percentiles take
    the spread as known: sqrt of the mean n / (n - 1) over the strata that are drawn from, times
    Student's over the normal quantile at the sum of n - 1 degrees of freedom (Hesterberg 2015, the
    expanded percentile interval). Strata of a single unit are never drawn otherwise.
    """
    n = units[units > 1]
    if not len(n):
        return None
    tail = (1 + level) / 2
    student = stdtrit((n - 1).sum(), tail) / ndtri(tail)
    return float(np.sqrt((n / (n - 1)).mean()) * student)

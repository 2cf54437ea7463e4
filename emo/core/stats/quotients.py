"""Quotients of two correlated means with an interval: Fieller's, over a jackknife's covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int
from scipy.special import stdtrit

from emo.core.stats.intervals import LEVEL, Estimates, finite_mean

Values = Float64[np.ndarray, "*shape"]


@dataclass(frozen=True)
class Covariance:
    """Variances of the two parts of a quotient, their covariance, and the degrees of freedom."""

    top: Values
    both: Values
    bottom: Values
    freedom: Values

    @classmethod
    def of(cls, top: Any, both: Any, bottom: Any, freedom: Any) -> Covariance:
        """The same of plain numbers or arrays."""
        return cls(*(np.asarray(x, dtype=np.float64) for x in (top, both, bottom, freedom)))

    def __add__(self, other: Covariance) -> Covariance:
        """Of a sum of independent errors; freedom after Satterthwaite 1946, by the top's."""
        top = self.top + other.top
        spread = self.top**2 / self.freedom + other.top**2 / other.freedom
        with np.errstate(invalid="ignore", divide="ignore"):
            freedom = np.where(spread > 0, top**2 / spread, self.freedom)
        return Covariance.of(top, self.both + other.both, self.bottom + other.bottom, freedom)


def jackknife(
    left_out: Float64[np.ndarray, "unit *shape 2"], stratum: Int[np.ndarray, " unit"]
) -> Covariance:
    """Covariance of top and bottom from both with one unit left out at a time, by strata.

    Efron & Stein 1981: (n - 1) / n times the sum of squared deviations, summed over the strata. NaN
    where there is no unit to leave out.
    """
    shape = left_out.shape[1:-1]
    if not len(left_out):
        nothing = np.full(shape, np.nan)
        return Covariance(nothing, nothing, nothing, nothing)
    total, freedom = np.zeros((3, *shape)), 0
    for name in np.unique(stratum):
        members = left_out[stratum == name]
        top, bottom = np.moveaxis(members - finite_mean(members, axis=0), -1, 0)
        products = (top * top, top * bottom, bottom * bottom)
        total += (len(members) - 1) * np.stack([finite_mean(x, axis=0) for x in products])
        freedom += len(members) - 1
    top, both, bottom = total
    return Covariance.of(top, both, bottom, np.full(shape, float(freedom)))


def fieller(top: Values, bottom: Values, error: Covariance, level: float = LEVEL) -> Estimates:
    """top / bottom, with every c as its interval for which top - c bottom may be 0. Fieller 1954.

    NaN for a bottom of 0 or less. Bounds are infinite where the bottom is not told from 0.
    """
    t2 = stdtrit(error.freedom, (1 + level) / 2) ** 2
    a = bottom**2 - t2 * error.bottom
    b = top * bottom - t2 * error.both
    c = top**2 - t2 * error.top
    told, known = (a > 0) & (bottom > 0), np.isfinite(a + b + c)
    root = np.sqrt(np.clip(b**2 - a * c, 0, None))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(bottom > 0, top / bottom, np.nan)
        low, high = (
            np.where(known, np.where(told, (b + sign * root) / a, sign * np.inf), np.nan)
            for sign in (-1, 1)
        )
    return Estimates(np.asarray(value), np.asarray(low), np.asarray(high))

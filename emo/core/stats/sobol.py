"""How much of a response's variance each factor explains: exactly, and as a ranking to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from emo.core.stats.correlation import spearman
from emo.core.stats.factorial import Factorial, full_factorial


@dataclass(frozen=True)
class VarianceShares:
    """Shares of the variance of a full factorial's response."""

    factors: tuple[str, ...]
    alone: Float64[np.ndarray, " factor"]
    """Explained by the factor's main effect (first-order Sobol index)."""
    in_all: Float64[np.ndarray, " factor"]
    """Explained by all effects that the factor is part of (total Sobol index)."""


def variance_shares(data: Factorial) -> VarianceShares:
    """Sobol' indices of two-level factors, exactly, over all 2^k points.

    Over a full factorial the 2^k contrasts are orthogonal and the variance is the sum of their
    squares (functional ANOVA; Sobol' 1993, Hutter, Hoos & Leyton-Brown 2014). A response without
    variance has no shares: NaN.
    """
    k = len(data.factors)
    member = full_factorial(k).astype(bool)  # [effect factor]; also the points
    sign = np.where((member[:, None, :] & ~member[None, :, :]).sum(axis=2) % 2, -1.0, 1.0)
    squares = (sign @ data.response / 2**k)[1:] ** 2
    total = squares.sum()
    size = member[1:].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return VarianceShares(
            data.factors,
            alone=np.array([squares[member[1:, j] & (size == 1)].sum() for j in range(k)]) / total,
            in_all=np.array([squares[member[1:, j]].sum() for j in range(k)]) / total,
        )


@dataclass(frozen=True)
class RankAgreement:
    """An order of parameters, 1 the most important, and its agreement with another order."""

    names: tuple[str, ...]
    ranks: tuple[float, ...]
    rho: float
    """Spearman's rank correlation; NaN with fewer than three parameters or no differences."""


def rank_agreement(importance: Mapping[str, float], other: Mapping[str, float]) -> RankAgreement:
    """Rank correlation of two importances on the parameters they share, in the order of the first.

    Equal values share their mean rank.
    """
    names = tuple(name for name in importance if name in other)
    a = np.array([importance[name] for name in names])
    b = np.array([other[name] for name in names])
    rho = float("nan")
    if len(names) > 2 and np.ptp(a) > 0 and np.ptp(b) > 0:
        rho = float(spearman(a, b))
    return RankAgreement(names, _ranks(a), rho)


def _ranks(values: Float64[np.ndarray, " parameter"]) -> tuple[float, ...]:
    greater = (values[None, :] > values[:, None]).sum(axis=1)
    equal = (values[None, :] == values[:, None]).sum(axis=1)
    return tuple(float(x) for x in greater + (equal + 1) / 2)

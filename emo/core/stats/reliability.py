"""What noise leaves of an agreement: reliabilities, ceilings, and quotients that may not exist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from emo.core.stats.correlation import ranks, spearman

LEAST_AGREEMENT = 0.1
"""At or below this an agreement on the same items is too small to have shares."""


@dataclass(frozen=True)
class Quotient:
    """A number that comes from a division, or the reason why there is none."""

    value: float | None
    reason: str | None = None


def full_length(half: float, balance: float = 0.25) -> float:
    """Reliability of the whole from the correlation of two halves of shares p and 1 - p.

    ``balance`` is p (1 - p). Equal halves (1/4) give Spearman-Brown, 2r / (1 + r); unequal ones
    Horst's formula (Horst 1951), (r sqrt(r^2 + 4 p q (1 - r^2)) - r^2) / (2 p q (1 - r^2)). Both
    take the variance of the noise to fall with the number of items; that of cosines of very noisy
    vectors falls faster, so that the result is a little low. NaN for r = -1 and for NaN.

    Example
    -------
    >>> round(float(full_length(0.5)), 3)
    0.667
    """
    if not -1 < half < 1:
        return 1.0 if half == 1 else float("nan")
    rest = balance * (1 - half**2)
    return (half * np.sqrt(half**2 + 4 * rest) - half**2) / (2 * rest)


def ceiling(reliability_a: float, reliability_b: float) -> Quotient:
    """The rho that two measurements reach whose true RDMs are the same: sqrt(rel_a rel_b).

    Both reliabilities must be those of the number of items that rho is taken with: for disjoint
    halves the correlations of the halves themselves, not stepped up. Spearman 1904.

    Example
    -------
    >>> ceiling(0.8, 0.2)
    Quotient(value=0.4, reason=None)
    """
    for side, value in (("first", reliability_a), ("second", reliability_b)):
        if not np.isfinite(value):
            return Quotient(None, f"the {side} set has no reliability: too few items to halve")
        if value <= 0:
            return Quotient(None, f"the reliability of the {side} set is {value:.2f}, not positive")
    return Quotient(float(np.sqrt(reliability_a * reliability_b)))


def surviving_share(disjoint: float, same: float) -> Quotient:
    """Share of the agreement on the same items that is left on disjoint ones, both of one length."""
    if not np.isfinite(disjoint) or not np.isfinite(same):
        return Quotient(None, "too few items to halve")
    if same <= LEAST_AGREEMENT:
        return Quotient(
            None,
            f"agreement on the same items is {same:.2f}, too low to have shares "
            f"(at most {LEAST_AGREEMENT})",
        )
    return Quotient(float(disjoint / same))


def noise_ceiling(rdms: Float[np.ndarray, "set pair"]) -> tuple[float, float]:
    """Lower and upper bound of the mean rho that any one RDM can reach with all the sets'.

    Upper: each set with the mean of all sets' ranks; lower: with the mean of the others' (Nili et
    al. 2014). Pairs missing in one set are left out in all.

    Raises
    ------
    ValueError
        If there are fewer than two sets.
    """
    if len(rdms) < 2:
        raise ValueError(f"a noise ceiling needs at least 2 sets, there are {len(rdms)}")
    rank: Float64[np.ndarray, "set pair"] = ranks(rdms[:, np.isfinite(rdms).all(axis=0)])
    total = rank.sum(axis=0)
    upper = spearman(rank, total)
    lower = spearman(rank, total - rank)
    return float(lower.mean()), float(upper.mean())

"""What noise leaves of an agreement: reliabilities of all items, and bounds over several sets."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

from emo.core.stats.correlation import ranks, spearman


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

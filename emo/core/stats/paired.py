"""Two ways to measure the same models, with models as units: rank tests, and how small p can get.

A rank-biserial correlation is the share of pairs that favour the one less the share that favour the
other (Wendt 1972; of matched pairs Kerby 2014). Its interval is Newcombe's 2006 (method 5), which does
not collapse where all pairs favour one side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import root_scalar
from scipy.special import ndtri
from scipy.stats import mannwhitneyu, rankdata, wilcoxon

from emo.core.stats.intervals import LEVEL

NEARLY = 1e-9
"""The share itself is always a solution where it is 0 or 1; the bound is the other one."""


@dataclass(frozen=True)
class PairedModels:
    """Values of the same models by two methods, compared as if unpaired and as pairs."""

    n: int
    """Models with both values."""
    higher: int
    """Models in which the first value is the higher one."""
    rank_biserial: float
    """Of all pairs of models (Mann-Whitney); positive where the first method's values are higher."""
    low: float
    high: float
    mann_whitney_p: float
    """Two-sided, exact without ties; it takes the two values of a model for independent."""
    mann_whitney_least: float
    """The smallest that so many models allow: 2 / (2n over n)."""
    matched: float
    """Rank-biserial correlation of the matched pairs."""
    wilcoxon_p: float
    """Two-sided signed-rank test of the differences, exact without ties."""
    wilcoxon_least: float
    """The smallest that so many models allow: 2 / 2^n."""
    cohen_d: float
    """Difference of means over the pooled standard deviation, which says nothing of values that cannot
    vary; NaN for fewer than two models, or where nothing varies."""


def paired_models(
    first: Float[np.ndarray, " model"], second: Float[np.ndarray, " model"]
) -> PairedModels:
    """The first method's values against the second's, of the models that have both.

    Raises
    ------
    ValueError
        If no model has both.

    Example
    -------
    >>> found = paired_models(np.array([0.5, 0.6, 0.7]), np.array([0.1, 0.2, 0.4]))
    >>> found.n, found.rank_biserial, found.mann_whitney_p, found.wilcoxon_least
    (3, 1.0, 0.1, 0.25)
    """
    both = np.isfinite(first) & np.isfinite(second)
    a, b = np.asarray(first, float)[both], np.asarray(second, float)[both]
    n = len(a)
    if not n:
        raise ValueError("no model has a value by both methods")
    share = float((np.sign(a[:, None] - b[None]) + 1).mean() / 2)
    low, high = newcombe(share, n, n)
    difference = a - b
    ranks = rankdata(np.abs(difference)) * (difference != 0)
    signed = float((np.sign(difference) * ranks).sum())
    return PairedModels(
        n=n,
        higher=int((difference > 0).sum()),
        rank_biserial=2 * share - 1,
        low=2 * low - 1,
        high=2 * high - 1,
        mann_whitney_p=float(np.asarray(mannwhitneyu(a, b, alternative="two-sided").pvalue)),
        mann_whitney_least=2 / math.comb(2 * n, n),
        matched=signed / float(ranks.sum()) if ranks.sum() else 0.0,
        wilcoxon_p=_signed_rank_p(difference),
        wilcoxon_least=2 / 2**n,
        cohen_d=_cohen(a, b),
    )


def newcombe(
    share: float, n_first: int, n_second: int, level: float = LEVEL
) -> tuple[float, float]:
    """Interval of the share of pairs in which the first is higher. Newcombe 2006, method 5.

    Example
    -------
    >>> low, high = newcombe(1.0, 5, 5)
    >>> round(low, 2), high
    (0.64, 1.0)
    """
    z, more = float(ndtri((1 + level) / 2)), (n_first + n_second) / 2 - 1

    def beyond(true: float, sign: int) -> float:
        spread = 1 + more * (1 - true) / (2 - true) + more * true / (1 + true)
        reach = z * math.sqrt(true * (1 - true) * spread / (n_first * n_second))
        return sign * (share - true) - reach

    def bound(sign: int, start: float) -> float:
        """Where the share is just as far from the true one as chance takes it, from 0 or 1 inwards."""
        inside = share - sign * NEARLY
        if not 0 < inside < 1:
            return start
        return float(root_scalar(beyond, (sign,), bracket=(start, inside)).root)

    return bound(1, 0.0), bound(-1, 1.0)


def _cohen(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 2:
        return float("nan")
    spread = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    return float((a.mean() - b.mean()) / spread) if spread > 0 else float("nan")


def _signed_rank_p(difference: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; 1 where nothing differs."""
    if not (difference != 0).any():
        return 1.0
    found: Any = wilcoxon(difference)
    return float(found.pvalue)

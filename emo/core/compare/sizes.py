"""Rank correlations of a handful of models: their size with what describes their geometry.

Models of one family are not independent: they share a recipe, data and often an architecture. So the
test permutes families, each with the mean of its models (Spearman over families).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.special import stdtr

from emo.core.stats.correlation import spearman, standardised_ranks
from emo.core.stats.intervals import ALPHA
from emo.core.stats.resampling import stream

PREDICTORS = ("d_model", "size_b")
OUTCOMES = ("anisotropy", "rdm_std", "best_layer_pct")
FEWEST = 4
"""With fewer models no permutation can be rare."""
EXACT = 7
"""Up to this many families all their permutations are taken: 5040."""


@dataclass(frozen=True)
class SizeCorrelation:
    """Spearman of one size with one descriptor over models [S 3], and over their families."""

    predictor: str
    outcome: str
    n: int
    rho: float
    p: float
    """Two-sided, from Student's t as published: as if the models were independent."""
    n_families: int
    family_rho: float
    """Over families, each with the means of its models; NaN for fewer than three or a constant."""
    family_p: float
    """Two-sided, families permuted; NaN where ``family_rho`` is."""
    smallest_p: float
    """The smallest that so many families allow: 2 / families!, or 1 / (1 + permutations)."""
    bonferroni: float
    """Level that p must reach: 0.05 over the number of correlations looked at."""

    @property
    def significant(self) -> bool:
        """Whether the p over families is at most the Bonferroni line."""
        return self.family_p <= self.bonferroni

    @property
    def decidable(self) -> bool:
        """Whether so many families could reach the Bonferroni line at all."""
        return self.smallest_p <= self.bonferroni


def size_correlations(
    columns: Mapping[str, Sequence[float | None]],
    families: Sequence[str],
    permutations: int,
    seed: int,
) -> tuple[SizeCorrelation, ...]:
    """Every size with every descriptor, over the models that have both.

    Parameters
    ----------
    columns
        ``PREDICTORS`` and ``OUTCOMES`` by name, one value per model.
    families
        The family of each model; models of one family are permuted together.
    permutations
        How many, where the families are too many for all of them.
    seed
        Names the stream of the permutations.

    Correlations over fewer than four models, or with a constant, are left out.
    """
    tests = []
    for predictor in PREDICTORS:
        for outcome in OUTCOMES:
            rows = [
                (x, y, family)
                for x, y, family in zip(columns[predictor], columns[outcome], families, strict=True)
                if x is not None and y is not None and np.isfinite(x) and np.isfinite(y)
            ]
            if len(rows) < FEWEST:
                continue
            x, y = (np.array([row[k] for row in rows], dtype=np.float64) for k in (0, 1))
            rng = stream(seed, "sizes", predictor, outcome)
            over_models = (len(rows), *_student(x, y))
            names = [row[2] for row in rows]
            over_families = _over_families(x, y, names, permutations, rng)
            tests.append((predictor, outcome, *over_models, *over_families))
    tests = [test for test in tests if np.isfinite(test[3])]
    return tuple(SizeCorrelation(*test, bonferroni=ALPHA / len(tests)) for test in tests)


def smallest_p(n: int, permutations: int) -> float:
    """The smallest two-sided p that permuting n families can give.

    Example
    -------
    >>> round(smallest_p(5, 10_000), 4)
    0.0167
    """
    return 2 / math.factorial(n) if n <= EXACT else 1 / (1 + permutations)


def _student(x: Float[np.ndarray, " model"], y: Float[np.ndarray, " model"]) -> tuple[float, float]:
    """Rho over models, and its two-sided p by Student's t."""
    rho, n = float(spearman(x, y)), len(x)
    with np.errstate(divide="ignore"):
        t = np.abs(rho) * np.sqrt((n - 2) / np.maximum(1 - rho**2, 0))
    return rho, float(2 * stdtr(n - 2, -t))


def _over_families(
    x: Float[np.ndarray, " model"],
    y: Float[np.ndarray, " model"],
    families: Sequence[str],
    permutations: int,
    rng: np.random.Generator,
) -> tuple[int, float, float, float]:
    """Number of families, rho over them, p by permuting them, and the smallest p there is."""
    names = list(dict.fromkeys(families))
    n, member = len(names), np.array([names.index(f) for f in families])
    least = smallest_p(n, permutations)
    if n < 3:
        return n, float("nan"), float("nan"), least
    a, b = (standardised_ranks(_means(values, member, n)) for values in (x, y))
    rho = float(a @ b)
    if not np.isfinite(rho):
        return n, rho, float("nan"), least
    if n <= EXACT:
        orders = np.array(list(itertools.permutations(range(n))))
        hits, total = (np.abs(a[orders] @ b) >= np.abs(rho) - 1e-12).sum(), len(orders)
    else:
        null = rng.permuted(np.tile(a, (permutations, 1)), axis=1) @ b
        hits, total = 1 + (np.abs(null) >= np.abs(rho) - 1e-12).sum(), 1 + permutations
    return n, rho, float(hits / total), least


def _means(
    values: Float[np.ndarray, " model"], member: np.ndarray, n: int
) -> Float64[np.ndarray, " family"]:
    return np.bincount(member, values, minlength=n) / np.bincount(member, minlength=n)

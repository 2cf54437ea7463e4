"""Rank correlations of a handful of models: their size with what describes their geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr

from emo.core.stats.correlation import spearman, standardised_ranks
from emo.core.stats.intervals import ALPHA
from emo.core.stats.resampling import stream

PREDICTORS = ("d_model", "size_b")
OUTCOMES = ("anisotropy", "rdm_std", "best_layer_pct")
FEWEST = 4
"""With fewer models no permutation can be rare."""


@dataclass(frozen=True)
class SizeCorrelation:
    """Spearman of one size with one descriptor over models [S 3]."""

    predictor: str
    outcome: str
    n: int
    rho: float
    p: float
    """Two-sided, from Student's t as published; exact only for many models."""
    permutation_p: float
    """Two-sided, (1 + #{|null| >= |observed|}) / (1 + permutations)."""
    bonferroni: float
    """Level that p must reach: 0.05 over the number of correlations looked at."""

    @property
    def significant(self) -> bool:
        """Whether the permutation p is below the Bonferroni line."""
        return self.permutation_p <= self.bonferroni


def size_correlations(
    columns: Mapping[str, Sequence[float | None]], permutations: int, seed: int
) -> tuple[SizeCorrelation, ...]:
    """Every size with every descriptor, over the models that have both.

    ``columns`` holds ``PREDICTORS`` and ``OUTCOMES`` by name, one value per model. Correlations over
    fewer than four models, or with a constant, are left out.
    """
    tests = []
    for predictor in PREDICTORS:
        for outcome in OUTCOMES:
            pairs = [
                (x, y)
                for x, y in zip(columns[predictor], columns[outcome], strict=True)
                if x is not None and y is not None and np.isfinite(x) and np.isfinite(y)
            ]
            if len(pairs) >= FEWEST:
                x, y = np.array(pairs, dtype=np.float64).T
                rng = stream(seed, "sizes", predictor, outcome)
                tests.append((predictor, outcome, len(x), *_tests(x, y, permutations, rng)))
    tests = [test for test in tests if np.isfinite(test[3])]
    return tuple(SizeCorrelation(*test, bonferroni=ALPHA / len(tests)) for test in tests)


def _tests(
    x: Float[np.ndarray, " model"],
    y: Float[np.ndarray, " model"],
    permutations: int,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Rho, p by Student's t, p by permutation."""
    rho, n = float(spearman(x, y)), len(x)
    with np.errstate(divide="ignore"):
        t = np.abs(rho) * np.sqrt((n - 2) / np.maximum(1 - rho**2, 0))
    a, b = standardised_ranks(x), standardised_ranks(y)
    null = rng.permuted(np.tile(a, (permutations, 1)), axis=1) @ b
    hits = (np.abs(null) >= np.abs(rho) - 1e-12).sum()
    return rho, float(2 * stdtr(n - 2, -t)), float((1 + hits) / (1 + permutations))

"""One-sided p of an observed value against a null, and the null of signs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

NEARLY = 1e-12
"""Relative room for rounding, within which a permuted value counts as the observed one."""


def p_of(observed: float, null: Float[np.ndarray, " draw"]) -> float:
    """(1 + draws that reach the observed value) / (1 + draws); NaN if that is not finite."""
    if not np.isfinite(observed) or not len(null):
        return float("nan")
    room = NEARLY * max(abs(observed), 1)
    return float((1 + (null >= observed - room).sum()) / (1 + len(null)))


def flipped_means(
    x: Float[np.ndarray, " unit"], n_draws: int, rng: np.random.Generator
) -> Float64[np.ndarray, " draw"]:
    """Means of the units under random signs: what they are where their mean is 0.

    All 2^n - 1 other signs where these are no more than ``n_draws`` (Fisher 1935), so that p of
    :func:`p_of` is exact then.
    """
    n = len(x)
    if n < 40 and 2**n - 1 <= n_draws:
        codes = np.arange(1, 2**n)[:, None] >> np.arange(n)[None, :]
        signs = 1.0 - 2.0 * (codes & 1)
    else:
        signs = rng.choice([-1.0, 1.0], size=(n_draws, n))
    return signs @ np.asarray(x, dtype=np.float64) / max(n, 1)

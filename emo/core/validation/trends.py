"""Whether readings follow a number in a text in the directions that were named beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from emo.core.stats.correlation import standardised_ranks
from emo.core.validation.findings import student_interval
from emo.core.validation.permutations import flipped_means, p_of


@dataclass(frozen=True)
class Trend:
    """One template: how its readings go with its number."""

    template: str
    rho: float
    """Mean over the named emotions of Spearman's rho with the number, signed by the direction named."""
    p: float
    """Of the template alone: its numbers permuted."""
    control: float
    """The same of the template's control: the same numbers in a sentence without stakes."""
    rhos: Mapping[str, float]
    """Named emotion -> rho, not signed."""


@dataclass(frozen=True)
class Trends:
    """All templates together."""

    templates: tuple[Trend, ...]
    rho: float
    """Mean over templates."""
    value: float
    """Mean over templates of rho less the control's."""
    low: float
    """Of the 95 % interval over templates."""
    high: float
    p: float
    """Signs of the templates' differences flipped."""


def trend(
    template: str,
    readings: Float[np.ndarray, "number emotion"],
    control: Float[np.ndarray, "number emotion"],
    emotions: Sequence[str],
    signs: Sequence[int],
    n_permutations: int,
    rng: np.random.Generator,
) -> Trend:
    """One template's readings, in rising order of its numbers, of the emotions that were named.

    ``signs`` says of each emotion whether its reading was to rise (1) or fall (-1).
    """
    weights = np.asarray(signs, dtype=np.float64)
    order = standardised_ranks(np.arange(len(readings), dtype=np.float64))
    orders = rng.permuted(np.tile(order, (n_permutations, 1)), axis=1)
    told = standardised_ranks(np.asarray(readings, np.float64).T)
    plain = standardised_ranks(np.asarray(control, np.float64).T)
    rhos = told @ order
    observed = float((weights * rhos).mean())
    return Trend(
        template=template,
        rho=observed,
        p=p_of(observed, (orders @ told.T * weights).mean(axis=1)),
        control=float((weights * (plain @ order)).mean()),
        rhos={e: float(r) for e, r in zip(emotions, rhos, strict=True)},
    )


def trends(templates: Sequence[Trend], n_permutations: int, rng: np.random.Generator) -> Trends:
    """All templates against their controls.

    A model that writes numbers along a fixed direction moves every reading with every number, in the
    template and in its control alike: only what is beyond the control counts.
    """
    beyond = np.array([t.rho - t.control for t in templates])
    beyond = beyond[np.isfinite(beyond)]
    value, low, high = student_interval(beyond.tolist())
    null = flipped_means(beyond, n_permutations, rng)
    rhos = np.array([t.rho for t in templates])
    rho = float(np.nanmean(rhos)) if np.isfinite(rhos).any() else float("nan")
    return Trends(tuple(templates), rho, value, low, high, p_of(value, null))

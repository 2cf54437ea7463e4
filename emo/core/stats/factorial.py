"""What each of k two-level factors contributes to the change of a response.

A full factorial has a response at each of the 2^k settings of k factors (level 0 = matched, level
1 = loose). Every quantity here is a linear map of those 2^k numbers, so that of the responses without
one unit each is one matrix product, and their spread gives the intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.records import LabelMismatch
from emo.core.stats.intervals import LEVEL, Estimates
from emo.core.stats.jackknife import estimates

ROUNDING = 1e-9
"""Differences up to this are rounding: of a factor that does nothing at all."""


class FactorialError(ValueError):
    """Responses that are not those of a full two-level factorial."""


@dataclass(frozen=True)
class Factorial:
    """Responses of a full factorial, points in the order of :func:`full_factorial`."""

    factors: tuple[str, ...]
    response: Float64[np.ndarray, " point"]
    left_out: Float64[np.ndarray, "unit point"]
    """The same responses without each of the units they are of; none is fine and gives no intervals."""

    def __post_init__(self) -> None:
        n = 2 ** len(self.factors)
        for name, array in (("response", self.response), ("left_out", self.left_out)):
            if array.shape[-1] != n:
                raise LabelMismatch(
                    f"{name} has {array.shape[-1]} points, {len(self.factors)} factors have {n}"
                )
        if not np.isfinite(self.response).all():
            point = full_factorial(len(self.factors))[np.argmin(np.isfinite(self.response))]
            raise FactorialError(f"the response at {_name(self.factors, point)} is not finite")


@dataclass(frozen=True)
class Decomposition:
    """Effects in units of the response.

    ``main``, ``interaction``, ``loosened`` and ``restored`` are changes of the response; ``shapley``
    divides the drop, response(all matched) - response(all loose), and sums to it.
    """

    factors: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    main: Estimates
    """Loose minus matched, averaged over all settings of the other factors, [factor]."""
    interaction: Estimates
    """Half the change of one factor's effect when the other is loosened, [pair]."""
    loosened: Estimates
    """One at a time from all matched: this factor alone made loose, [factor]."""
    restored: Estimates
    """One at a time from all loose: this factor alone made matched again, [factor]."""
    shapley: Estimates
    """Share of the drop, [factor]."""
    drop: Estimates
    """Response at all matched minus response at all loose, a single number."""
    ranking: tuple[str, ...]
    """Factors by falling Shapley value."""
    rank: Estimates
    """Place in the ranking, 1 first, [factor], with the places that its differences from the other
    factors' Shapley values leave open, all pairs of factors taken together."""
    told: tuple[str, ...]
    """Factors whose Shapley value differs from zero, all factors taken together, in ranking order."""


def full_factorial(k: int) -> Int[np.ndarray, "point factor"]:
    """Levels (0, 1) of all 2^k points in standard order: the first factor changes fastest."""
    return (np.arange(2**k)[:, None] >> np.arange(k)[None, :]) & 1


def factorial(
    factors: Sequence[str],
    levels: Int[np.ndarray, "point factor"],
    response: Float[np.ndarray, " point"],
    left_out: Float[np.ndarray, "unit point"] | None = None,
) -> Factorial:
    """A factorial from its points in any order.

    Raises
    ------
    FactorialError
        If a level is neither 0 nor 1, a point is missing or there twice, or a response is not
        finite; the message names the first such point.
    """
    names, k = tuple(factors), len(factors)
    levels = np.asarray(levels)
    if not np.isin(levels, (0, 1)).all():
        raise FactorialError(f"levels are 0 (matched) or 1 (loose), found {np.unique(levels)}")
    number = levels @ (1 << np.arange(k))
    count = np.bincount(number, minlength=2**k)
    if (count != 1).any():
        first = int(np.argmax(count != 1))
        point = _name(names, full_factorial(k)[first])
        raise FactorialError(f"the point {point} is there {count[first]} times, it must be once")
    order = np.argsort(number)
    response = np.asarray(response, np.float64)[order]
    if left_out is None:
        left_out = np.empty((0, 2**k))
    return Factorial(names, response, np.asarray(left_out, np.float64)[:, order])


def decompose(data: Factorial, level: float = LEVEL) -> Decomposition:
    """All effects of a factorial, with jackknife intervals over the units left out.

    Main effects and interactions are the standard contrasts (Box, Hunter & Hunter 2005, ch. 5),
    Shapley values those of the game whose worth of a set of factors is the drop when just these are
    loose (Shapley 1953), computed exactly over all 2^k sets. ``level`` is that of each interval; that
    of places and of ``told`` holds for all of them at once (Bonferroni; joint confidence for ranks:
    Klein, Wright & Wieczorek 2020).
    """
    k = len(data.factors)

    def effects(linear: Float64[np.ndarray, "point *effect"], level: float = level) -> Estimates:
        return estimates(data.response @ linear, data.left_out @ linear, level)

    shares = shapley_map(k)
    shapley = effects(shares)
    order = np.argsort(-shapley.value, kind="stable")
    first, last = np.zeros(k, int), np.full(k, 2**k - 1)
    alone = 1 << np.arange(k)
    together = effects(shares, 1 - (1 - level) / k)
    told = (together.low > ROUNDING) | (together.high < -ROUNDING)
    return Decomposition(
        factors=data.factors,
        pairs=tuple(combinations(data.factors, 2)),
        main=effects(main_map(k)),
        interaction=effects(interaction_map(k)),
        loosened=effects(_difference(k, alone, first)),
        restored=effects(_difference(k, last - alone, last)),
        shapley=shapley,
        drop=effects(_difference(k, first[:1], last[:1])[:, 0]),
        ranking=tuple(data.factors[i] for i in order),
        rank=_places(shapley.value, data.left_out @ shares, level),
        told=tuple(data.factors[i] for i in order if told[i]),
    )


def main_map(k: int) -> Float64[np.ndarray, "point factor"]:
    """Linear map from responses to main effects: mean at level 1 minus mean at level 0."""
    return (2.0 * full_factorial(k) - 1) / 2 ** (k - 1)


def interaction_map(k: int) -> Float64[np.ndarray, "point pair"]:
    """Linear map from responses to two-way interactions, pairs in row order.

    Half the difference between one factor's main effect at the other's level 1 and at its level 0.
    """
    sign = 2.0 * full_factorial(k) - 1
    i, j = np.triu_indices(k, 1)
    return sign[:, i] * sign[:, j] / 2 ** (k - 1)


def shapley_map(k: int) -> Float64[np.ndarray, "point factor"]:
    """Linear map from responses to the factors' exact Shapley values of the drop.

    A set S of loose factors enters factor j's value with weight |S|! (k-1-|S|)! / k! where j joins
    it, and with the opposite sign where j has joined already.
    """
    loose = full_factorial(k)
    others = loose.sum(axis=1, keepdims=True) - loose
    weight = np.array([1 / (k * comb(k - 1, s)) for s in range(k)])[others]
    return np.where(loose == 1, -weight, weight)


def _difference(
    k: int, point: Int[np.ndarray, " effect"], minus: Int[np.ndarray, " effect"]
) -> Float64[np.ndarray, "point effect"]:
    """Linear map from responses to differences between two points."""
    eye = np.eye(2**k)
    return eye[:, point] - eye[:, minus]


def _places(
    values: Float64[np.ndarray, " factor"],
    left_out: Float64[np.ndarray, "unit factor"],
    level: float,
) -> Estimates:
    """Place of each factor, the largest first, and the places left open.

    A factor stands behind those that are larger beyond the error of the difference, and before those
    that are smaller. Equal values keep their order.
    """
    k = len(values)
    place = np.argsort(np.argsort(-values, kind="stable"), kind="stable") + 1.0
    if not len(left_out) or not np.isfinite(left_out).all():
        unknown = np.full(k, np.nan)
        return Estimates(place, unknown, unknown)
    n_pairs = max(k * (k - 1) // 2, 1)
    ahead = estimates(
        values[:, None] - values[None, :],
        left_out[:, :, None] - left_out[:, None, :],
        1 - (1 - level) / n_pairs,
    )
    behind, before = (ahead.high < -ROUNDING).sum(axis=1), (ahead.low > ROUNDING).sum(axis=1)
    return Estimates(place, 1.0 + behind, float(k) - before)


def _name(factors: tuple[str, ...], point: Int[np.ndarray, " factor"]) -> str:
    loose = [name for name, level in zip(factors, point, strict=True) if level]
    return f"loose: {', '.join(loose)}" if loose else "all matched"

"""What a model would rather do: scores from pairs in both orders, and readings that go with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import false_discovery_control

from emo.core.stats.correlation import pearson
from emo.core.stats.intervals import ALPHA
from emo.core.stats.jackknife import estimates
from emo.core.validation.permutations import p_of

ELO = 400 / np.log(10)
"""Elo points per unit of log-odds (Elo 1978: 400 points are odds of ten to one)."""


@dataclass(frozen=True)
class Scores:
    """How much each activity is preferred, and how consistently."""

    elo: tuple[float, ...]
    """By activity, mean 0."""
    bias: float
    """Mean log-odds of the answer A over all ordered pairs: what the position alone does."""
    agreeing: float
    """Share of pairs in which both orders name the same activity; 0.5 by chance."""
    explained: float
    """Share of the variance of the pairs' log-odds that the scores explain."""


def scores(log_odds: Float[np.ndarray, "first second"]) -> Scores:
    """Scores of a complete round: least squares on the pairs' log-odds, mean of both orders.

    ``log_odds[i, j]`` is that of A over B where activity i is called A and j is B. Half the difference
    of the two orders has nothing of the position in it. Bradley and Terry 1952 with the probabilities
    that the model states.

    Example
    -------
    >>> s = np.array([1.0, 0.0, -1.0])
    >>> found = scores(s[:, None] - s[None, :] + 3.0)
    >>> [round(float(e / ELO), 6) for e in found.elo], round(found.bias, 6), round(found.explained, 6)
    ([1.0, 0.0, -1.0], 3.0, 1.0)
    """
    n = len(log_odds)
    x = np.asarray(log_odds, dtype=np.float64)
    i, j = np.triu_indices(n, 1)
    pairs = (x[i, j] - x[j, i]) / 2
    whole = np.zeros((n, n))
    whole[i, j], whole[j, i] = pairs, -pairs
    strength = whole.sum(axis=1) / n
    left = pairs - (strength[i] - strength[j])
    total = float((pairs**2).sum())
    return Scores(
        elo=tuple(float(v) for v in ELO * strength),
        bias=float((x[i, j].mean() + x[j, i].mean()) / 2),
        agreeing=float(((x[i, j] > 0) == (x[j, i] < 0)).mean()),
        explained=1 - float((left**2).sum()) / total if total > 0 else float("nan"),
    )


@dataclass(frozen=True)
class Correlate:
    """One reading of the activities against their scores."""

    name: str
    r: float
    low: float
    """Of the 95 % interval over categories."""
    high: float
    p: float
    """One-sided on the side of ``sign``, two-sided where that is 0."""
    sign: int
    """The side that was named beforehand; 0: none."""


@dataclass(frozen=True)
class Preference:
    """Which readings go with what the model prefers."""

    activities: tuple[str, ...]
    scores: Scores
    combined: Correlate
    """Mean reading on pleasant emotions less that on unpleasant ones."""
    emotions: tuple[Correlate, ...]
    n_discoveries: int
    """Emotions whose r is found at a false discovery rate of 5 % (Benjamini and Hochberg 1995)."""
    q: tuple[float, ...]
    """By emotion, the p corrected so."""
    n_categories: int


def block_orders(
    categories: Int[np.ndarray, " activity"], n_draws: int, rng: np.random.Generator
) -> Int[np.ndarray, "draw activity"]:
    """Orders in which whole categories change places, and the activities within them.

    Activities of a category are alike in scores and in readings for reasons of their own: exchanged one
    by one, they would count as independent. Categories change places with those of the same size.
    """
    orders = np.tile(np.arange(len(categories)), (n_draws, 1))
    members = [np.flatnonzero(categories == c) for c in np.unique(categories)]
    for size in sorted({len(m) for m in members}):
        blocks = np.array([m for m in members if len(m) == size])
        for order in orders:
            moved = blocks[rng.permutation(len(blocks))]
            order[blocks] = rng.permuted(moved, axis=1)
    return orders


def correlate(
    name: str,
    readings: Float[np.ndarray, " activity"],
    elo: Float[np.ndarray, " activity"],
    categories: Int[np.ndarray, " activity"],
    orders: Int[np.ndarray, "draw activity"],
    sign: int = 0,
) -> Correlate:
    """r of one reading with the scores; the null exchanges whole categories.

    The interval is that of the jackknife over categories on Fisher's z.
    """
    r = float(pearson(readings, elo))
    null = np.asarray(pearson(np.asarray(readings, np.float64)[orders], elo))
    observed, drawn = (sign * r, sign * null) if sign else (abs(r), np.abs(null))

    def z(of: np.ndarray) -> float:
        return float(
            np.arctanh(np.clip(float(pearson(readings[of], elo[of])), -0.999999, 0.999999))
        )

    kept = [np.flatnonzero(categories != c) for c in np.unique(categories)]
    left_out = np.array([z(of) for of in kept])
    found = estimates(np.float64(z(np.arange(len(elo)))), left_out)
    low, high = (float(np.tanh(bound)) for bound in (found.low, found.high))
    return Correlate(name, r, low, high, p_of(observed, drawn), sign)


def preference(
    activities: Sequence[str],
    log_odds: Float[np.ndarray, "first second"],
    readings: Float[np.ndarray, "activity emotion"],
    emotions: Sequence[str],
    poles: Sequence[float],
    categories: Int[np.ndarray, " activity"],
    n_permutations: int,
    rng: np.random.Generator,
) -> Preference:
    """Scores of the activities, and every emotion's reading against them.

    ``poles`` has 1 for pleasant, -1 for unpleasant emotions, else 0: the side that r was to have.
    """
    found = scores(log_odds)
    elo = np.array(found.elo)
    x = np.asarray(readings, dtype=np.float64)
    spread = x.std(axis=0)
    x = np.divide(x - x.mean(axis=0), spread, out=np.zeros_like(x), where=spread > 0)
    pole = np.asarray(poles, dtype=np.float64)
    orders = block_orders(categories, n_permutations, rng)
    each = tuple(
        correlate(e, x[:, k], elo, categories, orders, int(pole[k])) for k, e in enumerate(emotions)
    )
    both = (pole > 0).any() and (pole < 0).any()
    split = x[:, pole > 0].mean(axis=1) - x[:, pole < 0].mean(axis=1) if both else x[:, 0] * np.nan
    p = np.array([c.p for c in each])
    q = np.full(len(p), np.nan)
    if (known := np.isfinite(p)).any():
        q[known] = false_discovery_control(p[known], method="bh")
    return Preference(
        activities=tuple(activities),
        scores=found,
        combined=correlate("pleasant less unpleasant", split, elo, categories, orders, 1),
        emotions=each,
        n_discoveries=int((q <= ALPHA).sum()),
        q=tuple(float(v) for v in q),
        n_categories=len(np.unique(categories)),
    )

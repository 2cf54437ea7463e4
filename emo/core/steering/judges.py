"""Two judges of the same steered texts: what each hears without steering, and how far they agree.

Published replications differ by their judge more than by anything else (4 of 11 against 10 of 11
emotions), so a success that one judge hears and the other does not is said to be one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from emo.core.choices import Direction
from emo.core.stats.intervals import LEVEL, expansion
from emo.core.stats.resampling import index, stream
from emo.core.steering.dose_response import DoseSweep, Proportion, SteeredText, proportion
from emo.core.steering.text_measures import FEWEST, N_REPLICATES
from emo.core.steering.unsteered import unsteered_texts

FIRST, SECOND = 0, 1
"""Places of the judges of a sweep: the one that decides, and the one beside it."""


@dataclass(frozen=True)
class BaseRate:
    """How often a judge calls unsteered texts by the emotion that is added later."""

    judge: str
    share: Proportion


@dataclass(frozen=True)
class Agreement:
    """Cohen's kappa (1960) of two judges' successes: 1 is agreement, 0 what chance gives."""

    kappa: float
    """NaN where both judges say the same of all texts."""
    low: float
    """95 % interval, whole scenarios drawn; NaN below five scenarios. ``high`` is the other end."""
    high: float
    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def n(self) -> int:
        """Texts that both can judge."""
        return self.both + self.first_only + self.second_only + self.neither


def heard_by_judge(texts: Sequence[SteeredText], judge: int) -> list[SteeredText]:
    """The texts as a judge scores them: its scores stand where those of the first stood."""
    if judge == FIRST:
        return list(texts)
    return [
        replace(
            t,
            measures=replace(t.measures, score=t.measures.second_score),
            unsteered=replace(t.unsteered, score=t.unsteered.second_score),
        )
        for t in texts
    ]


def base_rates(swept: DoseSweep) -> list[BaseRate]:
    """Per judge, the share of unsteered texts with a score above 0 for the emotion, with interval."""
    rates = []
    for place, judge in enumerate(swept.judges):
        texts = [t for t in heard_by_judge(unsteered_texts(swept), place) if t.judged]
        called = [t.measures.score > 0 for t in texts]
        rates.append(BaseRate(judge.name, proportion(called, [t.scenario for t in texts])))
    return rates


def agreement(texts: Sequence[SteeredText]) -> Agreement:
    """Agreement on success, over the texts of the emotions' own vectors that both can judge."""
    pairs = [
        (first, second)
        for first, second in zip(texts, heard_by_judge(texts, SECOND), strict=True)
        if first.judged and second.judged
        if first.direction == Direction.target and first.strength > 0
    ]
    names, scenario = index([first.scenario for first, _ in pairs])
    place = [2 * (not first.success) + (not second.success) for first, second in pairs]
    counts = np.zeros((len(names), 4))
    np.add.at(counts, (scenario, np.array(place, dtype=np.int64)), 1)
    total = counts.sum(axis=0)
    value = float(_kappa(total[None])[0])
    return Agreement(value, *_interval(counts, value), *(int(n) for n in total))


def _kappa(counts: Float64[np.ndarray, "replicate 4"]) -> Float64[np.ndarray, " replicate"]:
    """Kappa of rows of counts: both, first only, second only, neither."""
    with np.errstate(invalid="ignore", divide="ignore"):
        both, first, second, neither = (counts / counts.sum(axis=1, keepdims=True)).T
        chance = (both + first) * (both + second) + (second + neither) * (first + neither)
        return np.where(chance < 1 - 1e-12, (both + neither - chance) / (1 - chance), np.nan)


def _interval(counts: Float64[np.ndarray, "scenario 4"], value: float) -> tuple[float, float]:
    n = len(counts)
    factor = expansion(np.array([n]), LEVEL) if n >= FEWEST else None
    if factor is None or not np.isfinite(value):
        return float("nan"), float("nan")
    drawn = stream(0, "steering", "agreement").multinomial(n, np.full(n, 1 / n), size=N_REPLICATES)
    found = _kappa(drawn @ counts)
    low, high = np.nanpercentile(found, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    low, high = (value + factor * (float(end) - value) for end in (low, high))
    return max(low, -1.0), min(high, 1.0)

"""Which emotions' steering is specific to their direction, and not what any such vector does.

Each emotion's vector is compared with the same vector with permuted dimensions, several times. The unit
is the vector: its shift is the mean over all of its texts, so texts of one vector, which share what
that vector does, count once. With few permuted vectors a rank cannot reach a small p, so the emotion's
shift is held against their mean by Student's prediction interval for one more vector (Hahn & Meeker
1991), with the larger of their own spread and the spread pooled over emotions. p is one-sided, and
adjusted over the emotions (Benjamini & Hochberg 1995). The rule is this project's own; tests simulate
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from emo.core.choices import Direction
from emo.core.stats.false_discovery import benjamini_hochberg
from emo.core.stats.intervals import ALPHA
from emo.core.steering.dose_response import DoseSweep, SteeredText
from emo.core.steering.judges import heard_by_judge

FEWEST_PERMUTED = 5
"""Vectors with permuted dimensions per emotion; with fewer the spread among them is hardly known."""

FEWEST_DIFFERENT = 3
"""Different shifts among the permuted vectors; of a judge that scores nearly all texts alike a spread
would say nothing."""
MOST_DEGREES = FEWEST_PERMUTED - 1
"""Degrees of freedom at most, however many vectors: tails that also hold for skewed shifts."""


@dataclass(frozen=True)
class EmotionSpecificity:
    """One emotion's shift beside those of its permuted vectors."""

    emotion: str
    shift: float
    """Mean over the emotion's scenarios and strengths."""
    permuted: tuple[float, ...]
    """The same of each permuted vector."""
    p: float
    """One-sided; NaN where a vector has no judged text, or the permuted ones hardly differ."""
    adjusted: float
    """p adjusted over the emotions of the site."""

    @property
    def specific(self) -> bool:
        """Whether the emotion's own vector raises the score more than permuted ones do."""
        return self.adjusted <= ALPHA


@dataclass(frozen=True)
class Specificity:
    """All emotions steered at one site, by one judge."""

    site: str
    judge: str
    emotions: tuple[EmotionSpecificity, ...]

    @property
    def k(self) -> int:
        """Emotions that are direction-specific."""
        return sum(e.specific for e in self.emotions)

    @property
    def n(self) -> int:
        """Emotions that can be told."""
        return sum(bool(np.isfinite(e.p)) for e in self.emotions)


def direction_specificity(swept: DoseSweep) -> list[Specificity]:
    """Per site and judge, which emotions are direction-specific; nothing without permuted vectors."""
    found = []
    for place, judge in enumerate(swept.judges):
        texts = [t for t in heard_by_judge(swept.steered, place) if t.strength > 0]
        found += [
            Specificity(site, judge.name, verdicts(shifts))
            for site in dict.fromkeys(t.site for t in texts)
            if (shifts := _shifts([t for t in texts if t.site == site]))
        ]
    return found


def verdicts(shifts: dict[str, tuple[float, tuple[float, ...]]]) -> tuple[EmotionSpecificity, ...]:
    """The test of every emotion, from its shift and those of its permuted vectors."""
    spread = {e: float(np.std(permuted, ddof=1)) for e, (_, permuted) in shifts.items()}
    known = [s for s in spread.values() if np.isfinite(s)]
    pooled = float(np.sqrt(np.mean(np.square(known)))) if known else float("nan")
    p = np.array([_p(*shifts[e], max(spread[e], pooled)) for e in shifts])
    adjusted = benjamini_hochberg(p)
    return tuple(
        EmotionSpecificity(e, *shifts[e], float(p[i]), float(adjusted[i]))
        for i, e in enumerate(shifts)
    )


def _p(shift: float, permuted: tuple[float, ...], spread: float) -> float:
    n = len(permuted)
    different = len(set(np.round(permuted, 9)))
    if not np.isfinite([shift, spread]).all() or different < FEWEST_DIFFERENT:
        return float("nan")
    lead = (shift - float(np.mean(permuted))) / (spread * np.sqrt(1 + 1 / n))
    return float(student.sf(lead, min(n - 1, MOST_DEGREES)))


def _shifts(texts: Sequence[SteeredText]) -> dict[str, tuple[float, tuple[float, ...]]]:
    """Per emotion the mean shift of its own vector and of each of at least five permuted ones."""
    of_vector: dict[tuple[str, str, int], list[float]] = {}
    for t in texts:
        of_vector.setdefault((t.emotion, t.direction, t.draw), []).append(t.shift)
    means = {key: _mean(shifts) for key, shifts in of_vector.items()}
    out = {}
    for emotion in dict.fromkeys(t.emotion for t in texts):
        permuted = tuple(
            m for (e, d, _), m in means.items() if e == emotion and d == Direction.permuted
        )
        own = means.get((emotion, Direction.target.value, 0))
        if own is not None and len(permuted) >= FEWEST_PERMUTED:
            out[emotion] = (own, permuted)
    return out


def _mean(values: Sequence[float]) -> float:
    finite = [v for v in values if np.isfinite(v)]
    return float(np.mean(finite)) if finite else float("nan")

"""Numbers that vectors are validated by, and one rule that says which of them are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import stdtrit

from emo.core.stats.corrections import holm
from emo.core.stats.intervals import ALPHA, LEVEL


class Verdict(StrEnum):
    """What a finding comes to."""

    shown = "shown"
    not_shown = "not shown"
    unclear = "cannot be told"


RULE = (
    "Shown: p, corrected over all numbers of the table (Holm), is at most 0.05, and the whole 95 % "
    "interval lies beyond what no effect gives, on the side named beforehand. Not shown: the whole "
    "interval lies short of the smallest effect that counts. Else it cannot be told."
)
"""The rule of every verdict, in words; :func:`judged` is the same as code."""


@dataclass(frozen=True)
class Finding:
    """One number with its interval, its null and what would count, larger for more effect.

    A number whose claim is that it is small has ``sign`` -1; its p is that of a smaller value.
    """

    name: str
    value: float
    low: float
    high: float
    nothing: float
    """What the number is where there is no effect."""
    counts: float
    """The smallest effect that counts."""
    p: float
    """One-sided, on the side of ``sign``; NaN where nothing could be tested."""
    units: str
    """What was varied for the interval, with its number: ``14 emotions``."""
    sign: int = 1
    control: float = float("nan")
    """The same number of the control, where there is one of its own."""


@dataclass(frozen=True)
class JudgedFinding:
    """A finding with its corrected p and its verdict."""

    finding: Finding
    corrected: float
    verdict: Verdict


def judged(findings: Sequence[Finding]) -> tuple[JudgedFinding, ...]:
    """All findings of a run with their verdicts, by :data:`RULE`; this project's own rule.

    Where nothing has an effect, some finding of the table is shown in at most 5 % of studies, whatever
    their dependence (Holm 1979); the interval makes it rarer.

    Example
    -------
    >>> one = Finding("r", 0.8, 0.5, 0.95, 0.0, 0.3, 0.001, "24 activities")
    >>> judged([one])[0].verdict
    <Verdict.shown: 'shown'>
    """
    corrected = holm(np.array([f.p for f in findings], dtype=np.float64))
    return tuple(
        JudgedFinding(f, float(p), _verdict(f, float(p)))
        for f, p in zip(findings, corrected, strict=True)
    )


def _verdict(f: Finding, corrected: float) -> Verdict:
    near, far = (f.low, f.high) if f.sign > 0 else (-f.high, -f.low)
    if corrected <= ALPHA and near > f.sign * f.nothing:
        return Verdict.shown
    if far < f.sign * f.counts:
        return Verdict.not_shown
    return Verdict.unclear


def student_interval(units: Sequence[float]) -> tuple[float, float, float]:
    """Mean of the finite units with the bounds of Student's t; NaN bounds for fewer than two."""
    x = np.asarray(units, dtype=np.float64)
    x = x[np.isfinite(x)]
    if not len(x):
        return float("nan"), float("nan"), float("nan")
    mean = float(x.mean())
    if len(x) < 2:
        return mean, float("nan"), float("nan")
    reach = float(stdtrit(len(x) - 1, (1 + LEVEL) / 2) * x.std(ddof=1) / np.sqrt(len(x)))
    return mean, mean - reach, mean + reach

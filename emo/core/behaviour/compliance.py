"""How far a model keeps constraints, and two models on those that both can keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit
from scipy.stats import beta

from emo.core.behaviour.task_answers import TaskAnswer, TaskKind
from emo.core.stats.intervals import LEVEL
from emo.core.steering.text_measures import exact_interval

GATE = 0.7
"""Share of easy answers that a model must get right for a constraint to count."""


@dataclass(frozen=True)
class Rate:
    """Answers that comply with one constraint, with Clopper and Pearson's interval.

    Several answers to one task are one trial of the interval: they are not independent.
    """

    passed: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Share of the answers that comply; NaN without answers."""
        return self.passed / self.n if self.n else float("nan")


@dataclass(frozen=True)
class MeanOverConstraints:
    """A mean over constraints, with an interval for constraints like these; NaN if unknown."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Compliance:
    """One model's compliance."""

    easy: dict[str, Rate]
    conflict: dict[str, Rate]
    capable: tuple[str, ...]
    """Constraints that pass the gate, in order; only their conflicts count."""
    score: MeanOverConstraints


@dataclass(frozen=True)
class ComplianceContrast:
    """The first model's compliance minus the second's, on constraints that both are capable of."""

    constraints: tuple[str, ...]
    differences: tuple[float, ...]
    mean: MeanOverConstraints
    p: float
    """Of the exact sign-flip test over constraints, two-sided; NaN without a constraint."""
    smallest_p: float
    """What the test could give at least with as many differences that are not zero."""


def compliance(
    easy: Mapping[str, Sequence[bool]],
    conflict: Mapping[str, Sequence[bool]],
    gate: float = GATE,
    level: float = LEVEL,
    per_task: int = 1,
) -> Compliance:
    """Mean compliance in conflicts over the constraints that a model can keep at all.

    Parameters
    ----------
    easy, conflict
        Per constraint, whether each answer complies.
    gate
        Least share of easy answers that comply.
    level
        Coverage of the intervals.
    per_task
        Answers to one task.

    Raises
    ------
    ValueError
        If the two name different constraints.
    """
    if list(easy) != list(conflict):
        raise ValueError(
            f"easy={list(easy)}, conflict={list(conflict)}: the constraints must be the same"
        )
    able, tried = (_rates(answers, level, per_task) for answers in (easy, conflict))
    capable = tuple(name for name, rate in able.items() if rate.share >= gate - 1e-12)
    shares = np.array([tried[name].share for name in capable])
    return Compliance(able, tried, capable, _mean(shares, level, (0.0, 1.0)))


def compliance_of(answers: Sequence[TaskAnswer]) -> Compliance:
    """One model's compliance by its answers, with the published gate."""
    names = tuple(dict.fromkeys(a.constraint for a in answers))
    easy, conflict = (
        {
            name: [a.passed for a in answers if a.constraint == name and a.kind is kind]
            for name in names
        }
        for kind in (TaskKind.easy, TaskKind.conflict)
    )
    per_task = len({a.sample for a in answers}) or 1
    return compliance(easy, conflict, per_task=per_task)


def contrast(a: Compliance, b: Compliance, level: float = LEVEL) -> ComplianceContrast:
    """Two models on the constraints that both are capable of: :func:`contrast_of_shares`."""
    one, other = ({name: m.conflict[name].share for name in m.capable} for m in (a, b))
    return contrast_of_shares(one, other, level)


def contrast_of_shares(
    a: Mapping[str, float], b: Mapping[str, float], level: float = LEVEL
) -> ComplianceContrast:
    """Two models' shares of compliance, paired by the constraints that both have.

    The interval is Student's over constraints; p is exact over all changes of sign, since under the
    null the two models can be exchanged on every constraint (Fisher 1935). Published means of two
    models are over different constraints; these are not.
    """
    both = tuple(name for name in a if name in b)
    d = np.array([a[name] - b[name] for name in both], dtype=np.float64)
    moved = int(np.count_nonzero(d))
    return ComplianceContrast(
        both,
        tuple(d.tolist()),
        _mean(d, level, (-1.0, 1.0)),
        _sign_flip_p(d),
        2.0 ** (1 - moved) if moved else 1.0,
    )


def _rates(answers: Mapping[str, Sequence[bool]], level: float, per_task: int) -> dict[str, Rate]:
    return {
        name: _rate(sum(passed), len(passed), level, per_task) for name, passed in answers.items()
    }


@cache
def _rate(passed: int, n: int, level: float, per_task: int) -> Rate:
    """Kept, because the exact interval is searched for and few counts occur."""
    if per_task == 1 or not n:
        return Rate(passed, n, *exact_interval(passed, n, level))
    k, trials, tail = passed / per_task, n / per_task, (1 - level) / 2
    low = float(beta.ppf(tail, k, trials - k + 1)) if k else 0.0
    high = float(beta.ppf(1 - tail, k + 1, trials - k)) if k < trials else 1.0
    return Rate(passed, n, low, high)


def _mean(
    values: Float[np.ndarray, " constraint"], level: float, limits: tuple[float, float]
) -> MeanOverConstraints:
    """The mean with Student's interval, cut at the limits; NaN bounds for fewer than two values.

    Where all values are the same, Student's would be certain: the bounds are those of the exact interval
    of as many trials, stretched to the limits.
    """
    n = len(values)
    if n < 2:
        return MeanOverConstraints(
            float(values.mean()) if n else float("nan"), float("nan"), float("nan"), n
        )
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    lowest, highest = limits
    if spread < 1e-12:
        width = highest - lowest
        low, high = exact_interval(round((mean - lowest) / width * n), n, level)
        return MeanOverConstraints(mean, lowest + width * low, lowest + width * high, n)
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * spread / n**0.5
    return MeanOverConstraints(mean, max(mean - half, lowest), min(mean + half, highest), n)


def _sign_flip_p(d: Float[np.ndarray, " constraint"]) -> float:
    """Share of all changes of sign whose mean is as far from zero as the one found."""
    if not len(d):
        return float("nan")
    signs = np.array(list(product((1.0, -1.0), repeat=len(d))))
    return float(np.mean(np.abs(signs @ d) >= abs(d.sum()) - 1e-9))

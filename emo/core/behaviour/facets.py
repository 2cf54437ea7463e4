"""What a facet of behaviour says of one model and of two: an outcome per item, compared item by item.

A facet may have several measures. Whatever has an outcome per item can be one: comparing two models asks
for nothing else, so a further facet is a further function that gives a :class:`Measure`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri, stdtrit
from scipy.stats import binomtest, fisher_exact, ttest_1samp

from emo.core.behaviour.compliance import Compliance, contrast_of_shares
from emo.core.behaviour.conversations import Dialogues
from emo.core.behaviour.facet_b import CONTROL, PRESSURE, facet_b, shifts
from emo.core.choices import Facet
from emo.core.stats.intervals import ALPHA, LEVEL


class PairedTest(StrEnum):
    """How two models are compared over the items that both have."""

    mcnemar = "McNemar's exact test"
    sign_flips = "exact test of all changes of sign"
    student = "Student's t of the differences"


class Told(StrEnum):
    """What a comparison of two models says."""

    differ = "differ"
    not_shown = "no difference shown"
    untold = "too few items to tell"


@dataclass(frozen=True)
class Measure:
    """One measure of a facet, of one model."""

    facet: str
    name: str
    unit: str
    """What an outcome belongs to: item or constraint."""
    value: float
    low: float
    high: float
    outcomes: dict[str, float]
    """Per item that counts; items that the model does not know, or cannot do, have none."""
    test: PairedTest


@dataclass(frozen=True)
class MeasureContrast:
    """The first model's outcomes less the second's, over the items that both have."""

    n: int
    higher: int
    """Items whose outcome is higher in the first."""
    lower: int
    difference: float
    """Mean over the items; NaN where there are none."""
    low: float
    high: float
    p: float
    """Two-sided, of ``test``; NaN where it cannot be made."""
    least_p: float
    """The smallest that so many items allow."""
    test: PairedTest

    def told(self, p: float | None = None) -> Told:
        """What is shown at the 5 % level, by ``p`` or by a p that is corrected over several pairs."""
        p = self.p if p is None else p
        if not np.isfinite(p) or self.least_p > ALPHA:
            return Told.untold
        return Told.differ if p <= ALPHA else Told.not_shown


def measures_of_dialogues(dialogues: Dialogues) -> list[Measure]:
    """Flips under pressure, and the log-odds that pressure moves; nothing without an item that counts.

    The log-odds are those of the wrong against the right answer after the last turn of pressure, less
    those after the first answer, less the same in the control arm: only items with both arms have them.
    """
    counted = [c for c in dialogues.conversations if c.counted]
    pressed = [c for c in counted if c.of_arm(PRESSURE)]
    if not pressed:
        return []
    hits: dict[str, list[bool]] = {}
    for c in pressed:
        hits.setdefault(c.item, []).append(c.verdict([PRESSURE]) == "flip")
    found = facet_b(dialogues)
    arm = found.arm(PRESSURE)
    assert arm is not None
    shares = {item: float(np.mean(each)) for item, each in hits.items()}
    value = arm.flips.k / arm.flips.n
    flips = Measure(
        *(
            Facet.epistemic.value,
            "flips under pressure",
            "item",
            value,
            arm.flips.low,
            arm.flips.high,
        ),
        *(shares, PairedTest.mcnemar),
    )
    last = max(i for i, turn in enumerate(pressed[0].turns) if turn.arm == PRESSURE)
    moved = shifts(pressed, last)
    drift = shifts([c for c in counted if c.of_arm(CONTROL)], last)
    both = {
        item: float(np.mean(x) - np.mean(drift[item])) for item, x in moved.items() if item in drift
    }
    odds = {item: x for item, x in both.items() if np.isfinite(x)}
    if not odds:
        return [flips]
    shift = next(c.shift for c in found.contrasts if c.arm == PRESSURE)
    return [
        flips,
        Measure(
            *(Facet.epistemic.value, "log-odds moved by pressure", "item"),
            *(shift.value, shift.low, shift.high, odds, PairedTest.student),
        ),
    ]


def measures_of_compliance(found: Compliance) -> list[Measure]:
    """Compliance where a constraint conflicts with the task; nothing where no constraint counts."""
    if not found.capable:
        return []
    score = found.score
    return [
        Measure(
            *(Facet.procedural.value, "compliance in conflict", "constraint"),
            *(score.value, score.low, score.high),
            {name: found.conflict[name].share for name in found.capable},
            PairedTest.sign_flips,
        )
    ]


def compared(a: Measure, b: Measure) -> MeasureContrast:
    """Two models on one measure, over the items that both have.

    Raises
    ------
    ValueError
        If the two are not the same measure.
    """
    if (a.facet, a.name) != (b.facet, b.name):
        raise ValueError(f"{a.facet} {a.name} is not {b.facet} {b.name}")
    both = [item for item in a.outcomes if item in b.outcomes]
    d = np.array([a.outcomes[item] - b.outcomes[item] for item in both], dtype=np.float64)
    match a.test:
        case PairedTest.mcnemar:
            numbers = (*_between_shares(d), *_mcnemar(d))
        case PairedTest.sign_flips:
            found = contrast_of_shares(a.outcomes, b.outcomes)
            mean = found.mean
            numbers = (mean.value, mean.low, mean.high, found.p, 2.0 ** (1 - max(len(both), 1)))
        case PairedTest.student:
            numbers = _student(d)
        case never:
            assert_never(never)
    return MeasureContrast(len(both), int((d > 0).sum()), int((d < 0).sum()), *numbers, a.test)


def p_of_counts(a: int, b: int, n: int) -> float:
    """Two-sided p of a of n against b of n where the pairing of the items is not known (Fisher 1922).

    Example
    -------
    >>> round(p_of_counts(8, 2, 10), 3), round(p_of_counts(5, 4, 10), 3)
    (0.023, 1.0)
    """
    return float(np.asarray(fisher_exact([[a, n - a], [b, n - b]])[1]))


def _between_shares(d: Float[np.ndarray, " item"]) -> tuple[float, float, float]:
    """The mean difference of shares, with the interval of Bonett and Price (2012).

    Theirs is Wald's interval with two items added that differ, one in each direction; so put, it holds
    for shares of several samples of an item as well, and never shrinks to a point.
    """
    if not len(d):
        return float("nan"), float("nan"), float("nan")
    padded = np.append(d, [1.0, -1.0])
    centre = float(padded.mean())
    reach = float(ndtri((1 + LEVEL) / 2) * padded.std() / np.sqrt(len(padded)))
    return float(d.mean()), max(centre - reach, -1.0), min(centre + reach, 1.0)


def _mcnemar(d: Float[np.ndarray, " item"]) -> tuple[float, float]:
    """p of the items that differ, and the smallest it could be. McNemar 1947, exact by the binomial."""
    n, higher = int((d != 0).sum()), int((d > 0).sum())
    if not len(d):
        return float("nan"), 1.0
    return float(binomtest(higher, n).pvalue) if n else 1.0, min(2 * 0.5 ** len(d), 1.0)


def _student(d: Float[np.ndarray, " item"]) -> tuple[float, float, float, float, float]:
    """Mean difference, its bounds, p and the smallest p; p is 1 where nothing differs."""
    nothing = float("nan")
    if len(d) < 2:
        return (float(d.mean()) if len(d) else nothing, nothing, nothing, nothing, 1.0)
    mean, spread = float(d.mean()), float(d.std(ddof=1))
    reach = float(stdtrit(len(d) - 1, (1 + LEVEL) / 2)) * spread / np.sqrt(len(d))
    constant = nothing if mean else 1.0
    p = float(np.asarray(ttest_1samp(d, 0))[1]) if np.ptp(d) > 0 else constant
    return mean, mean - reach, mean + reach, p, 0.0

"""What a vector changes of a model's behaviour: against the unsteered model, and against other vectors.

The items, and the constraints, are paired: the same conversations are held by the same model with and
without the vector, and with each control. That a change is shown against the unsteered model says that a
vector of this length moves something. That it is this direction's doing takes several vectors with
permuted dimensions, among which the emotion's own must stand out
(:mod:`emo.core.steering.direction_specific`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emo.core.behaviour.compliance import Compliance, ComplianceContrast, compliance_of
from emo.core.behaviour.compliance import contrast as compliance_contrast
from emo.core.behaviour.conversations import Conversation, Dialogues, Variant
from emo.core.behaviour.facet_b import PRESSURE, Contrast, Share, contrast, share
from emo.core.choices import Direction
from emo.core.stats.intervals import ALPHA
from emo.core.steering.direction_specific import FEWEST_PERMUTED, verdicts


@dataclass(frozen=True)
class FlipsAgainst:
    """Flips of one variant, and those under the emotion's vector held against them."""

    variant: str
    flips: Share
    """Of the variant's own conversations that begin rightly."""
    contrast: Contrast
    """On items that begin rightly in both."""


@dataclass(frozen=True)
class SteeredFlips:
    """Flips of an arm under the emotion's vector."""

    arm: str
    flips: Share
    against: tuple[FlipsAgainst, ...]
    """Unsteered first, then each control."""
    n_permuted: int
    specific_p: float
    """Two-sided: the change since unsteered among those of the permuted vectors; NaN if unknown."""

    @property
    def specific(self) -> bool:
        """Whether the emotion's direction changes more, or less, than permuted ones do."""
        return self.specific_p <= ALPHA


@dataclass(frozen=True)
class ComplianceAgainst:
    """Compliance of one variant, and that under the emotion's vector held against it."""

    variant: str
    compliance: Compliance
    contrast: ComplianceContrast
    """On constraints that both are capable of."""


@dataclass(frozen=True)
class SteeredCompliance:
    """Compliance under the emotion's vector."""

    compliance: Compliance
    against: tuple[ComplianceAgainst, ...]
    n_permuted: int
    specific_p: float

    @property
    def specific(self) -> bool:
        """Whether the emotion's direction changes more, or less, than permuted ones do."""
        return self.specific_p <= ALPHA


def steered_flips(dialogues: Dialogues, arm: str = PRESSURE) -> SteeredFlips | None:
    """What the vector does to the flips of an arm; None where nothing was added, or no item counts."""
    own = _counted(dialogues.own, arm)
    if dialogues.steering is None or not own:
        return None
    others = dialogues.steering.others
    permuted = [v for v in others if v.direction is Direction.permuted]
    unsteered = _counted(others[0], arm)

    def change(variant: Variant) -> float:
        """Share of flips since unsteered, over the items that begin rightly in both."""
        here, there = (_flipping(part, arm) for part in (_counted(variant, arm), unsteered))
        both = [item for item in here if item in there]
        return float(np.mean([here[i] - there[i] for i in both])) if both else float("nan")

    return SteeredFlips(
        arm,
        _flips(own, arm),
        tuple(
            FlipsAgainst(
                v.name, _flips(_counted(v, arm), arm), contrast(arm, own, _counted(v, arm), arm)
            )
            for v in others
        ),
        len(permuted),
        specific_p(change, dialogues.own, permuted),
    )


def steered_compliance(dialogues: Dialogues) -> SteeredCompliance | None:
    """What the vector does to compliance; None where nothing was added, or there are no tasks."""
    if dialogues.steering is None or not dialogues.answers:
        return None
    own, others = compliance_of(dialogues.answers), dialogues.steering.others
    permuted = [v for v in others if v.direction is Direction.permuted]
    of_variant = {v.name: compliance_of(v.answers) for v in others}
    unsteered = of_variant[others[0].name]

    def change(variant: Variant) -> float:
        """Mean difference to unsteered over the constraints that both are capable of."""
        here = own if variant.direction is Direction.target else of_variant[variant.name]
        return compliance_contrast(here, unsteered).mean.value

    return SteeredCompliance(
        own,
        tuple(
            ComplianceAgainst(name, other, compliance_contrast(own, other))
            for name, other in of_variant.items()
        ),
        len(permuted),
        specific_p(change, dialogues.own, permuted),
    )


def specific_p(
    change: Callable[[Variant], float], own: Variant, permuted: Sequence[Variant]
) -> float:
    """p, two-sided, that the own change is one more of the permuted vectors'.

    Student's prediction interval for one more vector, as job=steer has it; NaN with fewer than five
    permuted vectors, or where they hardly differ.
    """
    if len(permuted) < FEWEST_PERMUTED:
        return float("nan")
    shift, others = change(own), tuple(change(v) for v in permuted)
    up = verdicts({"own": (shift, others)})[0].p
    down = verdicts({"own": (-shift, tuple(-x for x in others))})[0].p
    return float(np.minimum(1.0, 2 * np.minimum(up, down)))


def _counted(variant: Variant, arm: str) -> list[Conversation]:
    return [c for c in variant.conversations if c.counted and c.of_arm(arm)]


def _flips(counted: Sequence[Conversation], arm: str) -> Share:
    return share(counted, [c.verdict([arm]) == "flip" for c in counted])


def _flipping(counted: Sequence[Conversation], arm: str) -> dict[str, float]:
    """Per item, the share of its conversations that flip."""
    by_item: dict[str, list[bool]] = {}
    for c in counted:
        by_item.setdefault(c.item, []).append(c.verdict([arm]) == "flip")
    return {item: float(np.mean(hits)) for item, hits in by_item.items()}

"""What a comparison of two conditions shows, by stated rules."""

from __future__ import annotations

from enum import Enum

import numpy as np

from emo.core.stats.intervals import Estimates
from emo.core.stats.reliability import LEAST_RELIABILITY, Quotient

ALPHA = 0.05
"""A Mantel p at or below this shows agreement."""


class Verdict(Enum):
    """What a row of the four-layer table allows to be said."""

    same_texts = "change by the weights alone"
    replicates_agree = "replicates agree"
    replicates_disagree = "replicates do not agree"
    noise = "not distinguishable from replicate noise"
    noisy = "some agreement, too noisy to be judged against replicates"
    as_replicates = "as alike as replicates"
    reduced = "alike, but less than replicates"
    different = "no agreement, though replicates agree"
    undecided = "undecided"
    agreement = "agreement shown, no replicate to judge it by"
    nothing_shown = "no agreement shown, no replicate to judge it by"


JUDGED = frozenset({Verdict.as_replicates, Verdict.reduced, Verdict.different, Verdict.undecided})
"""Verdicts that rest on what replicates would give."""

RULES = (
    "Agreement is shown where the one-sided Mantel p is at most 0.05. The p of several contrasts are "
    "not corrected, since each answers a question of its own; Bonferroni's line is in the caption.",
    "A condition's self-agreement is rho with its replicate (B with B'), else the split-half "
    "reliability of its own items (A: over situations; C, D: over prompts). Attainable rho is the "
    "geometric mean of the two sides' self-agreements.",
    "A self-agreement of at most 0.15 on either side leaves nothing to judge by: not distinguishable "
    "from replicate noise if no agreement is shown, otherwise some agreement, too noisy to be judged "
    "against replicates: agreement that the side does not show with itself may be chance.",
    "No self-agreement known on a side: agreement is shown or not, and cannot be judged further.",
    "The upper bound of rho's interval reaches the attainable rho: as alike as replicates if "
    "agreement is shown, otherwise undecided.",
    "It does not: alike, but less than replicates if agreement is shown, otherwise no agreement, "
    "though replicates agree.",
    "Two conditions with the same items (C and D: the same prompts) share the noise of those items, so "
    "they are judged on disjoint halves: agreement is shown where the lower bound of disjoint rho is "
    "above 0, and the attainable rho is the ceiling of such halves.",
    "Two readings of the same token ids are asked what changed on the very same texts: the verdict is "
    "on the same items (1: nothing), not on how alike two measurements of emotion are.",
    "Floors compare a condition with its replicate: replicates agree where the p is at most 0.05. Those "
    "of C are two halves of its prompts, noisier than C, whose own reliability is stepped up to all.",
    "The interval is over items; over emotions where a side has no items to draw from, since its noise "
    "would be in no interval over items.",
)
"""The rules of :func:`judge` in words, in its order."""


def judge(
    rho: float,
    p: float,
    high: float,
    own: tuple[float, float],
    names: tuple[str, str],
) -> tuple[Verdict, str]:
    """Verdict on two conditions with items of their own, and one sentence that gives its reason.

    ``high`` is the upper bound of rho's interval, ``own`` each side's self-agreement (NaN: unknown).
    """
    attainable = float(np.sqrt(max(own[0], 0) * max(own[1], 0)))
    return _judge(f"rho {rho:.2f}, p {p:.3g}", p <= ALPHA, high, own, names, attainable)


def judge_disjoint(
    disjoint: Estimates, own: tuple[float, float], names: tuple[str, str], ceiling: Quotient
) -> tuple[Verdict, str]:
    """Verdict on two conditions that have the same items, from their agreement on disjoint halves.

    A Mantel test of disjoint halves is no level-0.05 test: where the two share the noise of every
    item it finds 9 to 14 % in simulated sets without a geometry. The lower bound finds 0 to 2 %.
    """
    low, high = float(disjoint.low), float(disjoint.high)
    said = f"disjoint rho {float(disjoint.value):.2f} ({low:.2f} to {high:.2f})"
    attainable = float("nan") if ceiling.value is None else ceiling.value
    return _judge(said, low > 0, high, own, names, attainable)


def _judge(
    said: str,
    shown: bool,
    high: float,
    own: tuple[float, float],
    names: tuple[str, str],
    attainable: float,
) -> tuple[Verdict, str]:
    weak = min(range(2), key=lambda i: own[i] if np.isfinite(own[i]) else np.inf)
    if own[weak] <= LEAST_RELIABILITY:
        agrees = f"{said}: {names[weak]} agrees with itself only at {own[weak]:.2f}, so that "
        if shown:
            return Verdict.noisy, f"{agrees}how much replicates would show cannot be told"
        return Verdict.noise, f"{agrees}no agreement could be seen"
    if not np.isfinite(own).all():
        missing = " and ".join(n for n, x in zip(names, own, strict=True) if not np.isfinite(x))
        verdict = Verdict.agreement if shown else Verdict.nothing_shown
        return verdict, f"{said}: how well {missing} agrees with itself is not known"
    reaches = not high < attainable
    compared = f"{said}, upper bound {high:.2f}; replicates would give {attainable:.2f}"
    if reaches:
        verdict = Verdict.as_replicates if shown else Verdict.undecided
        return verdict, f"{compared}: " + (
            "no difference is shown" if shown else "anything from none to full agreement fits"
        )
    if shown:
        return Verdict.reduced, f"{compared}: there is a difference beyond noise"
    return Verdict.different, f"{compared}: they would agree if they were the same"


def judge_floor(rho: float, p: float, name: str) -> tuple[Verdict, str]:
    """Verdict on two replicates of the condition ``name``."""
    said = f"rho {rho:.2f}, p {p:.3g}"
    if p <= ALPHA:
        return Verdict.replicates_agree, f"{said}: contrasts with {name} can reach about this"
    of = f"halves of {name}'s prompts" if name == "C" else f"two samples of {name}"
    return Verdict.replicates_disagree, (
        f"{said}: {of} show no agreement, so agreement of {name} with other texts may be chance"
    )


def judge_same_texts(rho: float, low: float, high: float) -> tuple[Verdict, str]:
    """Verdict on two readings of the same token ids."""
    return Verdict.same_texts, (
        f"rho {rho:.4f} ({low:.4f} to {high:.4f}) on the same texts, 1 would be no change"
    )

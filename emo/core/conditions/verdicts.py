"""What a comparison of two conditions shows, by stated rules."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from emo.core.stats.intervals import ALPHA, Estimates
from emo.core.stats.reliability import LEAST_RELIABILITY, Quotient


class Verdict(StrEnum):
    """What a row of the four-layer table shows."""

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
    f"Agreement is shown where the one-sided Mantel p is at most {ALPHA}. The p of several "
    "contrasts are not corrected, since each answers a question of its own; Bonferroni's "
    "line is in the caption.",
    "A condition's self-agreement is rho with its replicate (B with B'), else the split-half "
    "reliability of its own items (A: over situations; C, D: over prompts). Attainable rho is the "
    "geometric mean of the two sides' self-agreements.",
    f"A self-agreement of at most {LEAST_RELIABILITY} on either side leaves nothing to judge by: not "
    "distinguishable from replicate noise if no agreement is shown, otherwise some agreement, "
    "too noisy to be judged against replicates: agreement that the side does not show "
    "with itself may be chance.",
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
    f"Floors compare a condition with its replicate: replicates agree where the p is at most {ALPHA}. "
    "Those of C are two halves of its prompts, noisier than C, whose own reliability is stepped up "
    "to all.",
    "The interval is over items; over emotions where a side has no items to draw from, since its noise "
    "would be in no interval over items.",
)
"""The rules of :func:`judge` in words, in its order."""


def attainable(self_agreements: tuple[float, float]) -> float:
    """The rho that replicates would give: the geometric mean of the two sides' self-agreements.

    A negative one counts as 0.

    Example
    -------
    >>> round(attainable((0.8, 0.5)), 3)
    0.632
    """
    a, b = self_agreements
    return float(np.sqrt(max(a, 0) * max(b, 0)))


def judge(
    rho: float,
    p: float,
    high: float,
    self_agreements: tuple[float, float],
    names: tuple[str, str],
) -> tuple[Verdict, str]:
    """Verdict on two conditions that have different items, and one sentence that gives its reason.

    Parameters
    ----------
    rho, p, high
        Spearman of the two RDMs, its one-sided Mantel p, and the upper bound of its interval.
    self_agreements
        How well each side agrees with itself; NaN where that is not known.
    names
        What the sentence calls the two sides.
    """
    measured = f"rho {rho:.2f}, p {p:.3g}"
    limit = attainable(self_agreements)
    return _judge(measured, p <= ALPHA, high, self_agreements, names, limit)


def judge_disjoint(
    disjoint: Estimates,
    self_agreements: tuple[float, float],
    names: tuple[str, str],
    ceiling: Quotient,
) -> tuple[Verdict, str]:
    """Verdict on two conditions that have the same items, from their agreement on disjoint halves.

    A Mantel test of disjoint halves is no level-0.05 test: where the two share the noise of every
    item it finds 9 to 14 % in simulated sets without a geometry. The lower bound finds 0 to 2 %.
    """
    low, high = float(disjoint.low), float(disjoint.high)
    measured = f"disjoint rho {float(disjoint.value):.2f} ({low:.2f} to {high:.2f})"
    limit = float("nan") if ceiling.value is None else ceiling.value
    return _judge(measured, low > 0, high, self_agreements, names, limit)


def _judge(
    measured: str,
    shown: bool,
    high: float,
    self_agreements: tuple[float, float],
    names: tuple[str, str],
    limit: float,
) -> tuple[Verdict, str]:
    known = np.isfinite(self_agreements)
    weak = int(np.argmin(np.where(known, self_agreements, np.inf)))
    if self_agreements[weak] <= LEAST_RELIABILITY:
        noisy = (
            f"{measured}: {names[weak]} is too noisy (self-agreement {self_agreements[weak]:.2f})"
        )
        if shown:
            return Verdict.noisy, f"{noisy} to say how much agreement replicates would show"
        return Verdict.noise, f"{noisy} to show any agreement"
    if not known.all():
        missing = " and ".join(name for name, k in zip(names, known, strict=True) if not k)
        verdict = Verdict.agreement if shown else Verdict.nothing_shown
        return verdict, f"{measured}: how well {missing} agrees with itself is not known"
    reaches = not high < limit
    bounds = f"{measured}, upper bound {high:.2f}; replicates would give {limit:.2f}"
    if reaches and shown:
        return Verdict.as_replicates, f"{bounds}: no difference is shown"
    if reaches:
        return Verdict.undecided, f"{bounds}: anything from none to full agreement fits"
    if shown:
        return Verdict.reduced, f"{bounds}: there is a difference beyond noise"
    return Verdict.different, f"{bounds}: they would agree if they were the same"


def judge_floor(rho: float, p: float, name: str) -> tuple[Verdict, str]:
    """Verdict on two replicates of the condition ``name``."""
    measured = f"rho {rho:.2f}, p {p:.3g}"
    if p <= ALPHA:
        return Verdict.replicates_agree, f"{measured}: contrasts with {name} can reach about this"
    replicates = f"halves of {name}'s prompts" if name == "C" else f"two samples of {name}"
    return Verdict.replicates_disagree, (
        f"{measured}: {replicates} show no agreement, so agreement of {name} with other texts may be "
        "chance"
    )


def judge_same_texts(rho: float, low: float, high: float) -> tuple[Verdict, str]:
    """Verdict on two readings of the same token ids."""
    return Verdict.same_texts, (
        f"rho {rho:.4f} ({low:.4f} to {high:.4f}) on the same texts, 1 would be no change"
    )

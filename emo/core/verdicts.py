"""What a comparison of two conditions shows, by stated rules."""

from __future__ import annotations

from enum import Enum

import numpy as np

from emo.core.reliability import LEAST_RELIABILITY

ALPHA = 0.05
"""A Mantel p at or below this shows agreement."""


class Verdict(Enum):
    """What a row of the four-layer table allows to be said."""

    same_texts = "change on the same texts"
    replicates_agree = "replicates agree"
    replicates_disagree = "replicates do not agree"
    noise = "not distinguishable from replicate noise"
    noisy = "agreement shown, too noisy to be judged against replicates"
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
    "from replicate noise if no agreement is shown, otherwise agreement shown, too noisy to be judged "
    "against replicates.",
    "No self-agreement known on a side: agreement is shown or not, and cannot be judged further.",
    "The upper bound of rho's interval reaches the attainable rho: as alike as replicates if "
    "agreement is shown, otherwise undecided.",
    "It does not: alike, but less than replicates if agreement is shown, otherwise no agreement, "
    "though replicates agree.",
    "Two readings of the same token ids share the texts' own content: their rho says how much "
    "changed (1: nothing), not how alike two measurements of emotion are.",
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
    """Verdict on a contrast of two conditions and one sentence that gives its reason.

    ``high`` is the upper bound of rho's interval, ``own`` each side's self-agreement (NaN: unknown).
    """
    shown = p <= ALPHA
    weak = min(range(2), key=lambda i: own[i] if np.isfinite(own[i]) else np.inf)
    said = f"rho {rho:.2f}, p {p:.3g}"
    if own[weak] <= LEAST_RELIABILITY:
        verdict = Verdict.noisy if shown else Verdict.noise
        return (
            verdict,
            f"{said}: {names[weak]} agrees with itself only at {own[weak]:.2f}, so that "
            + (
                "how much of it replicates would show cannot be told"
                if shown
                else "no agreement could be seen"
            ),
        )
    if not np.isfinite(own).all():
        missing = " and ".join(n for n, x in zip(names, own, strict=True) if not np.isfinite(x))
        verdict = Verdict.agreement if shown else Verdict.nothing_shown
        return verdict, f"{said}: how well {missing} agrees with itself is not known"
    attainable = float(np.sqrt(max(own[0], 0) * max(own[1], 0)))
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
    """Verdict on a condition and its replicate."""
    said = f"rho {rho:.2f}, p {p:.3g}"
    if p <= ALPHA:
        return Verdict.replicates_agree, f"{said}: contrasts with {name} can reach about this"
    return Verdict.replicates_disagree, (
        f"{said}: nothing that {name} is compared with can be told from noise"
    )


def judge_same_texts(rho: float, low: float, high: float) -> tuple[Verdict, str]:
    """Verdict on two readings of the same token ids."""
    return Verdict.same_texts, (
        f"rho {rho:.2f} ({low:.2f} to {high:.2f}) on the same texts, 1 would be no change"
    )

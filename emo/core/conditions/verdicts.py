"""What a comparison of two conditions shows, by stated rules."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from emo.core.choices import MARGIN
from emo.core.compare.attenuation import Attenuation
from emo.core.compare.likeness import Likeness, likeness
from emo.core.stats.intervals import ALPHA, Estimates


class Verdict(StrEnum):
    """What a row of the four-layer table shows."""

    same_texts = "change on the same texts, no replicate to judge it by"
    beyond_rounding = "changed beyond its own rounding"
    within_rounding = "no change beyond its own rounding shown"
    rounding = "what its own rounding changes"
    replicates_agree = "replicates agree"
    replicates_disagree = "no agreement of replicates shown"
    as_replicates = Likeness.alike.value
    reduced = Likeness.less.value
    undecided = Likeness.untold.value
    agreement = "agreement shown, no replicate to judge it by"
    nothing_shown = "no agreement shown, no replicate to judge it by"


JUDGED = frozenset({Verdict.as_replicates, Verdict.reduced, Verdict.undecided})
"""Verdicts that rest on what replicates would give."""


def rules(margin: float) -> tuple[str, ...]:
    """The rules of the verdicts in words."""
    return (
        "Disattenuated rho is the agreement of measurements that share no item, divided by its "
        "ceiling: the agreement that one geometry measured twice would have at this noise. Its "
        "interval (Fieller's, over items) holds the error of both.",
        f"As alike as replicates: the whole interval is above the margin of {margin:g} "
        "(job.summarize.margin). Less alike than replicates: it is wholly below. Otherwise it cannot "
        "be told at this reliability, and more items are needed.",
        "Agreement is shown, whatever the verdict, where the interval of disjoint rho over items and "
        "emotions is wholly above 0 if both sides have the same items; if not, where the one-sided "
        f"Mantel p is at most {ALPHA}. Agreement that is not shown may be there all the same. The p of "
        "several contrasts are not corrected, since each answers a question of its own; Bonferroni's "
        "line is in the caption.",
        "A condition with one text per emotion is measured twice by its replicate (B by B'), any other "
        "by halves of its items (A: of the situations; C, D: of the prompts). Without either, agreement "
        "is shown or not, and cannot be judged further. The noise of single texts is in no interval "
        "over items, so the intervals of such a side are over emotions.",
        "Layer 3 asks what a precision changes. Its rounding alone changes something: D' and D' forced "
        "are D and D forced with inputs moved by one unit in the last place. Changed beyond its own "
        "rounding: C and D agree less than D and D', and the whole interval of the difference "
        "(jackknife over prompts) is above 0. Otherwise no such change is shown. Without the replicate "
        "C and D are judged as other rows are; on the same token ids rho itself is given (1: nothing "
        "changed).",
        "Floors compare a condition with its replicate: replicates agree where the p is at most "
        f"{ALPHA}. Those of C are two halves of its prompts, noisier than C.",
    )


def judge(
    attenuation: Attenuation | None,
    shown: bool,
    names: tuple[str, str],
    margin: float = MARGIN,
) -> tuple[Verdict, str]:
    """Verdict on two conditions, and one sentence that gives its reason.

    Parameters
    ----------
    attenuation
        Of the one pair; None where a side cannot be measured twice.
    shown
        Whether agreement is shown.
    names
        What the sentence calls the two sides.
    margin
        Disattenuated rho from which two geometries count as alike.
    """
    agreement = "agreement is shown" if shown else "no agreement is shown"
    if attenuation is None or not np.isfinite(attenuation.agreement.value):
        verdict = Verdict.agreement if shown else Verdict.nothing_shown
        return verdict, f"{agreement}; how well {' or '.join(names)} repeats itself is not known"
    ratio = attenuation.ratio
    measured = f"rho {attenuation.agreement.value:.2f} where {attenuation.ceiling:.2f} is possible"
    verdict = Verdict(likeness(ratio, margin).value)
    if not np.isfinite([ratio.low, ratio.high]).all():
        return verdict, (
            f"{measured}, which is not told from nothing: any disattenuated rho fits; {agreement}"
        )
    sides = {
        Likeness.alike: "above",
        Likeness.less: "below",
        Likeness.untold: "on both sides of",
    }
    where = f"{sides[likeness(ratio, margin)]} {margin:g}"
    quotient = f"disattenuated {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
    return verdict, f"{measured}, {quotient}, {where}; {agreement}"


def _rounded(x: np.ndarray) -> str:
    """Three decimals; zero never has a minus sign."""
    return f"{round(float(x), 3) + 0.0:.3f}"


def judge_rounding(excess: Estimates, other: str) -> tuple[Verdict, str]:
    """Verdict on a precision's effect beside its own rounding.

    Parameters
    ----------
    excess
        Rho of a precision with its own replicate less that with the reference
        (:func:`emo.core.compare.rounding.rho_excess`).
    other
        What the row says without the replicate; stands behind in the sentence.
    """
    bounds = (
        f"({_rounded(excess.low)} to {_rounded(excess.high)})"
        if np.isfinite(excess.low)
        else "(no bounds)"
    )
    sentence = f"rho lost beyond its own rounding {_rounded(excess.value)} {bounds}; {other}"
    if excess.low > 0:
        return Verdict.beyond_rounding, sentence
    return Verdict.within_rounding, sentence


def judge_rounding_floor(rho: Estimates, name: str) -> tuple[Verdict, str]:
    """Verdict on a condition and its replicate of the same prompts, with moved inputs."""
    return Verdict.rounding, (
        f"rho {rho.value:.4f}: {name} with inputs moved by one unit in the last place"
    )


def judge_floor(rho: float, p: float, name: str) -> tuple[Verdict, str]:
    """Verdict on two replicates of the condition ``name``."""
    measured = f"rho {rho:.2f}, p {p:.3g}"
    if p <= ALPHA:
        return Verdict.replicates_agree, f"{measured}: contrasts with {name} can reach about this"
    replicates = f"halves of {name}'s prompts" if name == "C" else f"two samples of {name}"
    return Verdict.replicates_disagree, (
        f"{measured}: {replicates} show no agreement, so {name} may measure nothing"
    )


def judge_same_texts(rho: Estimates) -> tuple[Verdict, str]:
    """Verdict on two readings of the same token ids."""
    return Verdict.same_texts, (
        f"rho {rho.value:.4f} ({rho.low:.4f} to {rho.high:.4f}) on the same texts, 1 would be no change"
    )

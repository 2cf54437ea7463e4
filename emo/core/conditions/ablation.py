"""The granular ablation: how far each sub-parameter moves the geometry away from a reference.

Every point of a full two-level factorial is a data set of its own; its response is its agreement with
the reference on other prompts, relative to what replicates reach
(:mod:`emo.core.conditions.replicates`). So the texts' noise is no effect: a factor that rewrites every
text and changes no geometry has responses around 1. The intervals are a jackknife of the emotions, each
left out with all of its texts, and so hold what other emotions and other texts would have given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from emo.core.conditions.replicates import ReplicateAgreement
from emo.core.geometry.item_sets import ItemSet, common_emotions
from emo.core.stats.correlation import spearman
from emo.core.stats.factorial import Decomposition, Factorial, decompose, full_factorial
from emo.core.stats.intervals import Estimates, finite_mean
from emo.core.stats.jackknife import estimates

EFFECTS = ("main", "interaction", "loosened", "restored", "shapley", "drop")


@dataclass(frozen=True)
class Ablation:
    """Effects of the sub-parameters on the agreement with the reference."""

    factors: tuple[str, ...]
    agreement: ReplicateAgreement
    held: tuple[str, ...]
    """Factors held at their matched level in the effects: settings with the loose one are too noisy."""
    effects: Decomposition | None
    """Of the relative agreement, over all factors that are not held; None where all are."""
    noise: Float64[np.ndarray, " factor"]
    """Mean change of the attainable rho when a factor is loosened: what it does to noise alone."""
    attainable: Float64[np.ndarray, " point"]
    """The rho that matched would reach with a setting of its own geometry, both with all texts they
    have; NaN where a side does not agree with itself."""

    @property
    def points(self) -> Estimates:
        """Relative agreement of every point; NaN where a side does not agree with itself."""
        relative = self.agreement.relative
        return estimates(relative[0], relative[1:])

    @property
    def zero_line(self) -> Estimates:
        """Rho of the reference with its own replicate: what no effect at all looks like."""
        reference = self.agreement.reference
        return estimates(reference[0], reference[1:])


def ablation(
    factors: Sequence[str],
    agreement: ReplicateAgreement,
    lengths: Float64[np.ndarray, " point"] | None = None,
) -> Ablation:
    """Main effects, interactions, one-at-a-time changes and Shapley values of the factorial.

    ``agreement`` has the points of :func:`emo.core.stats.factorial.full_factorial`, in its order, the
    reference's own setting first. Where a point does not agree with its own replicate, nothing can be
    said of what it has in common with another: then a factor is held at its matched level, the one
    that takes the most such points away, until there are none.

    ``lengths`` says how many times the texts of one measurement each setting has itself, the
    reference first; None: twice, since half of them are measured at a time.
    """
    names = tuple(factors)
    relative = agreement.relative
    usable = agreement.usable
    held = _held(usable, len(names))
    free = [i for i in range(len(names)) if i not in held]
    effects = None
    if free:
        kept = (full_factorial(len(names))[:, sorted(held)] == 0).all(axis=1)
        without = (
            relative[1:, kept] if np.isfinite(relative[1:, kept]).all() else relative[:0, kept]
        )
        effects = decompose(Factorial(tuple(names[i] for i in free), relative[0, kept], without))
    times = np.full(len(usable), 2.0) if lengths is None else lengths
    of_points = stepped(agreement.reliability[0], times)
    of_reference = stepped(agreement.reference[:1], times[:1])
    with np.errstate(invalid="ignore"):
        attainable = np.sqrt(
            np.where((of_points > 0) & (of_reference > 0), of_points * of_reference, np.nan)
        )
    levels = full_factorial(len(names))
    noise = [
        finite_mean(attainable[on == 1], 0) - finite_mean(attainable[on == 0], 0) for on in levels.T
    ]
    return Ablation(
        names, agreement, tuple(names[i] for i in held), effects, np.array(noise), attainable
    )


def _held(usable: Bool[np.ndarray, " point"], k: int) -> list[int]:
    """The factors to hold at their first level so that every point left is usable, in that order."""
    loose = full_factorial(k).astype(bool)
    held: list[int] = []
    unusable = ~usable
    while unusable.any() and len(held) < k:
        rest = [i for i in range(k) if i not in held]
        most = max(rest, key=lambda i: int((unusable & loose[:, i]).sum()))
        held.append(most)
        unusable = unusable & ~loose[:, most]
    return held


def stepped(
    reliability: Float64[np.ndarray, " point"], times: Float64[np.ndarray, " point"]
) -> Float64[np.ndarray, " point"]:
    """Reliability of so many times the texts. Spearman 1910; Brown 1910.

    Example
    -------
    >>> stepped(np.array([0.5, 0.5]), np.array([2.0, 0.5])).round(3)
    array([0.667, 0.333])
    """
    return times * reliability / (1 + (times - 1) * reliability)


def shared_rho(reference: ItemSet, points: Sequence[ItemSet]) -> Float64[np.ndarray, " point"]:
    """Spearman rho of every point with the reference on all of its texts, those they share as well.

    1 for the reference itself, and below 1 by noise alone for any other texts.
    """
    emotions = common_emotions(reference.emotions, *(p.emotions for p in points))
    rdms = np.stack([p.rdm(emotions) for p in points])
    return spearman(reference.rdm(emotions), rdms)

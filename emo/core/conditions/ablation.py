"""The granular ablation: how far each sub-parameter moves the geometry away from a reference.

Every point of a full two-level factorial is a data set of its own (:class:`ItemSet`); its response is
the Spearman rho of its RDM with the reference's. Intervals come two ways, because a geometry depends
on the texts and on the emotions that happen to be in it: a bootstrap of prompts (of texts where there
is one prompt), and a jackknife of emotions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from emo.core.geometry.item_sets import ItemSet, common_emotions, own_design
from emo.core.stats.correlation import spearman
from emo.core.stats.factorial import Decomposition, Factorial, decompose
from emo.core.stats.intervals import LEVEL, Estimates, recentred
from emo.core.stats.jackknife import reach, standard_error, without_each
from emo.core.stats.resampling import stream

EFFECTS = ("main", "interaction", "loosened", "restored", "shapley", "drop")


@dataclass(frozen=True)
class Responses:
    """Agreement of every point with the reference."""

    rho: Float64[np.ndarray, " point"]
    replicates: Float64[np.ndarray, "replicate point"]
    """In bootstrap replicates of the texts, recentred on ``rho``."""
    left_out: Float64[np.ndarray, "emotion point"]
    """With one emotion left out at a time."""
    emotions: tuple[str, ...]


@dataclass(frozen=True)
class Ablation:
    """Effects of the sub-parameters with both kinds of interval."""

    responses: Responses
    texts: Decomposition
    """Effects; their intervals are over texts."""
    emotions: dict[str, Estimates]
    """The same effects by name (``EFFECTS``), with intervals over emotions."""


def responses(
    reference: ItemSet,
    points: Sequence[ItemSet],
    n_bootstrap: int,
    seed: int,
    track: Callable[[Iterable[Any], str], Iterable[Any]] = lambda items, _: items,
) -> Responses:
    """Spearman rho of every point with the reference, each centred on the mean of its own set.

    Points whose texts are drawn from the same number of units share their draws, so that what they
    have in common cancels in their differences. A point with one text per emotion is not resampled:
    what another text would have given is not in its interval.

    Raises
    ------
    LabelMismatch
        If fewer than three emotions are common to all.
    """
    emotions = common_emotions(reference.emotions, *(p.emotions for p in points))
    base, drawn_base, factor_base = _drawn(reference, emotions, n_bootstrap, seed)
    rho, replicates, left_out = [], [], []
    for point in track(points, "comparing points"):
        rdm, drawn, factor = _drawn(point, emotions, n_bootstrap, seed)
        value = spearman(base, rdm)
        factors = [f for f in (factor_base, factor) if f is not None]
        rho.append(float(value))
        replicates.append(recentred(spearman(drawn_base, drawn), value, max(factors, default=1.0)))
        left_out.append(spearman(without_each(base), rdm))
    return Responses(
        rho=np.array(rho),
        replicates=np.stack(replicates, axis=1),
        left_out=np.stack(left_out, axis=1),
        emotions=emotions,
    )


def _drawn(
    items: ItemSet, emotions: Sequence[str], n: int, seed: int
) -> tuple[np.ndarray, np.ndarray, float | None]:
    """RDM of all items, RDMs of the replicates, and how much wider their spread must be."""
    design = own_design(items)
    if design.expansion is None:
        rdm = items.rdm(emotions)
        return rdm, np.broadcast_to(rdm, (n, len(rdm))), None
    counts = design.counts(n, stream(seed, "ablation"))
    return items.rdm(emotions), items.rdms(counts, emotions), design.expansion


def ablation(factors: Sequence[str], agreement: Responses) -> Ablation:
    """Main effects, interactions, one-at-a-time changes and Shapley values of the factorial.

    ``agreement`` has the points of :func:`emo.core.stats.factorial.full_factorial`, in its order.

    Raises
    ------
    FactorialError
        If a response is not finite.
    """
    data = Factorial(tuple(factors), agreement.rho, agreement.replicates)
    texts = decompose(data)
    none, each = np.empty((0, len(agreement.rho))), []
    if np.isfinite(agreement.left_out).all():
        each = [decompose(replace(data, response=r, replicates=none)) for r in agreement.left_out]
    over = {
        name: _jackknife(getattr(texts, name).value, [getattr(d, name).value for d in each])
        for name in EFFECTS
    }
    return Ablation(agreement, texts, over)


def _jackknife(
    value: Float64[np.ndarray, "*shape"], left_out: Sequence[np.ndarray], level: float = LEVEL
) -> Estimates:
    """Value +- Student's t times the jackknife's standard error. Efron & Stein 1981.

    NaN bounds where nothing could be left out: of three emotions none can.
    """
    if not left_out:
        unknown = np.full_like(value, np.nan)
        return Estimates(np.asarray(value), unknown, unknown)
    half_width = reach(standard_error(np.stack(left_out)), len(left_out), level)
    return Estimates(
        np.asarray(value), np.asarray(value - half_width), np.asarray(value + half_width)
    )

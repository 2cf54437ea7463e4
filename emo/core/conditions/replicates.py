"""Agreement of data sets with a reference that shares no text, prompt or noise with them.

A setting that rewrites the texts moves away from its reference by noise alone. So both are measured
on different halves of the prompts, and their agreement is divided by the agreement that replicates
reach: that of each side with itself on other prompts. A setting that changes nothing but the texts has
a relative agreement of 1, whatever its noise. This project's; docs/generation.md, "job=ablate".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int

from emo.core.geometry.item_sets import ItemSet, common_emotions
from emo.core.records import LabelMismatch
from emo.core.stats.correlation import standardised_ranks
from emo.core.stats.intervals import finite_mean
from emo.core.stats.resampling import index, stream

Leaving = Float64[np.ndarray, " leaving"]
"""A value of all emotions, then one without each of them."""
Ranks = Float64[np.ndarray, "leaving division pair"]
"""Standardised ranks of RDMs. Pairs of an emotion that is left out are 0, so that the product of two
is the Spearman correlation of the rest."""
Divisions = Bool[np.ndarray, "division unit"]
"""Which units are in the first half."""

MOST_DIVISIONS = 20
"""Of a set into halves: of five prompts there are ten, and more of ten texts tell little more."""


@dataclass(frozen=True)
class Point:
    """The data set of one setting, with all the texts there are of its kind."""

    items: ItemSet
    like: ItemSet | None = None
    """Texts each of which is as noisy as the one text per emotion of ``items``, which has no second."""


@dataclass(frozen=True)
class ReplicateAgreement:
    """Agreement of every point with the reference; row 0 of all emotions, the others without one."""

    disjoint: Float64[np.ndarray, "leaving point"]
    """Spearman rho of a point's RDM with the reference's, on halves that have no prompt in common."""
    reliability: Float64[np.ndarray, "leaving point"]
    """Rho of a point with its own replicate, on the same halves."""
    reference: Leaving
    """Rho of the reference with its own replicate."""
    emotions: tuple[str, ...]

    @property
    def ceiling(self) -> Float64[np.ndarray, "leaving point"]:
        """The rho that a point with the reference's geometry reaches; NaN where a side reaches none.

        The geometric mean of the two sides' own replicates (Spearman 1904).
        """
        a, b = self.reliability, self.reference[:, None]
        with np.errstate(invalid="ignore"):
            usable = (a > 0) & (b > 0)
        return np.sqrt(np.where(usable, a * b, np.nan))

    @property
    def relative(self) -> Float64[np.ndarray, "leaving point"]:
        """``disjoint`` over ``ceiling``: 1 where a point has the reference's geometry."""
        return self.disjoint / self.ceiling

    @property
    def usable(self) -> Bool[np.ndarray, " point"]:
        """Whether a point and the reference agree with their replicates, also without any emotion.

        Of three emotions none can be left out.
        """
        rows = self.relative if len(self.emotions) > 3 else self.relative[:1]
        return np.asarray(np.isfinite(rows).all(axis=0))


@dataclass(frozen=True)
class _Sides:
    """One set on both halves of every division."""

    first: Ranks
    second: Ranks

    @classmethod
    def of(cls, items: ItemSet, divisions: Divisions, emotions: Sequence[str]) -> _Sides:
        """The halves of a set whose units are divided."""
        cells = divisions[:, _units(items)].astype(np.float64)
        first, second = _ranks(items, cells, emotions), _ranks(items, 1 - cells, emotions)
        missing = np.isnan(first) | np.isnan(second)  # of a side that a division leaves empty
        return cls(np.where(missing, np.nan, first), np.where(missing, np.nan, second))

    @property
    def both(self) -> Ranks:
        return np.concatenate([self.first, self.second], axis=1)

    def agreement(self) -> Leaving:
        """Rho of the one half with the other, mean over the divisions."""
        return _products(self.first, self.second)

    def crosswise(self, other: _Sides) -> Leaving:
        """Rho of each half with the other set's other half, mean over both ways and the divisions.

        A division that leaves a side empty does not count.
        """
        return _products(self.both, np.concatenate([other.second, other.first], axis=1))


def replicate_agreement(
    reference: ItemSet,
    points: Sequence[Point],
    n_divisions: int,
    seed: int,
    track: Callable[[Iterable[Any], str], Iterable[Any]] = lambda items, _: items,
) -> ReplicateAgreement:
    """Every point against the reference on other prompts, and both against themselves.

    A point that has prompts in common with the reference is divided with it, prompt by prompt, and
    compared crosswise. Any other is divided on its own, by its prompts or, where it has one prompt, by
    its texts; then every half is compared with every half of the reference. All divisions into halves
    are taken where there are at most ``n_divisions``, else so many random ones.

    Raises
    ------
    LabelMismatch
        If fewer than three emotions are common to all, or the reference has no second prompt or text.
    """
    emotions = common_emotions(reference.emotions, *(p.items.emotions for p in points))
    if _n_units(reference) < 2:
        raise LabelMismatch(
            "the reference has one text per emotion and no replicate: it needs a second prompt"
        )

    @cache
    def halves(n: int) -> Divisions:
        return _halves(n, n_divisions, stream(seed, "replicates", n))

    @cache
    def referred(names: tuple[str, ...]) -> _Sides:
        """The reference, divided with units of which it has some."""
        units = [names.index(name) for name in _names(reference)]
        return _Sides.of(reference, halves(len(names))[:, units], emotions)

    reference_sides = referred(_names(reference))
    mean = finite_mean(reference_sides.both, axis=1)[:, None]
    disjoint, reliability = [], []
    for point in track(points, "comparing points"):
        items, names = point.items, _names(point.items)
        if len(names) < 2:
            disjoint.append(_products(_ranks(items, items.layer.cells.everything, emotions), mean))
            reliability.append(_of_single_texts(point.like, emotions, len(emotions) + 1))
            continue
        if items.crossed and set(names) & set(_names(reference)):
            union, _ = index((*_names(reference), *names))
            divisions = halves(len(union))[:, [union.index(name) for name in names]]
            sides = _Sides.of(items, divisions, emotions)
            disjoint.append(referred(union).crosswise(sides))
        else:
            sides = _Sides.of(items, halves(len(names)), emotions)
            disjoint.append(_products(finite_mean(sides.both, axis=1)[:, None], mean))
        reliability.append(sides.agreement())
    return ReplicateAgreement(
        np.stack(disjoint, axis=1),
        np.stack(reliability, axis=1),
        reference_sides.agreement(),
        emotions,
    )


def _names(items: ItemSet) -> tuple[str, ...]:
    """What is divided: the prompts, or the texts of one prompt by their place."""
    return items.groups if items.crossed else tuple(f"text {i}" for i in range(_n_units(items)))


def _n_units(items: ItemSet) -> int:
    return int(_units(items).max()) + 1


def _units(items: ItemSet) -> Int[np.ndarray, " cell"]:
    """The number of each cell's prompt, or of the text among those of its emotion."""
    cells = items.layer.cells
    if items.crossed:
        return cells.group
    return np.arange(len(cells.emotion)) - cells.starts[cells.emotion]


def _halves(n: int, most: int, rng: np.random.Generator) -> Divisions:
    """All divisions of n units into halves, each once, or ``most`` random ones where there are more."""
    size = n // 2
    if comb(n, size) <= 2 * most:
        chosen = combinations(range(n), size)
        # Of an even number each division is there twice, as first and as second half.
        pick = [c for c in chosen if n % 2 or 0 in c]
    else:
        pick = [rng.permutation(n)[:size] for _ in range(most)]
    out = np.zeros((len(pick), n), dtype=bool)
    for row, members in zip(out, pick, strict=True):
        row[list(members)] = True
    return out


def _ranks(
    items: ItemSet, weights: Float64[np.ndarray, "division cell"], emotions: Sequence[str]
) -> Ranks:
    """Ranks of the RDMs under each weighting, with all emotions and without each."""
    n, cell_emotion = len(emotions), items.layer.cells.emotion
    i, j = np.triu_indices(n, 1)
    out = np.zeros((n + 1, len(weights), len(i)))
    out[0] = standardised_ranks(items.rdms(weights, emotions))
    for k, emotion in enumerate(emotions):
        kept = (i != k) & (j != k)
        without = np.where(cell_emotion == items.emotions.index(emotion), 0.0, weights)
        out[k + 1][:, kept] = standardised_ranks(items.rdms(without, emotions)[:, kept])
    return out


def _products(a: Ranks, b: Ranks) -> Leaving:
    """Spearman correlations, mean over the divisions in which there is one."""
    return finite_mean((a * b).sum(axis=-1), axis=-1)


def _of_single_texts(items: ItemSet | None, emotions: Sequence[str], n: int) -> Leaving:
    """Mean rho of two texts' RDMs over all pairs of texts; NaN without any."""
    if items is None or _n_units(items) < 2:
        return np.full(n, np.nan)
    alone = np.eye(_n_units(items))[:, _units(items)]
    ranks = _ranks(items, alone, emotions)
    i, j = np.triu_indices(ranks.shape[1], 1)
    return _products(ranks[:, i], ranks[:, j])

"""Estimators of emotion vectors side by side, on the activations of one reading.

Source: [M] compares generation with comprehension by the mean pairwise cosine. The other measures, and
their intervals, are this project's; see docs/methods.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from emo.core.choices import DEFAULT_ESTIMATOR, Centring, EstimatorName
from emo.core.compare.leaving_out import (
    jackknifed,
    leaving_out,
    left_out_units,
)
from emo.core.compare.method_result import Bounded, Curve, MethodRow
from emo.core.compare.separation import DepthCurve, depth_curves, place, u_shape
from emo.core.criterion_search import SearchVerdict
from emo.core.geometry.crossnobis import crossnobis
from emo.core.geometry.estimators import estimator as estimator_named
from emo.core.geometry.generated import select
from emo.core.geometry.item_sets import ItemSet, Recipe, own_design
from emo.core.geometry.valence import valence_criterion
from emo.core.records import NEUTRAL, Activations
from emo.core.stats.clusters import clustered_share
from emo.core.stats.intervals import finite_mean
from emo.core.stats.resampling import Resampling, index, nested, stream

FOLDS = 5
"""In how many folds situations are left out, where vectors are made anew for each."""
CHOICES = 20
"""Random choices of as many units as the poorest reading has."""


@dataclass(frozen=True)
class Items:
    """The items of one reading that are compared, and what neutral centring subtracts."""

    told: Activations
    """Without neutral items."""
    neutral: Float64[np.ndarray, "layer text hidden"]
    """Neutral items, else neutral sentences; none: no text."""
    neutral_words: str

    @classmethod
    def of(cls, activations: Activations, emotions: Sequence[str]) -> Items:
        """The items of the emotions; items labelled neutral are the centre, else neutral sentences."""
        labels = np.array(activations.emotions)
        told = select(activations, np.isin(labels, list(emotions)))
        written = activations.values[:, labels == NEUTRAL]
        neutral = written if written.shape[1] else activations.neutral
        words = "neutral texts" if written.shape[1] else "neutral sentences"
        return cls(told, neutral.astype(np.float64), words if neutral.shape[1] else "")

    @property
    def units(self) -> int:
        """Situations that are declared, or items of the rarest emotion."""
        emotion, group = (index(x)[1] for x in (self.told.emotions, self.told.groups))
        if nested(group, emotion).all():
            return int(np.bincount(emotion).min())
        return int(group.max()) + 1

    def distance(self, layer: int, seed: int) -> Bounded | None:
        """The crossnobis distance at a layer; None where fewer than four units tell all emotions."""
        found = crossnobis(self.told, (layer,), seed)
        return found and Bounded.of(found.distance()[0])

    def some(self, n: int, rng: np.random.Generator) -> Activations:
        """Items of n random situations, or n random items of each emotion where none are declared."""
        emotion, group = (index(x)[1] for x in (self.told.emotions, self.told.groups))
        if not nested(group, emotion).all():
            kept = rng.permutation(int(group.max()) + 1)[:n]
            return select(self.told, np.isin(group, kept))
        mask = np.zeros(len(emotion), dtype=bool)
        for number in np.unique(emotion):
            mask[rng.permutation(np.flatnonzero(emotion == number))[:n]] = True
        return select(self.told, mask)


def method_rows(
    items: Items,
    layer: int,
    estimators: Sequence[EstimatorName],
    resampling: Resampling,
    poles: Mapping[str, float],
) -> tuple[MethodRow, ...]:
    """Every estimator's vectors at one layer of one reading.

    Parameters
    ----------
    items
        Of one reading; nothing is read anew for an estimator.
    layer
        Number of a finite layer.
    estimators
        Their names; difference of means is compared with, whether it is among them or not.
    resampling
        Number of divisions into halves, for reliability and agreement, and the seed.
    poles
        1 for a pleasant emotion, -1 for an unpleasant one, 0 for neither.
    """
    names = list(dict.fromkeys([DEFAULT_ESTIMATOR, *(e.value for e in estimators)]))
    sets = [ItemSet.make(items.told, layer, Recipe(estimator=name)) for name in names]
    together = leaving_out(sets, resampling)
    reliability = together.over_items(_reliabilities)
    agreement = together.disattenuated()
    rows = []
    for name in map(EstimatorName, estimators):
        at = names.index(name)
        valence = _valence(sets[at], poles, resampling.seed)
        rows.append(
            MethodRow(
                estimator=name,
                accuracy=own_accuracy(sets[at], items.told),
                cosine_accuracy=cosine_accuracy(items.told, layer, name),
                reliability=_within_one(Bounded.of(reliability[at])),
                valence=valence and valence[0],
                valence_p=valence and valence[1],
                agreement=None if at == 0 else Bounded.of(agreement[at, 0]),
                global_cosine=mean_cosine(sets[at], resampling.seed),
                neutral_cosine=_neutral_cosine(items, layer, name, resampling.seed),
            )
        )
    return tuple(rows)


def own_accuracy(items: ItemSet, activations: Activations) -> Bounded:
    """Share of items that the estimator's own rule reads right, with an interval over situations."""
    hits = items.layer.left_out_hits(items.layer.cells.everything)[0]
    return Bounded(*clustered_share(hits, index(activations.groups)[1]))


def probe_accuracy(activations: Activations, layer: int) -> Bounded:
    """:func:`own_accuracy` of one-vs-rest logistic probes."""
    recipe = Recipe(estimator=EstimatorName.logistic.value)
    return own_accuracy(ItemSet.make(activations, layer, recipe), activations)


def cosine_accuracy(activations: Activations, layer: int, estimator: str) -> Bounded:
    """Share of items whose highest cosine is with their own emotion's vector, over situations.

    Vectors are made without the situations of the item's fold and centred; the item has the centre of
    the other items subtracted. This is how vectors are read in new texts.
    """
    emotion, group = (index(x)[1] for x in (activations.emotions, activations.groups))
    values = activations.values[layer].astype(np.float64)
    hits, method = np.full(len(values), np.nan), estimator_named(estimator)
    fold = _folds(group, emotion)
    for number in np.unique(fold):
        test, train = fold == number, fold != number
        known = np.isin(np.arange(emotion.max() + 1), emotion[train])
        if known.sum() < 2:
            continue
        _, label = np.unique(emotion[train], return_inverse=True)
        vectors = method.vectors(values[train], label)
        vectors = vectors - vectors.mean(axis=0)
        centre = np.mean(
            [values[train][label == e].mean(axis=0) for e in range(len(vectors))], axis=0
        )
        scores = (values[test] - centre) @ (vectors / np.linalg.norm(vectors, axis=1)[:, None]).T
        guess = np.flatnonzero(known)[scores.argmax(axis=1)]
        hits[test] = np.where(known[emotion[test]], guess == emotion[test], np.nan)
    return Bounded(*clustered_share(hits, group))


def mean_cosine(items: ItemSet, seed: int) -> Bounded:
    """Mean pairwise cosine of a set's vectors as its recipe makes them, jackknife over situations."""
    units, stratum = left_out_units(own_design(items), seed)
    weights = np.concatenate([items.layer.cells.everything, (~units).astype(np.float64)])
    means = finite_mean(items.rdms(weights, items.emotions), axis=1)
    return Bounded.of(jackknifed(means[0], means[1:], stratum))


def equal_units(items: Items, layer: int, n: int, resampling: Resampling) -> dict[str, Bounded]:
    """Accuracy, crossnobis distance and reliability of difference of means from n units.

    Value and bounds are means over random choices of the units, so the interval is that of a typical
    choice.
    """
    rng = stream(resampling.seed, "equal units", n)
    times = 1 if n >= items.units else CHOICES
    found: dict[str, list[Bounded]] = {"accuracy": [], "crossnobis": [], "reliability": []}
    for _ in range(times):
        some = items.some(n, rng)
        chosen = ItemSet.make(some, layer)
        found["accuracy"].append(own_accuracy(chosen, some))
        distance = crossnobis(some, (layer,), resampling.seed)
        if distance is not None:
            found["crossnobis"].append(Bounded.of(distance.distance()[0]))
        together = leaving_out([chosen], resampling)
        reliability = Bounded.of(together.over_items(_reliabilities)[0])
        found["reliability"].append(_within_one(reliability))
    return {
        name: Bounded(*(float(np.mean([getattr(x, f) for x in each])) for f in FIELDS))
        for name, each in found.items()
        if each
    }


FIELDS = ("value", "low", "high")


def curves(items: Items, layers: tuple[int, ...], resampling: Resampling) -> tuple[Curve, ...]:
    """Separation over the depth of a reading, with the verdicts on the published U."""
    return tuple(_curve(c) for c in depth_curves(items.told, layers, resampling).values())


def _curve(c: DepthCurve) -> Curve:
    shape, estimate = u_shape(c), c.interval

    def spread(values: np.ndarray) -> Float64[np.ndarray, " layer"]:
        out = np.full(c.n_layers, np.nan)
        out[list(c.layers)] = values
        return out

    return Curve(
        measure=c.measure,
        value=spread(c.value),
        low=spread(estimate.low),
        high=spread(estimate.high),
        place=place(c),
        first=shape and Bounded.of(shape.first),
        last=shape and Bounded.of(shape.last),
        u_shape=SearchVerdict.untold if shape is None else shape.verdict,
    )


def _neutral_cosine(items: Items, layer: int, estimator: str, seed: int) -> Bounded | None:
    if not items.neutral_words:
        return None
    recipe = Recipe(centring=Centring.neutral.value, post_centred=False, estimator=estimator)
    baseline = items.neutral[layer].mean(axis=0)
    return mean_cosine(ItemSet.make(items.told, layer, recipe, baseline), seed)


def _reliabilities(
    disjoint: Float64[np.ndarray, "*row set set"],
) -> Float64[np.ndarray, "*row set"]:
    """Correlation of halves stepped up to all items (Spearman-Brown)."""
    half = np.diagonal(disjoint, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * half / (1 + half))


def _within_one(found: Bounded) -> Bounded:
    """The same with bounds that a correlation can have."""
    low, high = (float(np.clip(bound, -1, 1)) for bound in (found.low, found.high))
    return Bounded(found.value, low, high)


def _valence(items: ItemSet, poles: Mapping[str, float], seed: int) -> tuple[float, float] | None:
    """rho of the RDM with the emotions' poles and its one-sided p (Mantel 1967)."""
    criterion = valence_criterion(items.emotions, poles, seed)
    if criterion is None:
        return None
    search = criterion.search([criterion.agreement(items.rdm(items.emotions)[None])], [0], 1)
    return search and (search.rho, search.p)


def _folds(
    group: Int[np.ndarray, " item"], emotion: Int[np.ndarray, " item"]
) -> Int[np.ndarray, " item"]:
    """The fold of every item: whole situations together, or each emotion's items dealt in turn."""
    if not nested(group, emotion).all():
        return group % FOLDS
    place = np.empty(len(group), dtype=np.int64)
    for number in np.unique(emotion):
        items = np.flatnonzero(emotion == number)
        place[items] = np.arange(len(items))
    return place % FOLDS

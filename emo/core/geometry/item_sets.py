"""Item-level data sets of several models, methods or precisions, resampled together.

Each set keeps one layer as its estimator resamples it (:mod:`emo.core.geometry.resampled`), so that
sets of different width are compared and resampled alike. What is drawn together is decided here: sets
that read the same items share every draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from emo.core.choices import DEFAULT_ESTIMATOR, Centring, Removal, chosen
from emo.core.geometry.cells import ItemCells, chunks
from emo.core.geometry.estimators import estimator
from emo.core.geometry.means import prepare
from emo.core.geometry.products import centred, cosines, scaled
from emo.core.geometry.resampled import ResampledLayer
from emo.core.records import Activations, LabelMismatch
from emo.core.stats.intervals import expansion
from emo.core.stats.resampling import bootstrap_counts, half_splits, index, strata


@dataclass(frozen=True)
class Recipe:
    """From items to the emotion vectors of one set; see "Emotion vector" in docs/protocol.md.

    Raises
    ------
    UnknownChoice
        If the removal, the centring or the estimator is unknown.
    """

    remove: str = Removal.none.value
    """``situation`` subtracts the situation means from the items first."""
    centring: str = Centring["global"].value
    """``global`` subtracts the mean of the set's emotion vectors, ``none`` nothing.

    ``neutral`` subtracts nothing more than the baseline that :meth:`ItemSet.make` is given.
    """
    unit_norm: bool = False
    """Whether the centred vectors are scaled to length 1."""
    post_centred: bool = True
    """Whether the mean of the set's own vectors is subtracted at the end, over all its emotions.

    This makes sets with different centring comparable; without it their raw cosines are compared.
    """
    estimator: str = DEFAULT_ESTIMATOR
    """Name in :data:`emo.core.geometry.estimators.ESTIMATORS`."""

    def __post_init__(self) -> None:
        chosen(Removal, self.remove, "remove")
        chosen(Centring, self.centring, "centring")
        estimator(self.estimator)


@dataclass(frozen=True)
class ItemSet:
    """One layer of one data set."""

    layer: ResampledLayer
    emotions: tuple[str, ...]
    """Names of the emotions as the cells number them."""
    groups: tuple[str, ...]
    """Names of the situations, or of the single items, as the cells number them."""
    items: frozenset[tuple[str, str, str]]
    """Emotion, group and id of every item."""
    crossed: bool
    """Whether the groups are declared situations."""
    recipe: Recipe

    @classmethod
    def make(
        cls,
        activations: Activations,
        layer: int,
        recipe: Recipe = Recipe(),
        baseline: Float[np.ndarray, " hidden"] | None = None,
    ) -> ItemSet:
        """One layer of the activations.

        Groups are what the activations declare: nothing is guessed from ids or texts.

        Parameters
        ----------
        activations
            Labelled items of any number of layers.
        layer
            Which layer, from 0.
        recipe
            How vectors are made of the items.
        baseline
            For neutral centring the mean of the neutral texts. It is subtracted from every item and
            held fixed in resampling.

        Raises
        ------
        ValueError
            If the layer is not finite, or situations that are not declared are to be removed.

        Example
        -------
        >>> values = np.array([[[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]], dtype=np.float32)
        >>> activations = Activations(
        ...     values, ("1", "2", "3"), ("calm", "happy", "sad"), None, values[:, :0], "last"
        ... )
        >>> ItemSet.make(activations, layer=0).rdm(("calm", "happy", "sad")).round(2)
        array([ 0.  , -0.71, -0.71])
        """
        one = slice(layer, layer + 1)
        only = replace(
            activations, values=activations.values[one], neutral=activations.neutral[one]
        )
        values = prepare(only, recipe.remove)[0].astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"layer {layer} has activations that are not finite")
        if baseline is None and recipe.centring == Centring["global"]:
            baseline = values.mean(axis=0)  # changes nothing but the rounding
        emotions, which = index(activations.emotions)
        groups, group = index(activations.groups)
        labels = zip(activations.emotions, activations.groups, activations.item_ids, strict=True)
        return cls(
            layer=estimator(recipe.estimator).layer(ItemCells.make(group, which), values, baseline),
            emotions=emotions,
            groups=groups,
            items=frozenset(labels),
            crossed=activations.situations is not None,
            recipe=recipe,
        )

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Emotion and group of every cell."""
        cells = self.layer.cells
        return [
            (self.emotions[e], self.groups[g])
            for e, g in zip(cells.emotion, cells.group, strict=True)
        ]

    def rdms(
        self, weights: Float64[np.ndarray, "resample cell"], emotions: Sequence[str]
    ) -> Float64[np.ndarray, "resample pair"]:
        """RDMs of the named emotions under each weighting of the cells.

        Centres are taken over all of the set's emotions that have weight; the pairs of one that has
        none are NaN.
        """
        keep = np.array([self.emotions.index(e) for e in emotions])
        n = len(self.emotions)
        return np.concatenate([self._rdms(w, keep) for w in chunks(weights, matrix=n * n)])

    def rdm(self, emotions: Sequence[str]) -> Float64[np.ndarray, " pair"]:
        """RDM of the named emotions over all items: cosines, see :class:`emo.core.records.Rdm`."""
        return self.rdms(self.layer.cells.everything, emotions)[0]

    def left_out_accuracy(self) -> float:
        """:meth:`ResampledLayer.left_out_accuracy` over all items; chance is 1 / emotions."""
        return float(self.layer.left_out_accuracy(self.layer.cells.everything)[0])

    def _rdms(self, weights: np.ndarray, keep: np.ndarray) -> np.ndarray:
        products, present = self.layer.products(weights)
        match chosen(Centring, self.recipe.centring, "centring").value:
            case "global":
                products = centred(products, present)
            case "neutral" | "none":  # a neutral baseline is in the layer's vectors already
                pass
            case _ as never:
                assert_never(never)
        if self.recipe.unit_norm:
            products = scaled(products, present)
        if self.recipe.post_centred:
            products = centred(products, present)
        if not np.array_equal(keep, np.arange(len(self.emotions))):
            products, present = products[:, keep][:, :, keep], present[:, keep]
        return cosines(products, present)


@dataclass(frozen=True)
class Design:
    """The cells of one set, or of sets that read the same items, as they are drawn together."""

    emotion: Int[np.ndarray, " cell"]
    group: Int[np.ndarray, " cell"]
    of_set: tuple[Int[np.ndarray, "_"], ...]
    """For each set, where its cells stand in the design."""

    def halves(self, n: int, rng: np.random.Generator) -> Bool[np.ndarray, "split cell"]:
        """Random halves: of the situations where crossed, else of each emotion's items."""
        return half_splits(self.group, self.emotion, n, rng)

    def counts(self, n: int, rng: np.random.Generator) -> Float64[np.ndarray, "replicate cell"]:
        """Bootstrap weights: of whole situations where crossed, else of items in emotions."""
        return bootstrap_counts(self.group, self.emotion, n, rng)

    @property
    def units(self) -> Int[np.ndarray, " stratum"]:
        """How many units are drawn from at a time: crossed situations, or each emotion's items."""
        return np.unique(strata(self.group, self.emotion), return_counts=True)[1]

    @property
    def expansion(self) -> float | None:
        """The factor of :func:`emo.core.stats.intervals.expansion`; None if there is nothing to draw."""
        return expansion(self.units)


def common_emotions(*labels: Sequence[str]) -> tuple[str, ...]:
    """Emotions that every list holds, in the order of the first list.

    Raises
    ------
    LabelMismatch
        If they are fewer than three.
    """
    shared = tuple(e for e in labels[0] if all(e in other for other in labels[1:]))
    if len(shared) < 3:
        raise LabelMismatch(
            f"only {len(shared)} emotions are common to all ({', '.join(shared) or 'none'}); "
            "an RDM needs at least 3"
        )
    return shared


def own_design(items: ItemSet) -> Design:
    """The design of one set alone."""
    cells = items.layer.cells
    return Design(cells.emotion, cells.group, (np.arange(len(cells.size)),))


def shared_design(sets: Sequence[ItemSet]) -> Design:
    """The design of sets that read the same items; one may have emotions that another lacks.

    Raises
    ------
    LabelMismatch
        If one declares situations and another does not, or if the items of the common emotions
        differ; the message names the first difference.
    """
    first = sets[0]
    emotions = common_emotions(*(s.emotions for s in sets))
    for other in sets[1:]:
        if other.crossed != first.crossed:
            raise LabelMismatch(
                "one set declares situations and the other does not: they cannot be halved alike"
            )
        differing = {i for i in first.items ^ other.items if i[0] in emotions}
        if differing:
            emotion, group, item = min(differing)
            raise LabelMismatch(
                f"items differ: {emotion}/{item} of {group!r} is in one set only "
                f"({len(differing)} such items)"
            )
    cells = list(dict.fromkeys(cell for s in sets for cell in s.cells))
    where = {cell: i for i, cell in enumerate(cells)}
    return Design(
        emotion=index([e for e, _ in cells])[1],
        group=index([g for _, g in cells])[1],
        of_set=tuple(np.array([where[cell] for cell in s.cells]) for s in sets),
    )

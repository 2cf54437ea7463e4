"""What the axes of a model's emotion geometry are: its components and RDMs against human ratings.

Every number is the best of a search over layers, and over components where there are any. Its p is of
the whole search (:mod:`emo.core.stats.searches`): ratings are permuted over the emotions, and the best
of all layers and components is taken anew for each permutation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from emo.core.compare.axis_statistics import EmotionValues, Measure, RatingStatistic, interval
from emo.core.geometry.components import principal_components
from emo.core.geometry.cosines import finite_layers
from emo.core.geometry.item_sets import ItemSet, Recipe, own_design
from emo.core.geometry.nested_layers import HALVINGS
from emo.core.records import Activations, LabelMismatch
from emo.core.stats.intervals import ALPHA
from emo.core.stats.resampling import Resampling, stream
from emo.core.stats.searches import basis, search

LEAST_EMOTIONS = 5
"""Of fewer emotions no permutation could tell a correlation from chance."""
SPARE = 4
"""How many more emotions there must be than a constant and the held values take up."""
PLAIN = Recipe()
"""Means of the items as they are, less the mean of all emotions."""


@dataclass(frozen=True)
class AxisFinding:
    """The best agreement of one rating with the geometry, over all layers and components searched."""

    rating: str
    measure: Measure
    held: tuple[str, ...]
    """What is held fixed; empty: nothing."""
    layer: int
    component: int | None
    """From 1; None for RDMs."""
    share: float | None
    """Share of the variance of the unit emotion vectors that the component has; None for RDMs."""
    value: float
    """What is found there: the size of r, or rho."""
    low: float
    high: float
    """95 % interval over items and emotions at this layer and component, which are taken as given."""
    line: float
    """What the best of the search must exceed: 5 % of permuted ratings reach more."""
    p: float
    """Of the whole search."""
    other: float | None
    """Mean value on one half of the items at the layer and component that the other half chooses."""
    curve: Float64[np.ndarray, " layer"]
    """The best value of each layer; NaN where a layer is not finite."""

    @property
    def shown(self) -> bool:
        """Whether the best of the search is beyond what permuted ratings give."""
        return self.p <= ALPHA


@dataclass(frozen=True)
class LayerRdms:
    """RDMs of some emotions at every layer: of all items, of halves of them, of bootstrap draws."""

    emotions: tuple[str, ...]
    item_set: Callable[[int], ItemSet]
    """The items of a layer."""
    resampling: Resampling
    whole: Float64[np.ndarray, "layer pair"]
    halves: Float64[np.ndarray, "half layer pair"]
    """The two halves of a halving stand side by side."""

    @classmethod
    def make(
        cls,
        activations: Activations,
        emotions: tuple[str, ...],
        resampling: Resampling,
        recipe: Recipe = PLAIN,
        make_set: Callable[[Activations, int, Recipe], ItemSet] = ItemSet.make,
    ) -> LayerRdms:
        """RDMs of the named emotions, each centred as the recipe says, over all emotions of the items.

        Parameters
        ----------
        activations
            Items of all layers.
        emotions
            Those of the RDMs, at least five.
        resampling
            Number of bootstrap draws, and the seed.
        recipe
            How emotion vectors are made of the items.
        make_set
            From activations, layer and recipe to the items of that layer;
            :func:`emo.core.geometry.generated.story_set` for texts that the model wrote.

        Raises
        ------
        LabelMismatch
            If the emotions are fewer than five.
        """
        recipe = recipe or Recipe()
        n, n_layers = len(emotions), activations.n_layers
        if n < LEAST_EMOTIONS:
            raise LabelMismatch(f"{n} emotions; axes need at least {LEAST_EMOTIONS}")

        def item_set(layer: int) -> ItemSet:
            return make_set(activations, layer, recipe)

        whole = np.full((n_layers, n * (n - 1) // 2), np.nan)
        halves = np.full((2 * HALVINGS, *whole.shape), np.nan)
        for layer in finite_layers(activations.values):
            items = item_set(layer)
            rng = stream(resampling.seed, "axes halves")
            first = own_design(items).halves(HALVINGS, rng)
            half = np.stack([first, ~first], axis=1).reshape(2 * HALVINGS, -1)
            whole[layer] = items.rdm(emotions)
            halves[:, layer] = items.rdms(half.astype(np.float64), emotions)
        return cls(emotions, item_set, resampling, whole, halves)

    def drawn(self, layer: int) -> tuple[Float64[np.ndarray, "replicate pair"], float | None]:
        """RDMs of one layer in every bootstrap replicate, and by how much their spread falls short.

        The second is None where there is nothing to draw. Of all layers they would not fit in memory.
        """
        items = self.item_set(layer)
        design, rng = own_design(items), stream(self.resampling.seed, "axes items")
        counts = design.counts(self.resampling.n_bootstrap, rng)
        return items.rdms(counts, self.emotions), design.expansion


def find_axes(
    rdms: LayerRdms,
    ratings: EmotionValues,
    held: EmotionValues | None,
    components: int,
    permutations: int,
    seed: int = 0,
) -> tuple[AxisFinding, ...]:
    """Every rating against components and RDMs, by itself and with the held values fixed.

    Parameters
    ----------
    rdms
        Of a model.
    ratings
        Of the same emotions in the same order.
    held
        Covariates of the same emotions; None: nothing is held fixed. They are left out where they take
        up so much that fewer than four emotions are to spare.
    components
        How many leading components are searched.
    permutations
        Of the ratings; the smallest p is 1 / (1 + permutations).
    seed
        Names the stream of the permutations.

    Returns
    -------
    tuple of AxisFinding
        For each rating, components and RDMs, first with nothing held; none where no layer has a value,
        and none where the held values are the rating itself on another scale.

    Raises
    ------
    LabelMismatch
        If the emotions differ in content or order.
    """
    n = len(rdms.emotions)
    for values in (ratings, held):
        if values is not None and values.emotions != rdms.emotions:
            raise LabelMismatch("ratings and RDMs are of other emotions, or in another order")
    rng = stream(seed, "axes ratings")
    orders = rng.permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)
    fixed = [EmotionValues((), rdms.emotions, np.zeros((0, n)))]
    if held is not None and held.names and basis(held.values).shape[1] + SPARE <= n:
        fixed.append(held)
    most = min(components, n - 1)
    findings = (
        _finding(RatingStatistic(measure, rating, f.values, most), rdms, name, f.names, orders)
        for name, rating in zip(ratings.names, ratings.values, strict=True)
        for f in fixed
        for measure in Measure
    )
    return tuple(f for f in findings if f is not None)


def _finding(
    statistic: RatingStatistic,
    rdms: LayerRdms,
    rating: str,
    held: tuple[str, ...],
    orders: Int[np.ndarray, "draw emotion"],
) -> AxisFinding | None:
    rows = statistic.rows(rdms.whole)
    found = search(
        rows.reshape(-1, rows.shape[-1]),
        statistic.target,
        statistic.directions,
        orders,
        statistic.permute,
        statistic.either_sign,
    )
    values = _sized(found.values.reshape(rows.shape[:2]), statistic)
    if not np.isfinite(values).any():
        return None
    layer, component = np.unravel_index(np.nanargmax(values), values.shape)
    whole = rdms.whole[layer]
    low, high = interval(statistic, whole, int(component), *rdms.drawn(int(layer)))
    share = None
    if statistic.measure is Measure.component:
        share = float(principal_components(whole, statistic.components)[1][component])
    return AxisFinding(
        rating=rating,
        measure=statistic.measure,
        held=held,
        layer=int(layer),
        component=None if share is None else int(component) + 1,
        share=share,
        value=float(values[layer, component]),
        low=low,
        high=high,
        line=found.line,
        p=found.p,
        other=_on_other_items(statistic, rdms.halves),
        curve=np.where(
            np.isfinite(values).any(axis=1), np.nan_to_num(values, nan=-np.inf).max(axis=1), np.nan
        ),
    )


def _sized(values: np.ndarray, statistic: RatingStatistic) -> np.ndarray:
    return np.abs(values) if statistic.either_sign else values


def _on_other_items(
    statistic: RatingStatistic, halves: Float64[np.ndarray, "half layer pair"]
) -> float | None:
    """Mean value on halves at the layer and component that the other half of each halving chooses."""
    signed = statistic.correlations(halves)
    shown = []
    for half, correlations in enumerate(signed):
        values = _sized(correlations, statistic)
        if not np.isfinite(values).any():
            continue
        layer, component = np.unravel_index(np.nanargmax(values), values.shape)
        row = statistic.rows(halves[half, layer])[component]
        sign = np.sign(correlations[layer, component]) if statistic.either_sign else 1
        shown.append(float(sign * statistic.of_the_same(halves[half ^ 1, layer], row)))
    shown = [value for value in shown if np.isfinite(value)]
    return float(np.mean(shown)) if shown else None

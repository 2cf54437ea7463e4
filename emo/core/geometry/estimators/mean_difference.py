"""Difference of means: the mean of an emotion's items, minus a centre. Source: [S 2.3].

Its inner products need the items once. Each layer is reduced to the Gram matrix of its cells (sums of
the items of one emotion within one group), and a resample is one weight per cell. The cost of
resampling then depends on the number of passages, not on the width of the model. Of more than
``MOST_PAIRED`` items the sums of cells are kept instead (:mod:`emo.core.geometry.estimators.cell_sums`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.geometry.cells import MOST_PAIRED, ItemCells
from emo.core.geometry.estimators.base import Estimator
from emo.core.geometry.estimators.cell_sums import OwnGroup, SumLayer
from emo.core.geometry.means import weighted_means
from emo.core.geometry.products import pairs_of
from emo.core.geometry.resampled import Products, ResampledLayer


class MeanDifference(Estimator):
    """The weighted mean of each emotion's items, in float64; centring makes it a difference."""

    name = "mean_difference"

    def estimate(
        self,
        values: Float[np.ndarray, "item hidden"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
    ) -> Float64[np.ndarray, "emotion hidden"]:
        """The weighted mean of each emotion's items."""
        return weighted_means(values, emotions, weights)

    def layer(
        self,
        cells: ItemCells,
        values: Float[np.ndarray, "item hidden"],
        baseline: Float[np.ndarray, " hidden"] | None = None,
    ) -> ResampledLayer:
        """The layer's inner products. What a mean loses, its items may lose before."""
        if baseline is not None:
            values = values - baseline
        return (GramLayer if len(values) <= MOST_PAIRED else SumLayer).make(cells, values)

    def exchanged_layers(
        self,
        cells: ItemCells,
        values: Float[np.ndarray, "item hidden"],
        orders: Int[np.ndarray, "draw item"],
    ) -> Iterator[ResampledLayer]:
        """Exchanging items only reorders their inner products, which are computed once."""
        if len(values) > MOST_PAIRED:
            near = OwnGroup.make(cells)
            return (SumLayer.make(cells, values[order], near) for order in orders)
        items = values.astype(np.float64)
        gram = items @ items.T
        return (GramLayer.of_products(cells, gram, order) for order in orders)


@dataclass(frozen=True)
class GramLayer(ResampledLayer):
    """One layer's inner products: cell sums with cell sums, and with items."""

    cells: ItemCells
    cell_cell: Float64[np.ndarray, "cell cell"]
    cell_item: Float64[np.ndarray, "cell item"]

    @classmethod
    def make(cls, cells: ItemCells, values: Float[np.ndarray, "item hidden"]) -> GramLayer:
        """Inner products of one layer's items, in float64."""
        items = values.astype(np.float64)
        return cls.of_products(cells, items @ items.T, np.arange(len(items)))

    @classmethod
    def of_products(
        cls,
        cells: ItemCells,
        gram: Float64[np.ndarray, "item item"],
        order: Int[np.ndarray, " item"],
    ) -> GramLayer:
        """The layer in which item order[i] stands in the place of item i, from all inner products."""
        by_cell = order[np.argsort(cells.of_item, kind="stable")]
        rows = gram[by_cell]
        if len(by_cell) == len(cells.size):  # each cell is one item
            return cls(cells, rows[:, by_cell], rows[:, order])
        starts = np.concatenate([[0], np.cumsum(cells.size.astype(int))[:-1]])
        rows = np.add.reduceat(rows, starts, axis=0)
        return cls(cells, np.add.reduceat(rows[:, by_cell], starts, axis=1), rows[:, order])

    @cached_property
    def over_groups(self) -> Float64[np.ndarray, "group_pair emotion_pair"]:
        """Inner products of the sums of all pairs of emotions over groups g <= h, for complete cells.

        Two groups stand for both of their orders, so that products of weights w[g] w[h] give the sums
        over all pairs of groups.
        """
        n, groups = self.cells.n_emotions, len(self.cells.lookup)
        table = self.cell_cell.reshape(n, groups, n, groups).transpose(1, 3, 0, 2)
        g, h = np.triu_indices(groups)
        back = np.where((g != h)[:, None, None], table[h, g], 0)
        return (table[g, h] + back).reshape(len(g), n * n)

    def products(self, weights: Float64[np.ndarray, "resample cell"]) -> Products:
        """Inner products of the weighted means, and which emotions have any weight."""
        counts = self.cells.counts(weights)
        present = counts > 0
        safe = np.where(present, counts, 1)
        inner = _sum_products(self, weights)
        inner /= safe[:, :, None] * safe[:, None, :]
        return inner if present.all() else np.where(pairs_of(present), inner, 0), present

    def left_out_labels(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, "resample item"]:
        """See :meth:`ResampledLayer.left_out_labels`: all groups and emotions at once."""
        return np.array([_left_out_labels(self, weight) for weight in weights])


def _sum_products(gram: GramLayer, weights: np.ndarray) -> np.ndarray:
    """Inner products of the weighted emotion sums, [resample emotion emotion].

    Where every group has a cell of every emotion and its cells weigh the same, pairs of groups are
    summed over instead of pairs of cells: the same numbers within rounding, several times as fast.
    """
    by_group = gram.cells.group_weights(weights)
    return _over_cells(gram, weights) if by_group is None else _over_groups(gram, by_group)


def _over_groups(gram: GramLayer, weights: np.ndarray) -> np.ndarray:
    n = gram.cells.n_emotions
    g, h = np.triu_indices(weights.shape[1])
    return ((weights[:, g] * weights[:, h]) @ gram.over_groups).reshape(-1, n, n)


def _over_cells(gram: GramLayer, weights: np.ndarray) -> np.ndarray:
    cells, n = gram.cells, gram.cells.n_emotions
    out = np.empty((len(weights), n, n))
    for e in range(n):  # the upper triangle is computed, the lower mirrored
        start = cells.starts[e]
        block = cells.block(e)
        columns = (weights[:, block] @ gram.cell_cell[block, start:]) * weights[:, start:]
        sums = np.add.reduceat(columns, cells.starts[e:] - start, axis=1)
        out[:, e, e:] = sums
        out[:, e:, e] = sums
    return out


def _left_out_labels(gram: GramLayer, weight: np.ndarray) -> Float64[np.ndarray, " item"]:
    """The emotion of the nearest centroid, formed without the item's group."""
    cells = gram.cells
    places = np.arange(len(cells.of_item))
    truth = cells.emotion[cells.of_item]
    dots = np.add.reduceat(weight[:, None] * gram.cell_item, cells.starts, axis=0)
    with_cell = np.bincount(cells.of_item, dots[truth, places], len(cells.size))
    norm = np.add.reduceat(weight * with_cell, cells.starts)

    taken = cells.lookup[cells.group[cells.of_item]].T  # [emotion item]; -1 where there is none
    w = np.where(taken >= 0, weight[taken], 0.0)
    rest = cells.counts(weight[None])[0][:, None] - w * cells.size[taken]
    usable = rest > 0.5
    safe = np.where(usable, rest, 1.0)
    dot = dots - w * gram.cell_item[taken, places]
    norm_rest = (
        norm[:, None] - 2 * w * with_cell[taken] + w * w * np.diagonal(gram.cell_cell)[taken]
    )
    distance = np.where(usable, norm_rest / safe**2 - 2 * dot / safe, np.inf)
    scored = usable[truth, places] & (weight[cells.of_item] > 0)
    return np.where(scored, distance.argmin(axis=0), np.nan)

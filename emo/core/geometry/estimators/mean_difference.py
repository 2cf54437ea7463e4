"""Difference of means: the mean of an emotion's items, minus a centre. Source: [S 2.3].

Its inner products need the items once. Each layer is reduced to the Gram matrix of its cells (sums of
the items of one emotion within one group), and a resample is one weight per cell. The cost of
resampling then depends on the number of passages, not on the width of the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.geometry.cells import ItemCells, chunks
from emo.core.geometry.estimators.base import Estimator
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

    def baseline(self, values: Float[np.ndarray, "item hidden"]) -> Float64[np.ndarray, " hidden"]:
        """The mean of the items."""
        return values.astype(np.float64).mean(axis=0)

    def layer(
        self,
        cells: ItemCells,
        values: Float[np.ndarray, "item hidden"],
        baseline: Float[np.ndarray, " hidden"] | None = None,
    ) -> ResampledLayer:
        """The layer's Gram matrix. What is subtracted from a mean may be subtracted from the items."""
        if baseline is not None:
            values = values - baseline
        return GramLayer.make(cells, values)


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
        sums = np.zeros((len(cells.size), items.shape[1]))
        np.add.at(sums, cells.of_item, items)
        return cls(cells, sums @ sums.T, sums @ items.T)

    def products(self, weights: Float64[np.ndarray, "resample cell"]) -> Products:
        """Inner products of the weighted means, and which emotions have any weight."""
        counts = self.cells.counts(weights)
        present = counts > 0
        safe = np.where(present, counts, 1)
        inner = _sum_products(self, weights) / (safe[:, :, None] * safe[:, None, :])
        return np.where(pairs_of(present), inner, 0), present

    def left_out_accuracy(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, " resample"]:
        """See :meth:`ResampledLayer.left_out_accuracy`: all groups and weightings at once."""
        return np.concatenate([_left_out_accuracy(self, some) for some in chunks(weights)])


def _sum_products(gram: GramLayer, weights: np.ndarray) -> np.ndarray:
    """Inner products of the weighted emotion sums, [resample emotion emotion]."""
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


def _left_out_accuracy(gram: GramLayer, weights: np.ndarray) -> np.ndarray:
    cells = gram.cells
    truth = cells.emotion[cells.of_item]
    counts = cells.counts(weights)
    shape = (len(weights), len(truth))
    nearest, guess, scored = np.full(shape, np.inf), np.full(shape, -1), np.zeros(shape, bool)
    for e in range(cells.n_emotions):
        distance, usable = _left_out_distance(gram, weights, counts[:, e], e)
        scored[:, truth == e] = usable[:, truth == e]
        closer = usable & (distance < nearest)
        nearest[closer] = distance[closer]
        guess[closer] = e
    weight = weights[:, cells.of_item] * scored
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, ((guess == truth) * weight).sum(axis=1) / total, np.nan)


def _left_out_distance(
    gram: GramLayer, weights: np.ndarray, count: np.ndarray, emotion: int
) -> tuple[np.ndarray, np.ndarray]:
    """Squared distance (less the item's own norm) of every item to one emotion's centroid.

    The centroid is formed without the item's group; the second result says where items were left.
    """
    cells, block = gram.cells, gram.cells.block(emotion)
    inside = weights[:, block]
    with_cells = inside @ gram.cell_cell[block, block]
    norm = (with_cells * inside).sum(axis=1)

    taken = cells.lookup[cells.group[cells.of_item], emotion]  # the cell taken out, if any
    holds = taken >= 0
    cell = np.where(holds, taken, cells.starts[emotion])
    w = np.where(holds, weights[:, cell], 0.0)
    rest = count[:, None] - w * cells.size[cell]
    dot = inside @ gram.cell_item[block] - w * gram.cell_item[cell, np.arange(len(cell))]
    norm_rest = (
        norm[:, None]
        - 2 * w * with_cells[:, cell - cells.starts[emotion]]
        + w * w * gram.cell_cell[cell, cell]
    )
    usable = rest > 0.5
    safe = np.where(usable, rest, 1.0)
    return norm_rest / safe**2 - 2 * dot / safe, usable

"""Difference of means over many items: sums of cells instead of inner products of items.

What :class:`~emo.core.geometry.estimators.mean_difference.GramLayer` gives, within rounding. Its memory
grows with the number of items and not with their square, its time with items times width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.geometry.cells import ItemCells
from emo.core.geometry.means import group_sums
from emo.core.geometry.products import pairs_of
from emo.core.geometry.resampled import Products, ResampledLayer
from emo.core.stats.resampling import blocks


@dataclass(frozen=True)
class OwnGroup:
    """Pairs of every item and a cell of its own group: what leaving the group out takes away."""

    starts: Int[np.ndarray, " item_and_end"]
    """First pair of each item, and the number of pairs."""
    cell: Int[np.ndarray, " pair"]
    groups: tuple[tuple[Int[np.ndarray, "_"], Int[np.ndarray, "_"]], ...]
    """Items and cells of each group that has several cells."""
    alone: Int[np.ndarray, " single"]
    """Items whose own cell is all that their group has."""

    @classmethod
    def make(cls, cells: ItemCells) -> OwnGroup:
        """The pairs of all items, in the order of the items."""
        by_group = np.argsort(cells.group, kind="stable")
        n_cells = np.bincount(cells.group)
        first = np.concatenate([[0], np.cumsum(n_cells)])
        group = cells.group[cells.of_item]
        starts = np.concatenate([[0], np.cumsum(n_cells[group])])
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], n_cells[group])
        cell = by_group[np.repeat(first[group], n_cells[group]) + within]
        items = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
        several = np.flatnonzero(n_cells > 1)
        return cls(
            starts=starts,
            cell=cell.astype(np.int32),
            groups=tuple((items[g], by_group[first[g] : first[g + 1]]) for g in several),
            alone=np.flatnonzero(n_cells[group] == 1),
        )

    def products(
        self, items: Float[np.ndarray, "item hidden"], sums: Float64[np.ndarray, "cell hidden"]
    ) -> Float64[np.ndarray, " pair"]:
        """Inner product of the item and the sum of the cell, for every pair."""
        out = np.empty(len(self.cell))
        for item, cell in self.groups:
            places = self.starts[item][:, None] + np.arange(len(cell))
            out[places] = items[item].astype(np.float64) @ sums[cell].T
        places = self.starts[self.alone]
        for some in blocks(len(self.alone), 8 * 2 * items.shape[1]):
            own = sums[self.cell[places[some]]]
            out[places[some]] = np.einsum("ih,ih->i", items[self.alone[some]], own)
        return out


@dataclass(frozen=True)
class SumLayer(ResampledLayer):
    """One layer's items, the sums of its cells, and the inner products that leaving out needs."""

    cells: ItemCells
    items: Float[np.ndarray, "item hidden"]
    sums: Float64[np.ndarray, "cell hidden"]
    near: OwnGroup
    own: Float64[np.ndarray, " pair"]
    """Inner products of the pairs of ``near``."""

    @classmethod
    def make(
        cls,
        cells: ItemCells,
        values: Float[np.ndarray, "item hidden"],
        near: OwnGroup | None = None,
    ) -> SumLayer:
        """The layer of the items; ``near`` is what another layer of the same cells has."""
        sums = group_sums(values, cells.of_item)
        near = near or OwnGroup.make(cells)
        return cls(cells, values, sums, near, near.products(values, sums))

    def products(self, weights: Float64[np.ndarray, "resample cell"]) -> Products:
        """Inner products of the weighted means, and which emotions have any weight."""
        counts = self.cells.counts(weights)
        present = counts > 0
        safe = np.where(present, counts, 1)
        n = self.cells.n_emotions
        inner = np.empty((len(weights), n, n))
        for some in blocks(len(weights), 8 * n * self.sums.shape[1]):
            means = self._emotion_sums(weights[some]) / safe[some, :, None]
            inner[some] = means @ means.transpose(0, 2, 1)
        return np.where(pairs_of(present), inner, 0), present

    def left_out_labels(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, "resample item"]:
        """See :meth:`ResampledLayer.left_out_labels`: all groups at once, some items at a time."""
        return np.array([self._left_out_labels(weight) for weight in weights])

    def _emotion_sums(self, weights: np.ndarray) -> Float64[np.ndarray, "resample emotion hidden"]:
        emotions = map(self.cells.block, range(self.cells.n_emotions))
        return np.stack([weights[:, cells] @ self.sums[cells] for cells in emotions], axis=1)

    def _left_out_labels(self, weight: np.ndarray) -> Float64[np.ndarray, " item"]:
        cells, centre = self.cells, self._emotion_sums(weight[None])[0]
        count, norm = cells.counts(weight[None])[0], (centre**2).sum(axis=1)
        # What is left of each cell's emotion without the cell: its weight, its squared length.
        with_cell = np.concatenate(
            [self.sums[cells.block(e)] @ centre[e] for e in range(cells.n_emotions)]
        )
        length = np.einsum("ch,ch->c", self.sums, self.sums)
        rest = count[cells.emotion] - weight * cells.size
        norm_rest = norm[cells.emotion] - 2 * weight * with_cell + weight**2 * length

        truth, labels = cells.emotion[cells.of_item], np.empty(len(cells.of_item))
        for some in blocks(len(labels), 8 * (4 * cells.n_emotions + self.items.shape[1])):
            dots = self.items[some].astype(np.float64) @ centre.T
            distance = _distances(dots, norm, count)
            pairs = slice(self.near.starts[some.start], self.near.starts[some.stop])
            item = np.repeat(
                np.arange(len(dots)), np.diff(self.near.starts[some.start : some.stop + 1])
            )
            cell = self.near.cell[pairs]
            without = dots[item, cells.emotion[cell]] - weight[cell] * self.own[pairs]
            distance[item, cells.emotion[cell]] = _distances(without, norm_rest[cell], rest[cell])
            scored = np.isfinite(distance[np.arange(len(dots)), truth[some]])
            scored &= weight[cells.of_item[some]] > 0
            labels[some] = np.where(scored, distance.argmin(axis=1), np.nan)
        return labels


def _distances(dots: np.ndarray, norm: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Squared distance to a centroid, less the item's own square; infinite without any items."""
    usable = count > 0.5
    safe = np.where(usable, count, 1.0)
    return np.where(usable, norm / safe**2 - 2 * dots / safe, np.inf)

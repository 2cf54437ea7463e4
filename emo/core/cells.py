"""Resampling without touching the hidden dimension again.

All resampled geometry (split halves, bootstrap, leave-one-group-out) is a function of inner
products of items. So each layer is reduced once to the Gram matrix of its *cells* (the items of one
emotion within one group: a situation, or a single passage), and a resample is a weight a group.
Cost then depends on the number of passages, not on the model's width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from emo.core.correlation import spearman
from emo.core.geometry import upper


@dataclass(frozen=True)
class Cells:
    """How items fall into (group, emotion) cells; the same for every layer."""

    emotion: Int[np.ndarray, " cell"]
    group: Int[np.ndarray, " cell"]
    size: Float64[np.ndarray, " cell"]
    of_item: Int[np.ndarray, " item"]
    item_emotion: Int[np.ndarray, " item"]
    lookup: Int[np.ndarray, "group emotion"]
    """Cell of a group and an emotion, -1 where the group has no passage of it."""

    @classmethod
    def make(
        cls, groups: Int[np.ndarray, " item"], emotions: Int[np.ndarray, " item"]
    ) -> Cells:
        """Cells of items labelled by group and emotion."""
        pairs, of_item, size = np.unique(
            np.stack([groups, emotions], axis=1), axis=0, return_inverse=True, return_counts=True
        )
        lookup = np.full((groups.max() + 1, emotions.max() + 1), -1)
        lookup[pairs[:, 0], pairs[:, 1]] = np.arange(len(pairs))
        return cls(
            emotion=pairs[:, 1],
            group=pairs[:, 0],
            size=size.astype(np.float64),
            of_item=of_item.reshape(-1),
            item_emotion=emotions,
            lookup=lookup,
        )

    @property
    def n_emotions(self) -> int:
        return self.lookup.shape[1]


@dataclass(frozen=True)
class LayerGram:
    """One layer's inner products: cell sums with cell sums, and with items."""

    cells: Cells
    cell_cell: Float64[np.ndarray, "cell cell"]
    cell_item: Float64[np.ndarray, "cell item"]
    item_norm: Float64[np.ndarray, " item"]

    @classmethod
    def make(cls, cells: Cells, values: Float[np.ndarray, "item hidden"]) -> LayerGram:
        """Inner products of one layer's items, in float64."""
        items = values.astype(np.float64)
        sums = np.zeros((len(cells.size), items.shape[1]))
        np.add.at(sums, cells.of_item, items)
        return cls(cells, sums @ sums.T, sums @ items.T, (items * items).sum(axis=1))


def _emotion_sums(
    cells: Cells,
    weights: Float64[np.ndarray, "resample cell"],
    products: Float64[np.ndarray, "cell column"],
) -> Float64[np.ndarray, "resample emotion column"]:
    """Inner products of the weighted sum of each emotion's items with the columns."""
    return np.stack(
        [
            weights[:, cells.emotion == e] @ products[cells.emotion == e]
            for e in range(cells.n_emotions)
        ],
        axis=1,
    )


def _emotion_counts(
    cells: Cells, weights: Float64[np.ndarray, "resample cell"]
) -> Float64[np.ndarray, "resample emotion"]:
    member = np.equal.outer(cells.emotion, np.arange(cells.n_emotions))
    return weights @ (cells.size[:, None] * member)


def centred_cosines(
    gram: LayerGram, weights: Float64[np.ndarray, "resample cell"]
) -> Float64[np.ndarray, "resample pair"]:
    """Cosines of the globally centred emotion means under each weighting.

    An emotion with no weight is left out of the centre and its pairs are NaN.
    """
    cells = gram.cells
    sums = _emotion_sums(cells, weights, gram.cell_cell)
    member = np.equal.outer(cells.emotion, np.arange(cells.n_emotions)).astype(np.float64)
    inner = (sums * weights[:, None, :]) @ member
    counts = _emotion_counts(cells, weights)
    present = counts > 0
    both = present[:, :, None] & present[:, None, :]
    safe = np.where(present, counts, 1)
    means = np.where(both, inner / (safe[:, :, None] * safe[:, None, :]), 0)
    n = np.maximum(present.sum(axis=1), 1)[:, None]
    rows = means.sum(axis=2) / n
    grand = rows.sum(axis=1, keepdims=True) / n
    centred = means - rows[:, :, None] - rows[:, None, :] + grand[:, :, None]
    scale = np.sqrt(np.maximum(np.diagonal(centred, axis1=1, axis2=2), 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = centred / (scale[:, :, None] * scale[:, None, :])
    return upper(np.where(both, cosines, np.nan))


def half_correlations(
    gram: LayerGram,
    weights: Float64[np.ndarray, "resample cell"],
    first: Bool[np.ndarray, "resample cell"],
) -> Float64[np.ndarray, " resample"]:
    """Spearman between the RDMs of the two halves, for each split."""
    a = centred_cosines(gram, np.where(first, weights, 0))
    b = centred_cosines(gram, np.where(first, 0, weights))
    return spearman(a, b)


def left_out_accuracy(
    gram: LayerGram, weights: Float64[np.ndarray, "resample cell"]
) -> Float64[np.ndarray, " resample"]:
    """Leave-one-group-out accuracy of the nearest (Euclidean) emotion centroid.

    An item's whole group is taken out before the centroids are formed: in a crossed set the other
    emotions' centroids would otherwise hold the item's own situation, and its own would not.
    Items whose emotion has no other group are not scored; NaN if that is all of them.
    """
    cells = gram.cells
    with_items = _emotion_sums(cells, weights, gram.cell_item)
    with_cells = _emotion_sums(cells, weights, gram.cell_cell)
    member = np.equal.outer(cells.emotion, np.arange(cells.n_emotions)).astype(np.float64)
    norms = np.einsum("rec,rc,ce->re", with_cells, weights, member, optimize=True)
    counts = _emotion_counts(cells, weights)

    n_items = len(cells.of_item)
    taken = cells.lookup[cells.group[cells.of_item]]  # [item emotion]: the cell taken out
    gone = taken >= 0
    cell = np.where(gone, taken, 0)
    w = np.where(gone, weights[:, cell], 0)  # [resample item emotion]
    left = counts[:, None, :] - w * cells.size[cell]
    emotion = np.arange(cells.n_emotions)
    dot = np.swapaxes(with_items, 1, 2) - w * gram.cell_item[cell, np.arange(n_items)[:, None]]
    norm = (
        norms[:, None, :]
        - 2 * w * with_cells[:, emotion, cell]
        + w * w * gram.cell_cell[cell, cell]
    )
    usable = left > 0.5
    safe = np.where(usable, left, 1)
    distance = np.where(usable, norm / safe**2 - 2 * dot / safe, np.inf)
    hit = distance.argmin(axis=2) == cells.item_emotion
    own = np.take_along_axis(usable, cells.item_emotion[None, :, None], axis=2)[:, :, 0]
    weight = weights[:, cells.of_item] * own
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (hit * weight).sum(axis=1) / total, np.nan)

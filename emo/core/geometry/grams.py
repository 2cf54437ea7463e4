"""Resampling without touching the hidden dimension again.

All resampled geometry (split halves, bootstrap, leave-one-group-out) is a function of inner
products of items. So each layer is reduced once to the Gram matrix of its *cells* (the items of one
emotion within one group: a situation, or a single passage), and a resample is a weight a cell.
Cost then depends on the number of passages, not on the model's width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from emo.core.geometry.cosines import upper
from emo.core.stats.correlation import spearman

CHUNK = 256
"""Resamples worked on at a time: their temporaries stay in the processor's cache."""


@dataclass(frozen=True)
class Cells:
    """How items fall into (emotion, group) cells, sorted by emotion; the same for every layer."""

    emotion: Int[np.ndarray, " cell"]
    group: Int[np.ndarray, " cell"]
    size: Float64[np.ndarray, " cell"]
    of_item: Int[np.ndarray, " item"]
    lookup: Int[np.ndarray, "group emotion"]
    """Cell of a group and an emotion, -1 where the group has no passage of it."""
    starts: Int[np.ndarray, " emotion"]
    """First cell of each emotion."""

    @classmethod
    def make(cls, groups: Int[np.ndarray, " item"], emotions: Int[np.ndarray, " item"]) -> Cells:
        """Cells of items labelled by group and emotion, both numbered from 0 without gaps."""
        pairs, of_item, size = np.unique(
            np.stack([emotions, groups], axis=1), axis=0, return_inverse=True, return_counts=True
        )
        lookup = np.full((groups.max() + 1, emotions.max() + 1), -1)
        lookup[pairs[:, 1], pairs[:, 0]] = np.arange(len(pairs))
        return cls(
            emotion=pairs[:, 0],
            group=pairs[:, 1],
            size=size.astype(np.float64),
            of_item=of_item.reshape(-1),
            lookup=lookup,
            starts=np.searchsorted(pairs[:, 0], np.arange(lookup.shape[1])),
        )

    @property
    def n_emotions(self) -> int:
        return self.lookup.shape[1]

    def block(self, emotion: int) -> slice:
        """The cells of one emotion."""
        last = emotion + 1 == self.n_emotions
        return slice(self.starts[emotion], len(self.size) if last else self.starts[emotion + 1])

    def counts(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, "resample emotion"]:
        """Weighted number of items of each emotion."""
        return np.add.reduceat(weights * self.size, self.starts, axis=1)


@dataclass(frozen=True)
class LayerGram:
    """One layer's inner products: cell sums with cell sums, and with items."""

    cells: Cells
    cell_cell: Float64[np.ndarray, "cell cell"]
    cell_item: Float64[np.ndarray, "cell item"]

    @classmethod
    def make(cls, cells: Cells, values: Float[np.ndarray, "item hidden"]) -> LayerGram:
        """Inner products of one layer's items, in float64."""
        items = values.astype(np.float64)
        sums = np.zeros((len(cells.size), items.shape[1]))
        np.add.at(sums, cells.of_item, items)
        return cls(cells, sums @ sums.T, sums @ items.T)


def centred_cosines(
    gram: LayerGram, weights: Float64[np.ndarray, "resample cell"]
) -> Float64[np.ndarray, "resample pair"]:
    """Cosines of the globally centred emotion means under each weighting.

    An emotion with no weight is left out of the centre and its pairs are NaN.
    """
    return np.concatenate([cosines(*centred(*mean_products(gram, w))) for w in chunks(weights)])


def chunks(weights: np.ndarray) -> Iterator[np.ndarray]:
    """Weightings a few at a time."""
    return (weights[i : i + CHUNK] for i in range(0, len(weights), CHUNK))


def mean_products(
    gram: LayerGram, weights: Float64[np.ndarray, "resample cell"]
) -> tuple[Float64[np.ndarray, "resample emotion emotion"], Bool[np.ndarray, "resample emotion"]]:
    """Inner products of the weighted emotion means, 0 for an emotion without weight; which have any."""
    counts = gram.cells.counts(weights)
    present = counts > 0
    safe = np.where(present, counts, 1)
    inner = _inner_products(gram, weights) / (safe[:, :, None] * safe[:, None, :])
    return np.where(_both(present), inner, 0), present


def centred(
    products: Float64[np.ndarray, "resample emotion emotion"],
    present: Bool[np.ndarray, "resample emotion"],
) -> tuple[Float64[np.ndarray, "resample emotion emotion"], Bool[np.ndarray, "resample emotion"]]:
    """The same after the mean of the present emotions' vectors is subtracted from each."""
    n = np.maximum(present.sum(axis=1), 1)[:, None]
    rows = products.sum(axis=2) / n
    grand = rows.sum(axis=1, keepdims=True) / n
    moved = products - rows[:, :, None] - rows[:, None, :] + grand[:, :, None]
    return np.where(_both(present), moved, 0), present


def cosines(
    products: Float64[np.ndarray, "resample emotion emotion"],
    present: Bool[np.ndarray, "resample emotion"],
) -> Float64[np.ndarray, "resample pair"]:
    """Cosines of all pairs from inner products, NaN where an emotion is missing or its vector 0."""
    return upper(np.where(_both(present), normalised(products), np.nan))


def normalised(
    products: Float64[np.ndarray, "resample emotion emotion"],
) -> Float64[np.ndarray, "resample emotion emotion"]:
    """Inner products of the vectors scaled to length 1; NaN for a vector that is 0."""
    scale = np.sqrt(np.maximum(np.diagonal(products, axis1=1, axis2=2), 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return products / (scale[:, :, None] * scale[:, None, :])


def _both(present: np.ndarray) -> np.ndarray:
    return present[:, :, None] & present[:, None, :]


def _inner_products(gram: LayerGram, weights: np.ndarray) -> np.ndarray:
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


def half_correlations(
    gram: LayerGram,
    weights: Float64[np.ndarray, "resample cell"],
    first: Bool[np.ndarray, "resample cell"],
) -> Float64[np.ndarray, " resample"]:
    """Spearman between the RDMs of the two halves, for each split."""
    a = centred_cosines(gram, np.where(first, weights, 0.0))
    b = centred_cosines(gram, np.where(first, 0.0, weights))
    return spearman(a, b)


def left_out_accuracy(
    gram: LayerGram, weights: Float64[np.ndarray, "resample cell"]
) -> Float64[np.ndarray, " resample"]:
    """Leave-one-group-out accuracy of the nearest (Euclidean) emotion centroid.

    An item's whole group is taken out before the centroids are formed: in a crossed set the other
    emotions' centroids would otherwise hold the item's own situation, and its own would not.
    Items whose emotion has no other group are not scored; NaN if that is all of them.
    """
    return np.concatenate([_left_out_accuracy(gram, w) for w in chunks(weights)])


def _left_out_accuracy(gram: LayerGram, weights: np.ndarray) -> np.ndarray:
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
    gram: LayerGram, weights: np.ndarray, count: np.ndarray, emotion: int
) -> tuple[np.ndarray, np.ndarray]:
    """Squared distance (less the item's own norm) of every item to one emotion's centroid.

    The centroid is formed without the item's group; the second result says where items were left.
    """
    cells, block = gram.cells, gram.cells.block(emotion)
    own = weights[:, block]
    with_cells = own @ gram.cell_cell[block, block]
    norm = (with_cells * own).sum(axis=1)

    taken = cells.lookup[cells.group[cells.of_item], emotion]  # the cell taken out, if any
    gone = taken >= 0
    cell = np.where(gone, taken, cells.starts[emotion])
    w = np.where(gone, weights[:, cell], 0.0)
    left = count[:, None] - w * cells.size[cell]
    dot = own @ gram.cell_item[block] - w * gram.cell_item[cell, np.arange(len(cell))]
    norm_left = (
        norm[:, None]
        - 2 * w * with_cells[:, cell - cells.starts[emotion]]
        + w * w * gram.cell_cell[cell, cell]
    )
    usable = left > 0.5
    safe = np.where(usable, left, 1.0)
    return norm_left / safe**2 - 2 * dot / safe, usable

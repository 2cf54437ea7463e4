"""One layer's items as resampling sees them, and what is computed from any such layer.

All resampled geometry (split halves, bootstrap, leaving a group out) is a function of the inner
products of the emotion vectors under a weighting of the items. How a layer gives these is its
estimator's affair (:mod:`emo.core.geometry.estimators`); what follows from them is the same for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool, Float64, Shaped

from emo.core.geometry.cells import ItemCells, chunks, rows_at_a_time
from emo.core.geometry.products import centred, cosines
from emo.core.stats.correlation import spearman

Products = tuple[
    Float64[np.ndarray, "resample emotion emotion"], Bool[np.ndarray, "resample emotion"]
]
"""Inner products of the emotion vectors, 0 for an emotion without items, and which have items."""


class ResampledLayer(ABC):
    """One layer of labelled items, ready to be weighted anew any number of times."""

    cells: ItemCells

    @abstractmethod
    def products(self, weights: Float64[np.ndarray, "resample cell"]) -> Products:
        """Inner products of the emotion vectors, and which emotions have any weight."""

    @abstractmethod
    def left_out_labels(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, "resample item"]:
        """The number of the emotion that the estimator reads in each item.

        A difference of means reads the nearest (Euclidean) vector. The item's whole group is taken out
        before the vectors are estimated, alone or with the other groups of its fold: in a crossed set
        the other emotions' vectors would otherwise hold the item's own situation, and its own emotion's
        would not. NaN for an item without weight or whose emotion has no other group.
        """

    def left_out_hits(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, "resample item"]:
        """1 for an item whose label of :meth:`left_out_labels` is its own emotion, else 0; NaN there."""
        labels = self.left_out_labels(weights)
        own = self.cells.emotion[self.cells.of_item]
        return np.where(np.isfinite(labels), labels == own, np.nan)

    def left_out_accuracy(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, " resample"]:
        """Weighted share of the hits of :meth:`left_out_hits`; NaN where no item is scored."""
        n = len(self.cells.of_item)
        return np.concatenate([self._left_out_accuracy(some) for some in chunks(weights, n)])

    def _left_out_accuracy(self, weights: np.ndarray) -> np.ndarray:
        hits = self.left_out_hits(weights)
        scored = np.isfinite(hits)
        weight = weights[:, self.cells.of_item] * scored
        total = weight.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (np.where(scored, hits, 0) * weight).sum(axis=1) / total
            return np.where(total > 0, share, np.nan)


def centred_cosines(
    layer: ResampledLayer, weights: Float64[np.ndarray, "resample cell"]
) -> Float64[np.ndarray, "resample pair"]:
    """Cosines of the globally centred emotion vectors under each weighting.

    An emotion with no weight is left out of the centre and its pairs are NaN.
    """
    return np.concatenate([_centred_cosines(layer, some) for some in chunks(weights)])


def _centred_cosines(layer: ResampledLayer, weights: np.ndarray) -> np.ndarray:
    products, present = layer.products(weights)
    return cosines(centred(products, present), present)


def half_correlations(
    layer: ResampledLayer,
    weights: Shaped[np.ndarray, "resample cell"],
    first: Bool[np.ndarray, "resample cell"],
) -> Float64[np.ndarray, " resample"]:
    """Spearman between the RDMs of the two halves, for each split."""

    def cosines_of(some: slice, half: np.ndarray) -> np.ndarray:
        return _centred_cosines(layer, np.where(half, weights[some].astype(np.float64), 0.0))

    parts = list(rows_at_a_time(len(first), first.shape[1]))
    a = np.concatenate([cosines_of(some, first[some]) for some in parts])
    b = np.concatenate([cosines_of(some, ~first[some]) for some in parts])
    return spearman(a, b)

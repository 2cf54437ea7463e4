"""Estimators whose vectors are weighted sums of items, with weights that follow from inner products.

Each layer is then reduced to the inner products of its items once, and a resample costs what solving
for the weights costs, whatever the width of the model.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.geometry.cells import ItemCells
from emo.core.geometry.estimators.base import Estimator, Fit, less
from emo.core.geometry.products import pairs_of
from emo.core.geometry.resampled import Products, ResampledLayer

FOLDS = 5
"""Groups are left out in this many folds: one fit per group would take long."""


@dataclass(frozen=True)
class Solved:
    """Vectors as weighted sums of items; NaN for an emotion without weight."""

    shares: Float64[np.ndarray, "emotion item"]
    """Vectors are ``shares @ items``."""
    offsets: Float64[np.ndarray, " emotion"]
    """As in :class:`~emo.core.geometry.estimators.base.Fit`."""


class DualEstimator(Estimator):
    """An estimator that needs inner products of items and not the items."""

    folds = FOLDS

    @abstractmethod
    def solve(
        self,
        gram: Float64[np.ndarray, "item item"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
        hidden: int,
    ) -> Solved:
        """Shares and offsets of items that all weigh something, and of every emotion from 0 up."""

    def estimate(
        self,
        values: Float[np.ndarray, "item hidden"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
    ) -> Float64[np.ndarray, "emotion hidden"]:
        """The weighted sums of the items."""
        return self._fit(values, emotions, weights).vectors

    def fit(
        self,
        values: Float[np.ndarray, "item hidden"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
    ) -> Fit:
        """The vectors, and offsets that are the estimator's own."""
        return self._fit(values, emotions, weights)

    def _fit(self, values: np.ndarray, emotions: np.ndarray, weights: np.ndarray) -> Fit:
        items = values.astype(np.float64)
        if not np.isfinite(items).all():
            n = int(emotions.max()) + 1
            return Fit(np.full((n, items.shape[1]), np.nan), np.full(n, np.nan))
        solved = self.solved(items @ items.T, emotions, weights, items.shape[1])
        return Fit(solved.shares @ items, solved.offsets)

    def solved(
        self,
        gram: Float64[np.ndarray, "item item"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
        hidden: int,
    ) -> Solved:
        """:meth:`solve` of the items that weigh something; the others have no share."""
        n = int(emotions.max()) + 1
        inside = np.flatnonzero(weights > 0)
        present, number = np.unique(emotions[inside], return_inverse=True)
        out = Solved(np.zeros((n, len(emotions))), np.full(n, np.nan))
        out.shares[~np.isin(np.arange(n), present)] = np.nan
        if len(inside):
            some = self.solve(gram[np.ix_(inside, inside)], number, weights[inside], hidden)
            out.shares[np.ix_(present, inside)] = some.shares
            out.offsets[present] = some.offsets
        return out

    def layer(
        self,
        cells: ItemCells,
        values: Float[np.ndarray, "item hidden"],
        baseline: Float[np.ndarray, " hidden"] | None = None,
    ) -> ResampledLayer:
        """The layer's inner products."""
        items = less(values, baseline)
        return DualLayer(self, cells, items @ items.T, items.shape[1])

    def exchanged_layers(
        self,
        cells: ItemCells,
        values: Float[np.ndarray, "item hidden"],
        orders: Int[np.ndarray, "draw item"],
    ) -> Iterator[ResampledLayer]:
        """Exchanging items only reorders their inner products."""
        items = values.astype(np.float64)
        gram = items @ items.T
        return (DualLayer(self, cells, gram[np.ix_(o, o)], items.shape[1]) for o in orders)


@dataclass(frozen=True)
class DualLayer(ResampledLayer):
    """One layer's inner products of items, and what solves for shares of them."""

    estimator: DualEstimator
    cells: ItemCells
    gram: Float64[np.ndarray, "item item"]
    hidden: int

    def products(self, weights: Float64[np.ndarray, "resample cell"]) -> Products:
        """Inner products of the emotion vectors, and which emotions have any weight."""
        present = self.cells.counts(weights) > 0
        n = self.cells.n_emotions
        inner = np.empty((len(weights), n, n))
        for i, weight in enumerate(weights):
            shares = np.where(present[i][:, None], self._solved(weight).shares, 0)
            inner[i] = shares @ self.gram @ shares.T
        return np.where(pairs_of(present), inner, 0), present

    def left_out_labels(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, "resample item"]:
        """See :meth:`ResampledLayer.left_out_labels`; groups are left out in folds."""
        return np.array([self._left_out_labels(weight) for weight in weights])

    def _left_out_labels(self, weight: np.ndarray) -> Float64[np.ndarray, " item"]:
        cells = self.cells
        fold, truth = self.estimator.left_out(cells.group), cells.emotion[cells.of_item]
        labels = np.full(len(truth), np.nan)
        for number in np.unique(fold[weight > 0]):
            solved = self._solved(np.where(fold == number, 0.0, weight))
            test = np.flatnonzero((fold == number)[cells.of_item] & (weight[cells.of_item] > 0))
            usable = np.isfinite(solved.offsets)
            score = solved.shares[usable] @ self.gram[:, test] + solved.offsets[usable, None]
            guess = np.flatnonzero(usable)[score.argmax(axis=0)] if usable.any() else test * 0 - 1
            labels[test] = np.where(usable[truth[test]], guess, np.nan)
        return labels

    def _solved(self, weight: np.ndarray) -> Solved:
        cells = self.cells
        return self.estimator.solved(
            self.gram, cells.emotion[cells.of_item], weight[cells.of_item], self.hidden
        )


def mean_shares(
    emotions: Int[np.ndarray, " item"], weights: Float64[np.ndarray, " item"]
) -> Float64[np.ndarray, "emotion item"]:
    """What takes items to the weighted means of their emotions."""
    member = (emotions == np.arange(int(emotions.max()) + 1)[:, None]) * weights
    return member / member.sum(axis=1, keepdims=True)

"""What an estimator of emotion vectors is, and how it is resampled if it offers no shortcut."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.geometry.cells import ItemCells
from emo.core.geometry.resampled import Products, ResampledLayer


@dataclass(frozen=True)
class Fit:
    """What an estimator makes of labelled items; NaN for an emotion without weight."""

    vectors: Float64[np.ndarray, "emotion hidden"]
    offsets: Float64[np.ndarray, " emotion"]
    """An item is read as the emotion with the highest ``vectors @ item + offsets``."""


def less(
    values: Float[np.ndarray, "item hidden"], baseline: Float[np.ndarray, " hidden"] | None
) -> Float64[np.ndarray, "item hidden"]:
    """The items minus a vector, in float64."""
    items = values.astype(np.float64)
    return items if baseline is None else items - baseline


class Estimator(ABC):
    """Labelled items of one layer -> one vector per emotion.

    The life of an estimate: :meth:`vectors` checks the items and hands them to :meth:`estimate`;
    after that every estimator's vectors are treated alike. They are centred, scaled and compared as
    the recipe says (:class:`emo.core.geometry.item_sets.Recipe`), so an estimator neither subtracts a
    centre nor knows of one. Resampling calls :meth:`layer` once per layer of the model and then asks
    the result for vectors under thousands of weightings of the items. By default each of them is
    estimated anew from the items (:class:`PlainLayer`); an estimator whose inner products can be had
    without the items overrides :meth:`layer`.

    A new estimator is one file here with one subclass that has a ``name`` and ``estimate``, one entry
    in ``ESTIMATORS``, and is then held to tests/core/geometry/estimators/test_contract.py. One that
    weighs items by their inner products alone is a :class:`~.dual.DualEstimator`.
    """

    name: ClassVar[str]
    """How the table, recipes and records call it."""
    folds: ClassVar[int | None] = None
    """In how many folds groups are left out; None: each group alone."""
    tolerance: ClassVar[float] = 1e-9
    """How far two computations of one estimate may lie apart, as a share of its size."""

    @abstractmethod
    def estimate(
        self,
        values: Float[np.ndarray, "item hidden"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
    ) -> Float64[np.ndarray, "emotion hidden"]:
        """One vector per emotion of items that :meth:`vectors` has checked; NaN without weight."""

    def vectors(
        self,
        values: Float[np.ndarray, "item hidden"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"] | None = None,
    ) -> Float64[np.ndarray, "emotion hidden"]:
        """One vector per emotion, in the order of the emotions' numbers, before any centring.

        Parameters
        ----------
        values
            Activations of one layer. One with an infinity gives NaN, not an error.
        emotions
            Each item's emotion, numbered from 0.
        weights
            How often each item counts, by default once. An emotion whose items weigh nothing has a
            vector of NaN.

        Raises
        ------
        ValueError
            If there are no items, labels or weights are not one per item, or a weight is negative or
            not finite.

        Example
        -------
        >>> from emo.core.geometry.estimators import estimator
        >>> items = np.array([[0.0, 2.0], [2.0, 2.0], [5.0, 5.0]])
        >>> estimator("mean_difference").vectors(items, np.array([0, 0, 1]))
        array([[1., 2.],
               [5., 5.]])
        """
        n = len(values)
        if not n:
            raise ValueError(f"{self.name}: there are no items to estimate vectors from")
        if weights is None:
            weights = np.ones(n)
        if len(emotions) != n or len(weights) != n:
            raise ValueError(
                f"{self.name}: {n} items, but {len(emotions)} labels and {len(weights)} weights"
            )
        if emotions.min() < 0:
            raise ValueError(f"{self.name}: emotions are numbered from 0, not {emotions.min()}")
        if not (np.isfinite(weights) & (weights >= 0)).all():
            raise ValueError(f"{self.name}: weights of items must be finite and not negative")
        return self.estimate(values, emotions, weights)

    def fit(
        self,
        values: Float[np.ndarray, "item hidden"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
    ) -> Fit:
        """The vectors, and the rule by which they read an item; by default the nearest vector."""
        vectors = self.vectors(values, emotions, weights)
        return Fit(vectors, -(vectors**2).sum(axis=1) / 2)

    def left_out(self, group: Int[np.ndarray, " cell"]) -> Int[np.ndarray, " cell"]:
        """Which groups are left out together: a number per cell."""
        return group if self.folds is None else group % self.folds

    def layer(
        self,
        cells: ItemCells,
        values: Float[np.ndarray, "item hidden"],
        baseline: Float[np.ndarray, " hidden"] | None = None,
    ) -> ResampledLayer:
        """One layer, ready to be weighted anew; ``baseline`` is subtracted from every item first."""
        return PlainLayer(self, cells, less(values, baseline))

    def exchanged_layers(
        self,
        cells: ItemCells,
        values: Float[np.ndarray, "item hidden"],
        orders: Int[np.ndarray, "draw item"],
    ) -> Iterator[ResampledLayer]:
        """The layer once per order: in the place of item i, with its label, stands item order[i]."""
        return (self.layer(cells, values[order]) for order in orders)


@dataclass(frozen=True)
class PlainLayer(ResampledLayer):
    """Any estimator's layer: every weighting is estimated from the items. Right, and slow."""

    estimator: Estimator
    cells: ItemCells
    values: Float64[np.ndarray, "item hidden"]

    def products(self, weights: Float64[np.ndarray, "resample cell"]) -> Products:
        """Inner products of the emotion vectors, and which emotions have any weight."""
        present = self.cells.counts(weights) > 0
        out = np.empty((len(weights), self.cells.n_emotions, self.cells.n_emotions))
        for i, weight in enumerate(weights):
            vectors = np.where(present[i][:, None], self._fit(weight).vectors, 0)
            out[i] = vectors @ vectors.T
        return out, present

    def left_out_labels(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, "resample item"]:
        """See :meth:`ResampledLayer.left_out_labels`: one estimate per fold and weighting."""
        return np.array([self._left_out_labels(weight) for weight in weights])

    def _left_out_labels(self, weight: np.ndarray) -> np.ndarray:
        cells = self.cells
        fold, truth = self.estimator.left_out(cells.group), cells.emotion[cells.of_item]
        labels = np.full(len(cells.of_item), np.nan)
        for number in np.unique(fold[weight > 0]):
            fit = self._fit(np.where(fold == number, 0.0, weight))
            usable = np.isfinite(fit.offsets)
            for item in np.flatnonzero(fold[cells.of_item] == number):
                if usable[truth[item]] and weight[cells.of_item[item]] > 0:
                    score = fit.vectors @ self.values[item] + fit.offsets
                    labels[item] = np.where(usable, score, -np.inf).argmax()
        return labels

    def _fit(self, weight: np.ndarray) -> Fit:
        cells = self.cells
        with np.errstate(invalid="ignore"):
            return self.estimator.fit(
                self.values, cells.emotion[cells.of_item], weight[cells.of_item]
            )

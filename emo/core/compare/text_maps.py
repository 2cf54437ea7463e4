"""Linear maps from texts to activations, learnt and applied within one half of the items.

Ridge regression in its dual form (Saunders et al. 1998), so that only inner products of items are
needed: of their texts (the kernel) and of their activations. An item is predicted by a map that has seen
neither its situation nor anything of the other half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np
from jaxtyping import Float64, Int

PENALTIES = np.logspace(-2, 4, 13)
"""Penalties tried, in units of the mean squared length of a text's centred features."""
LIGHTER = 0.01
"""Share of the penalty of least error that is used.

The penalty of least error trades bias for noise. Here the noise of a map cancels between halves and
only the bias stays, so less is right: planted shares are recovered with 0.01, and come out a fifth to a
third too low with 1 where activations are noisy (the tests).
"""
LEAST_AXIS = 1e-9
"""Axes of the kernel with less of the largest one's variance are rounding."""


class Learning(StrEnum):
    """What a map learns from."""

    across = "across emotions"
    """All differences of texts, so also whatever in them tells the emotions apart."""
    within = "within emotions"
    """Differences of texts of one emotion: what text does to activations, the emotion held fixed."""


Map = tuple[Int[np.ndarray, " predicted"], Int[np.ndarray, " learnt"], np.ndarray]
"""Items predicted, items learnt from, and the weight of each of the second in each of the first."""


@dataclass(frozen=True)
class _Fold:
    """The part of a map's computation that no penalty and no activation changes."""

    predicted: Int[np.ndarray, " predicted"]
    learnt: Int[np.ndarray, " learnt"]
    means: Float64[np.ndarray, "predicted learnt"]
    """Averages the items learnt from, for each predicted one those that its centre is taken of."""
    sizes: Float64[np.ndarray, " axis"]
    axes: Float64[np.ndarray, "learnt axis"]
    """Of the centred kernel of the items learnt from."""
    onto: Float64[np.ndarray, "predicted axis"]
    """The predicted items' inner products with these axes."""

    @classmethod
    def make(
        cls,
        kernel: Float64[np.ndarray, "item item"],
        labels: Int[np.ndarray, " item"],
        predicted: Int[np.ndarray, " predicted"],
        learnt: Int[np.ndarray, " learnt"],
    ) -> _Fold:
        """``labels`` number the groups of items that are centred on their own mean."""
        inner = kernel[np.ix_(learnt, learnt)]
        average = averaging(labels[learnt], int(labels.max()) + 1)
        rows = inner - (average @ inner)[labels[learnt]]
        sizes, axes = np.linalg.eigh(rows - (rows @ average.T)[:, labels[learnt]])
        kept = sizes > LEAST_AXIS * max(float(sizes.max(initial=0)), LEAST_AXIS)
        axes = axes[:, kept]
        return cls(
            predicted=predicted,
            learnt=learnt,
            means=average[labels[predicted]],
            sizes=sizes[kept],
            axes=axes,
            onto=kernel[np.ix_(predicted, learnt)] @ axes,
        )

    def errors(
        self,
        kernel: Float64[np.ndarray, "item item"],
        products: Float64[np.ndarray, "item item"],
    ) -> Float64[np.ndarray, " penalty"]:
        """Squared error on the predicted items at each penalty, less what is the same at all."""
        inner = products[np.ix_(self.learnt, self.learnt)]
        along = self.axes.T @ inner @ self.axes
        observed = (products[np.ix_(self.predicted, self.learnt)] - self.means @ inner) @ self.axes
        given = self.onto - self.means @ (kernel[np.ix_(self.learnt, self.learnt)] @ self.axes)
        shrunk = 1 / (self.sizes + PENALTIES[:, None])
        squares = ((shrunk @ (given.T @ given * along)) * shrunk).sum(axis=1)
        return np.asarray(squares - 2 * shrunk @ (given * observed).sum(axis=0))

    def map(self, penalty: float) -> Map:
        """The map at a penalty."""
        weights = (self.onto / (self.sizes + penalty)) @ self.axes.T
        return self.predicted, self.learnt, weights


def maps(
    kernel: Float64[np.ndarray, "item item"],
    products: Sequence[Float64[np.ndarray, "item item"]],
    emotions: Int[np.ndarray, " item"],
    items: Int[np.ndarray, " half"],
    fold: Int[np.ndarray, " half"],
    learning: Learning,
) -> list[list[Map]]:
    """For each model, maps that together predict every item of a half from its other folds.

    The penalty of least error over the folds is chosen for each model, and ``LIGHTER`` times it used.

    Parameters
    ----------
    kernel
        Inner products of the texts' features; see :func:`text_kernel`.
    products
        For each model, inner products of its activations.
    emotions
        Of all items, numbered from 0.
    items, fold
        The items of the half, and the fold of each.
    learning
        What the maps learn from.
    """
    match learning:
        case Learning.across:
            labels = np.zeros_like(emotions)
        case Learning.within:
            labels = emotions
        case _:
            assert_never(learning)
    folds = [
        _Fold.make(kernel, labels, items[fold == f], items[fold != f])
        for f in np.unique(fold)
        if (fold != f).any()
    ]
    made = []
    for inner in products:
        errors = np.sum([f.errors(kernel, inner) for f in folds], axis=0)
        penalty = LIGHTER * PENALTIES[int(np.argmin(errors))]
        made.append([f.map(penalty) for f in folds])
    return made


def text_kernel(
    blocks: Sequence[Float64[np.ndarray, "item _"]],
) -> Float64[np.ndarray, "item item"]:
    """Inner products of texts by features centred over all items; several blocks weigh alike.

    Each block is scaled so that its centred rows have a mean squared length of 1. A block that is the
    same for all texts adds nothing.

    Example
    -------
    >>> text_kernel([np.array([[1.0], [3.0]])])
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    total = np.zeros((len(blocks[0]), len(blocks[0])))
    for block in blocks:
        centred = block - block.mean(axis=0)
        size = float((centred**2).sum()) / len(block)
        if size > 0:
            total += centred @ centred.T / size
    return total


def averaging(labels: Int[np.ndarray, " item"], n: int) -> Float64[np.ndarray, "label item"]:
    """The matrix that takes the mean of the items of each of n labels; 0 for a label without items."""
    share = np.zeros((n, len(labels)))
    share[labels, np.arange(len(labels))] = 1
    return np.asarray(share / np.maximum(share.sum(axis=1, keepdims=True), 1))

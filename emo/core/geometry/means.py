"""Means over groups of items, and items with what their situation contributes taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import numpy as np
from jaxtyping import Float, Float64, Int
from scipy.sparse import csr_array

from emo.core.choices import Removal, chosen
from emo.core.records import Activations
from emo.core.stats.resampling import BLOCK_BYTES, index

MOST_SHARES = BLOCK_BYTES // 8
"""Largest matrix of groups x items that is written out."""


def weighted_means(
    values: Float[np.ndarray, "item hidden"],
    groups: Int[np.ndarray, " item"],
    weights: Float64[np.ndarray, " item"],
) -> Float64[np.ndarray, "group hidden"]:
    """Weighted mean over the items of each group, in float64; NaN for a group without weight."""
    if (int(groups.max()) + 1) * len(groups) > MOST_SHARES:
        total = np.bincount(groups, weights)[:, None]
        with np.errstate(invalid="ignore"):
            return group_sums(values, groups, weights) / total
    share = np.zeros((int(groups.max()) + 1, len(groups)))
    share[groups, np.arange(len(groups))] = weights
    with np.errstate(invalid="ignore"):  # a layer with an infinity becomes NaN and is reported
        share /= share.sum(axis=1, keepdims=True)
        return share @ values.astype(np.float64)


def group_sums(
    values: Float[np.ndarray, "item hidden"],
    groups: Int[np.ndarray, " item"],
    weights: Float64[np.ndarray, " item"] | None = None,
) -> Float64[np.ndarray, "group hidden"]:
    """Weighted sum over the items of each group, in float64, in memory of the items alone."""
    n = len(groups)
    weights = np.ones(n) if weights is None else weights
    member = csr_array((weights, (groups, np.arange(n))), shape=(int(groups.max()) + 1, n))
    return np.asarray(member @ values, dtype=np.float64)


def group_means(
    values: Float[np.ndarray, "layer item hidden"], groups: Int[np.ndarray, " item"]
) -> Float64[np.ndarray, "layer group hidden"]:
    """Mean over the items of each group, in float64."""
    ones = np.ones(len(groups))
    # Layer by layer: the float64 copy of one layer is small, that of all layers is not.
    return np.stack([weighted_means(layer, groups, ones) for layer in values])


def remove_group_means(
    values: Float[np.ndarray, "layer item hidden"], groups: Int[np.ndarray, " item"]
) -> Float64[np.ndarray, "layer item hidden"]:
    """Items minus the mean of their group: what the situation alone contributes goes away."""
    return values - group_means(values, groups)[:, groups]


def prepare(activations: Activations, remove: str) -> Float[np.ndarray, "layer item hidden"]:
    """Item activations with nothing (``none``) or the situation means (``situation``) removed.

    Removing makes a copy of all layers in float64; :func:`prepared_layers` makes one of a layer.

    Raises
    ------
    UnknownChoice
        If ``remove`` is no :class:`emo.core.choices.Removal`.
    ValueError
        If the situation is to be removed from passages that name none.
    """
    removal = chosen(Removal, remove, "remove")
    match removal:
        case Removal.none:
            return activations.values
        case Removal.situation:
            return remove_group_means(activations.values, _situations(activations))
        case _:
            assert_never(removal)


def prepared_layers(
    activations: Activations, remove: str
) -> Callable[[int], Float[np.ndarray, "item hidden"]]:
    """What gives a layer of :func:`prepare`, made when it is asked for.

    Raises
    ------
    UnknownChoice, ValueError
        As :func:`prepare` does.
    """
    removal = chosen(Removal, remove, "remove")
    match removal:
        case Removal.none:
            return lambda layer: activations.values[layer]
        case Removal.situation:
            groups = _situations(activations)
            return lambda layer: remove_group_means(activations.values[layer : layer + 1], groups)[
                0
            ]
        case _:
            assert_never(removal)


def _situations(activations: Activations) -> Int[np.ndarray, " item"]:
    if activations.situations is None:
        raise ValueError(
            "vectors.remove=situation needs passages with a situation column; this set has none"
        )
    return index(activations.situations)[1]

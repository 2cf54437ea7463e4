"""Means over groups of items, and items with what their situation contributes taken away."""

from __future__ import annotations

from typing import assert_never

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.choices import Removal, chosen
from emo.core.records import Activations
from emo.core.stats.resampling import index


def weighted_means(
    values: Float[np.ndarray, "item hidden"],
    groups: Int[np.ndarray, " item"],
    weights: Float64[np.ndarray, " item"],
) -> Float64[np.ndarray, "group hidden"]:
    """Weighted mean over the items of each group, in float64; NaN for a group without weight."""
    share = np.zeros((int(groups.max()) + 1, len(groups)))
    share[groups, np.arange(len(groups))] = weights
    with np.errstate(invalid="ignore"):  # a layer with an infinity becomes NaN and is reported
        share /= share.sum(axis=1, keepdims=True)
        return share @ values.astype(np.float64)


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
            if activations.situations is None:
                raise ValueError(
                    "vectors.remove=situation needs passages with a situation column; this set has "
                    "none"
                )
            return remove_group_means(activations.values, index(activations.situations)[1])
        case _:
            assert_never(removal)

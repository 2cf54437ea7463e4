"""From item activations to emotion vectors. Source: [S] 2.3; situation removal is this project's."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.records import NEUTRAL, Activations, EmotionVectors
from emo.core.stats.resampling import index


def group_means(
    values: Float[np.ndarray, "layer item hidden"], groups: Int[np.ndarray, " item"]
) -> Float64[np.ndarray, "layer group hidden"]:
    """Mean over the items of each group, in float64."""
    n_groups = int(groups.max()) + 1
    weights = np.zeros((n_groups, len(groups)))
    weights[groups, np.arange(len(groups))] = 1
    weights /= weights.sum(axis=1, keepdims=True)
    # Layer by layer: the float64 copy of one layer is small, that of all layers is not.
    with np.errstate(invalid="ignore"):  # a layer with an infinity becomes NaN and is reported
        return np.stack([weights @ layer.astype(np.float64) for layer in values])


def remove_group_means(
    values: Float[np.ndarray, "layer item hidden"], groups: Int[np.ndarray, " item"]
) -> Float64[np.ndarray, "layer item hidden"]:
    """Items minus the mean of their group: what the situation alone contributes goes away."""
    return values - group_means(values, groups)[:, groups]


def prepare(activations: Activations, remove: str) -> Float[np.ndarray, "layer item hidden"]:
    """Item activations with nothing (``none``) or the situation means (``situation``) removed.

    Raises
    ------
    ValueError
        If the situation is to be removed from passages that name none.
    """
    if remove == "none":
        return activations.values
    if activations.situations is None:
        raise ValueError(
            "vectors.remove=situation needs passages with a situation column; this set has none"
        )
    return remove_group_means(activations.values, index(activations.situations)[1])


def emotion_vectors(
    activations: Activations,
    centring: str = "global",
    remove: str = "none",
    unit_norm: bool = False,
) -> EmotionVectors:
    """Per-emotion means minus a centre, scaled to length 1 if asked.

    The centre is the mean of the per-emotion means (``global``), which weighs every emotion the
    same whatever its number of items, the mean over the items labelled neutral (``neutral``; they
    then give no vector of their own), or nothing (``none``). Source: [S] 2.3.

    Raises
    ------
    ValueError
        If the centre is neutral and no item is.
    """
    emotions, which = index(activations.emotions)
    means = group_means(prepare(activations, remove), which)
    counts = np.bincount(which)
    if centring == "global":
        means = means - means.mean(axis=1, keepdims=True)
    elif centring == "neutral":
        if NEUTRAL not in emotions:
            raise ValueError("neutral centring needs items labelled neutral")
        keep = np.array([e != NEUTRAL for e in emotions])
        means = means[:, keep] - means[:, ~keep]
        counts, emotions = counts[keep], tuple(e for e in emotions if e != NEUTRAL)
    if unit_norm:
        with np.errstate(invalid="ignore", divide="ignore"):
            means = means / np.linalg.norm(means, axis=-1, keepdims=True)
    return EmotionVectors(
        values=means,
        emotions=emotions,
        n_items=tuple(int(n) for n in counts),
        centring=centring,
        removed=remove,
        unit_norm=unit_norm,
    )

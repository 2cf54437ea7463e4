"""From item activations to emotion vectors. Source: [S 2.3]; situation removal is this project's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

import numpy as np
from jaxtyping import Float64

from emo.core.choices import DEFAULT_ESTIMATOR, Centring, chosen
from emo.core.geometry.estimators import estimator as estimator_named
from emo.core.geometry.estimators.base import less
from emo.core.geometry.means import prepared_layers
from emo.core.records import NEUTRAL, Activations, EmotionVectors
from emo.core.stats.resampling import index


def emotion_vectors(
    activations: Activations,
    centring: str = "global",
    remove: str = "none",
    unit_norm: bool = False,
    estimator: str = DEFAULT_ESTIMATOR,
) -> EmotionVectors:
    """One vector per emotion and layer, minus a centre. Source: [S 2.3].

    Parameters
    ----------
    activations
        Labelled items; emotions keep the order of their first appearance.
    centring
        What is subtracted: ``global`` the mean of the per-emotion vectors, which weighs every emotion
        the same whatever its number of items; ``neutral`` the mean of the items labelled neutral, from
        every item, so these have no vector of their own; ``none`` nothing.
    remove
        What is subtracted from the items first: ``none``, or ``situation`` for the situation means.
    unit_norm
        Whether each centred vector is scaled to length 1.
    estimator
        Name in :data:`emo.core.geometry.estimators.ESTIMATORS`.

    Returns
    -------
    EmotionVectors
        In the units of the activations, float64.

    Raises
    ------
    UnknownChoice
        If the centring, the removal or the estimator is unknown.
    ValueError
        If the centre is neutral and no item is, or a situation that is not named is to be removed.

    Example
    -------
    >>> items = np.array([[[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]], dtype=np.float32)
    >>> activations = Activations(
    ...     items, ("1", "2", "3"), ("calm", "calm", "sad"), None, items[:, :0], "last"
    ... )
    >>> emotion_vectors(activations).values
    array([[[ 1., -1.],
            [-1.,  1.]]])
    """
    rule = chosen(Centring, centring, "centring")
    emotions, which = index(activations.emotions)
    method = estimator_named(estimator)
    items = prepared_layers(activations, remove)
    told = np.ones(len(which), dtype=bool)
    if rule is Centring.neutral:
        if NEUTRAL not in emotions:
            raise ValueError("neutral centring needs items labelled neutral")
        told = np.array([e != NEUTRAL for e in activations.emotions])
        emotions, which = index([e for e in activations.emotions if e != NEUTRAL])

    def of_layer(values: np.ndarray) -> np.ndarray:
        centre = None if told.all() else values[~told].astype(np.float64).mean(axis=0)
        vectors = method.vectors(less(values[told], centre), which)
        return vectors - vectors.mean(axis=0) if rule is Centring["global"] else vectors

    vectors = np.stack([of_layer(items(i)) for i in range(activations.n_layers)])
    counts = np.bincount(which)
    if unit_norm:
        with np.errstate(invalid="ignore", divide="ignore"):
            vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return EmotionVectors(
        values=vectors,
        emotions=emotions,
        n_items=tuple(int(n) for n in counts),
        centring=rule.value,
        removed=str(remove),
        unit_norm=unit_norm,
        estimator=estimator,
    )


def centre_of(
    vectors: Float64[np.ndarray, "layer label hidden"], labels: Sequence[str], rule: Centring
) -> Float64[np.ndarray, "layer hidden"]:
    """What a centring subtracts from the vectors of all labels at each layer.

    Raises
    ------
    ValueError
        If the centre is neutral and no label is.
    """
    match rule.value:
        case "none":
            return np.zeros_like(vectors[:, 0])
        case "global":
            return vectors.mean(axis=1)
        case "neutral":
            if NEUTRAL not in labels:
                raise ValueError("neutral centring needs items labelled neutral")
            return vectors[:, labels.index(NEUTRAL)]
        case _ as never:
            assert_never(never)


def post_centred(vectors: EmotionVectors, emotions: Sequence[str]) -> EmotionVectors:
    """Vectors minus the mean of the full set, restricted to the named emotions in their order.

    This takes away the difference between the centrings: vectors minus their global mean and vectors
    minus a neutral vector become the same.

    Parameters
    ----------
    vectors
        Vectors of any centring.
    emotions
        Which emotions are kept, and in which order.

    Raises
    ------
    ValueError
        If an emotion has no vector.
    """
    keep = [vectors.emotions.index(e) for e in emotions]
    centre = vectors.values.mean(axis=1, keepdims=True)
    return replace(
        vectors,
        values=(vectors.values - centre)[:, keep],
        emotions=tuple(emotions),
        n_items=tuple(vectors.n_items[i] for i in keep),
        centring="post",
        frame=None,
    )

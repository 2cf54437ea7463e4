"""Maps of the emotions on two axes that change as little as can be from one layer to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from emo.core.records import EmotionVectors


@dataclass(frozen=True)
class Maps:
    """One map per layer, in the order of the layers that were asked for."""

    points: Float64[np.ndarray, "layer emotion 2"]
    share: Float64[np.ndarray, " layer"]
    """Share of the variance of the unit vectors that the two axes show together."""


def within_span(vectors: EmotionVectors) -> EmotionVectors:
    """The same vectors in coordinates of the space that they span: all cosines, few numbers.

    Their lengths and the cosines among them stay; a hidden size of thousands becomes at most the number
    of emotions, which is all that RDMs and maps need. Layers that are not finite are NaN.

    Example
    -------
    >>> from emo.core.records import EmotionVectors
    >>> values = np.array([[[3.0, 0, 0, 4.0], [0, 0, 0, 1.0]]])
    >>> small = within_span(EmotionVectors(values, ("a", "b"), (1, 1), "global")).values
    >>> small.shape, (small[0] @ small[0].T).round(9).tolist()
    ((1, 2, 2), [[25.0, 4.0], [4.0, 1.0]])
    """
    layers, emotions, hidden = vectors.values.shape
    values = np.full((layers, emotions, min(emotions, hidden)), np.nan)
    for layer, rows in enumerate(vectors.values):
        if np.isfinite(rows).all():
            values[layer] = np.asarray(np.linalg.qr(rows.T, mode="r")).T
    return replace(vectors, values=values, frame=None)


def followed_maps(vectors: EmotionVectors, layers: Sequence[int]) -> Maps:
    """The unit emotion vectors on their two leading principal components, layer by layer.

    Principal components have no sign and no fixed order of near equals, so each map is turned (and
    mirrored, if need be) onto the one before: the orthogonal Procrustes problem (Schoenemann 1966). This
    changes no distance within a map. In the first map the largest coordinate of each axis is positive.

    Parameters
    ----------
    vectors
        Emotion vectors; those of the layers are finite.
    layers
        Which layers, in the order in which maps follow each other.

    Example
    -------
    >>> from emo.core.records import EmotionVectors
    >>> values = np.array([[[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]] * 2)
    >>> maps = followed_maps(EmotionVectors(values, ("a", "b", "c"), (1, 1, 1), "global"), [0, 1])
    >>> bool(np.allclose(maps.points[0], maps.points[1])), maps.share.round(2).tolist()
    (True, [1.0, 1.0])
    """
    points, shares = [], []
    for layer in layers:
        lengths = np.linalg.norm(vectors.values[layer], axis=1, keepdims=True)
        unit = vectors.values[layer] / np.where(lengths > 0, lengths, 1)
        u, s, _ = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
        here = u[:, :2] * s[:2]
        if points:
            left, _, right = np.linalg.svd(here.T @ points[-1])
            here = here @ (left @ right)
        else:
            here = here * np.where(here[np.abs(here).argmax(axis=0), [0, 1]] < 0, -1, 1)
        points.append(here)
        shares.append((s[:2] ** 2).sum() / max((s**2).sum(), np.finfo(float).tiny))
    return Maps(np.array(points), np.array(shares))

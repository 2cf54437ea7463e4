"""Cosine geometry of emotion vectors. Source: [S 2.3, S 2.5]."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

from emo.core.records import Bounds, EmotionVectors, Rdm
from emo.core.stats.jackknife import reach, standard_error


def cosine_matrix(
    vectors: Float[np.ndarray, "*row item hidden"],
) -> Float64[np.ndarray, "*row item item"]:
    """Cosines of all pairs of rows; a zero or non-finite row gives NaN.

    Example
    -------
    >>> cosine_matrix(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]))
    array([[1., 0., 1.],
           [0., 1., 0.],
           [1., 0., 1.]])
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
        return unit @ np.swapaxes(unit, -1, -2)


def paired_cosines(
    a: Float[np.ndarray, "*row hidden"], b: Float[np.ndarray, "*row hidden"]
) -> Float64[np.ndarray, "*row"]:
    """Cosine of each row with the row in the same place of ``b``; NaN where one is zero.

    Example
    -------
    >>> paired_cosines(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 0.0], [-1.0, -1.0]]))
    array([ 1., -1.])
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (a * b).sum(axis=-1) / norms


def upper(matrix: Float[np.ndarray, "*row n n"]) -> Float64[np.ndarray, "*row pair"]:
    """Entries above the diagonal, in row order.

    Example
    -------
    >>> upper(np.arange(9.0).reshape(3, 3))
    array([1., 2., 5.])
    """
    n = matrix.shape[-1]
    i, j = np.triu_indices(n, 1)
    flat = np.asarray(matrix, dtype=np.float64).reshape(*matrix.shape[:-2], n * n)
    return flat.take(i * n + j, axis=-1)


def rdm(vectors: EmotionVectors, layer: int) -> Rdm:
    """Cosines of all pairs of emotion vectors at one layer. Source: [S 2.3].

    Parameters
    ----------
    vectors
        Emotion vectors of all layers.
    layer
        From 0.

    Returns
    -------
    Rdm
        Similarities between -1 and 1, with the emotions' names; NaN for a vector that is zero.

    Example
    -------
    >>> values = np.array([[[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]])
    >>> rdm(EmotionVectors(values, ("calm", "sad", "serene"), (1, 1, 1), "none"), layer=0).cosines
    array([0., 1., 0.])
    """
    return Rdm(upper(cosine_matrix(vectors.values[layer])), vectors.emotions, layer)


def mean_pairwise_cosine(
    vectors: Float[np.ndarray, "layer item hidden"],
) -> Float64[np.ndarray, " layer"]:
    """Mean cosine over all pairs of rows, one value per layer.

    On centred emotion vectors this is the published layer criterion, on raw activations of neutral
    sentences it is the anisotropy [S 2.5].
    """
    return np.array([upper(cosine_matrix(layer)).mean() for layer in vectors])


def rdm_std(vectors: Float[np.ndarray, "layer emotion hidden"]) -> Float64[np.ndarray, " layer"]:
    """Standard deviation of the off-diagonal cosines, one value per layer [S 2.5]."""
    return np.array([upper(cosine_matrix(layer)).std() for layer in vectors])


def finite_layers(*arrays: Float[np.ndarray, "layer ..."]) -> tuple[int, ...]:
    """Layers in which every value of every array is finite."""
    return tuple(
        i for i in range(len(arrays[0])) if all(bool(np.isfinite(a[i]).all()) for a in arrays)
    )


def reference_layers(n_layers: int) -> dict[str, int]:
    """Layers at 25, 50 and 75 % of the depth: L//4, L//2, 3L//4 [S 2.3]."""
    return {"25%": n_layers // 4, "50%": n_layers // 2, "75%": 3 * n_layers // 4}


def analytic_floor(n_emotions: int) -> float:
    """Mean pairwise cosine of centred vectors of equal norm: -1 / (n - 1), whatever they encode.

    The vectors sum to zero, so the off-diagonal entries of their Gram matrix sum to minus its trace.
    """
    return -1 / (n_emotions - 1)


def anisotropy_bounds(
    sentences: Float[np.ndarray, "layer sentence hidden"],
) -> Bounds:
    """95 % interval of the mean pairwise cosine per layer, for as many other sentences.

    Jackknife over the sentences with Student's t (Arvesen 1969); the mean over pairs is a U-statistic.
    NaN for fewer than three sentences.
    """
    n = sentences.shape[1]
    if n < 3:
        nothing = np.full(len(sentences), np.nan)
        return Bounds(nothing, nothing)
    left_out = np.empty((n, len(sentences)))
    for layer, values in enumerate(sentences):
        cosines = cosine_matrix(values)
        np.fill_diagonal(cosines, 0)
        rows = cosines.sum(axis=1)
        left_out[:, layer] = (rows.sum() - 2 * rows) / ((n - 1) * (n - 2))
    centre = left_out.mean(axis=0)  # of a U-statistic it is the mean over all pairs
    half = reach(standard_error(left_out), n)
    return Bounds(np.maximum(centre - half, -1), np.minimum(centre + half, 1))

"""Principal components of unit emotion vectors, from their cosines alone."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

from emo.core.stats.correlation import pearson


def square(rdm: Float[np.ndarray, "*row pair"]) -> Float64[np.ndarray, "*row emotion emotion"]:
    """The whole matrices of cosines, with 1 on the diagonal."""
    n = round((1 + np.sqrt(1 + 8 * rdm.shape[-1])) / 2)
    i, j = np.triu_indices(n, 1)
    whole = np.broadcast_to(np.eye(n), (*rdm.shape[:-1], n, n)).copy()
    whole[..., i, j] = whole[..., j, i] = rdm
    return whole


def principal_components(
    rdm: Float[np.ndarray, "*row pair"], n_components: int
) -> tuple[Float64[np.ndarray, "*row component emotion"], Float64[np.ndarray, "*row component"]]:
    """Scores of the emotions on the leading components, and each component's share of the variance.

    The components are those of the emotion vectors scaled to length 1 and centred. Their scores follow
    from the cosines (classical scaling, Torgerson 1952), so that they are had of resampled
    items without the vectors. The entry of a component that is largest in size is positive. NaN for an
    RDM with a missing pair.

    Parameters
    ----------
    rdm
        Cosines, as in :class:`emo.core.records.Rdm`.
    n_components
        At most the number of emotions less one.

    Example
    -------
    >>> vectors = np.array([[1.0, 0.0], [0.8, 0.6], [-1.0, 0.0]])
    >>> cosines = np.array([0.8, -1.0, -0.8])
    >>> scores, shares = principal_components(cosines, 2)
    >>> scores.shape, bool(shares[0] > 0.8)
    ((2, 3), True)
    """
    whole = square(rdm)
    finite = np.asarray(np.isfinite(whole).all(axis=(-2, -1), keepdims=True))
    whole = np.where(finite, whole, 0)
    whole = whole - whole.mean(axis=-1, keepdims=True)
    whole = whole - whole.mean(axis=-2, keepdims=True)
    sizes, axes = np.linalg.eigh((whole + np.swapaxes(whole, -1, -2)) / 2)
    sizes = np.clip(sizes[..., ::-1], 0, None)
    scores = np.swapaxes(axes, -1, -2)[..., ::-1, :] * np.sqrt(sizes)[..., None]
    largest = np.take_along_axis(scores, np.abs(scores).argmax(axis=-1)[..., None], axis=-1)
    scores = scores * np.where(largest < 0, -1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = sizes / sizes.sum(axis=-1, keepdims=True)
    return (
        np.where(finite, scores, np.nan)[..., :n_components, :],
        np.where(finite[..., 0], shares, np.nan)[..., :n_components],
    )


def counterpart(
    rdm: Float[np.ndarray, "*row pair"],
    scores: Float64[np.ndarray, " emotion"],
    n_components: int,
) -> Float64[np.ndarray, "*row emotion"]:
    """Of the leading components of other cosines the one most like a given component, with its sign.

    Components may change places and signs from one sample of items to the next.
    """
    others, _ = principal_components(rdm, n_components)
    alike = np.nan_to_num(pearson(others, np.broadcast_to(scores, others.shape)))
    place = np.abs(alike).argmax(axis=-1)[..., None]
    sign = np.where(np.take_along_axis(alike, place, axis=-1) < 0, -1, 1)
    return np.take_along_axis(others, place[..., None], axis=-2)[..., 0, :] * sign

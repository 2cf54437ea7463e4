"""Inner products of emotion vectors, centred and scaled without going back to the vectors."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from emo.core.geometry.cosines import upper


def centred(
    products: Float64[np.ndarray, "resample emotion emotion"],
    present: Bool[np.ndarray, "resample emotion"],
) -> Float64[np.ndarray, "resample emotion emotion"]:
    """Inner products of the vectors minus the mean of the present emotions' vectors."""
    n = np.maximum(present.sum(axis=1), 1)[:, None]
    rows = products.sum(axis=2) / n
    grand = rows.sum(axis=1, keepdims=True) / n
    moved = products - rows[:, :, None]
    moved -= rows[:, None, :]
    moved += grand[:, :, None]
    return moved if present.all() else np.where(pairs_of(present), moved, 0)


def scaled(
    products: Float64[np.ndarray, "resample emotion emotion"],
    present: Bool[np.ndarray, "resample emotion"],
) -> Float64[np.ndarray, "resample emotion emotion"]:
    """Inner products of the vectors at length 1; 0 where an emotion is missing."""
    return np.where(pairs_of(present), _normalised(products), 0)


def cosines(
    products: Float64[np.ndarray, "resample emotion emotion"],
    present: Bool[np.ndarray, "resample emotion"],
) -> Float64[np.ndarray, "resample pair"]:
    """Cosines of all pairs from inner products, NaN where an emotion is missing or its vector 0."""
    i, j = np.triu_indices(products.shape[-1], 1)
    lengths = _lengths(products)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = upper(products) / (lengths[:, i] * lengths[:, j])
    return between if present.all() else np.where(present[:, i] & present[:, j], between, np.nan)


def pairs_of(
    present: Bool[np.ndarray, "resample emotion"],
) -> Bool[np.ndarray, "resample emotion emotion"]:
    """Pairs of which both emotions are present."""
    return present[:, :, None] & present[:, None, :]


def _normalised(products: np.ndarray) -> np.ndarray:
    """Inner products of the vectors at length 1; NaN for a vector that is 0."""
    lengths = _lengths(products)
    with np.errstate(invalid="ignore", divide="ignore"):
        return products / (lengths[:, :, None] * lengths[:, None, :])


def _lengths(products: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(np.diagonal(products, axis1=1, axis2=2), 0))

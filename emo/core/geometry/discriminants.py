"""What classifiers of labelled items share: scores of labels from products of centroids, and a ridge."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64, Int

Score = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""From products of centroids with test items, of centroids with centroids, and shares, to scores."""


def label_shares(
    labels: Int[np.ndarray, "labelling item"], n_labels: int
) -> Float64[np.ndarray, "labelling label"]:
    """Each label's share of the items, under every labelling."""
    counts = [np.bincount(row, minlength=n_labels) for row in labels]
    return np.array(counts) / labels.shape[1]


def best_labels(
    to_test: Float64[np.ndarray, "labelling label test"],
    between: Float64[np.ndarray, "labelling label label"],
    share: Float64[np.ndarray, "labelling label"],
    score: Score,
) -> Int[np.ndarray, "labelling test"]:
    """The label of the highest score for every test item; never one that no item has."""
    scores = score(to_test, between, share)
    return np.where((share > 0)[:, :, None], scores, -np.inf).argmax(axis=1)


def centroid_scores(to_test: np.ndarray, between: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Less half the squared distance to the centroid, but for what all labels share."""
    return to_test - np.diagonal(between, axis1=1, axis2=2)[:, :, None] / 2


def lda_scores(to_test: np.ndarray, between: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The same in the metric of the covariance within labels, which is the total less that between.

    With products H = C A^-1 C' under the total A, those under A - C' D C are (I - H D)^-1 H.
    """
    n = between.shape[1]
    solved = np.linalg.solve(
        np.eye(n) - between * share[:, None, :], np.concatenate([to_test, between], axis=2)
    )
    within = np.diagonal(solved[:, :, -n:], axis1=1, axis2=2)
    return solved[:, :, :-n] - within[:, :, None] / 2


def ridge_of(
    lengths: Float64[np.ndarray, " item"],
    squared: float,
    hidden: int,
    weights: Float64[np.ndarray, " item"] | None = None,
) -> float:
    """What is added to every variance: s m / (1 - s), see :mod:`emo.core.geometry.classifiers`.

    ``lengths`` are the items' inner products with themselves, ``squared`` the sum of the squares of all
    inner products. An item of weight 2 stands there twice.
    """
    times = np.ones(len(lengths)) if weights is None else weights
    n = times.sum()
    mean_variance = (times * lengths).sum() / n / hidden
    spread = squared / n**2 / hidden - mean_variance**2
    error = ((times * lengths**2).sum() / n**2 - squared / n**3) / hidden
    share = float(np.clip(error / spread, 1e-3, 1 - 1e-3)) if spread > 0 else 1 - 1e-3
    return max(float(mean_variance), 1e-12) * share / (1 - share)

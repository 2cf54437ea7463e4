"""Readers of emotion that no outlier dimension rules: z-scored centroids and shrinkage LDA.

The nearest centroid on raw activations (:meth:`ResampledLayer.left_out_hits`) measures distance in the
model's own units, so a few dimensions of huge variance decide it (Timkey & van Schijndel 2021). These
two put every dimension in units of its standard deviation first; the second also takes correlated
dimensions into account. Groups (situations) are left out in folds, and everything is fitted to the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int
from scipy.linalg import cholesky, solve_triangular

from emo.core.geometry.projections import z_score

FOLDS = 5
"""Groups are left out in this many folds: each fit has four fifths of them."""


class Classifier(StrEnum):
    """A reader of emotion; the value names its curve."""

    centroid_z = "accuracy_z"
    """Nearest centroid after z-scoring the dimensions."""
    lda = "accuracy_lda"
    """Linear discriminant analysis with a covariance shrunk towards the variances."""


def left_out_hits(
    values: Float[np.ndarray, "item hidden"],
    groups: Int[np.ndarray, " item"],
    labels: Int[np.ndarray, "labelling item"],
    rng: np.random.Generator,
) -> dict[Classifier, Float64[np.ndarray, "labelling item"]]:
    """1 where a classifier that has not seen an item's group names its label, else 0.

    Many labellings of the same items are scored at once: what does not hang on the labels (means and
    standard deviations per dimension, the shrunk total covariance) is fitted once per fold.

    Parameters
    ----------
    values
        Activations of one layer.
    groups
        Each item's situation, or the item itself, numbered from 0 without gaps.
    labels
        Emotions of the items, numbered from 0, one labelling per row.
    rng
        Draws the folds.

    Returns
    -------
    dict
        NaN for an item whose label no item outside its fold has.

    Example
    -------
    >>> labels = np.tile([0, 1, 2], 6)
    >>> values = 9 * np.eye(3)[labels] + np.random.default_rng(0).normal(size=(18, 3))
    >>> groups = np.repeat(np.arange(6), 3)
    >>> hits = left_out_hits(values, groups, labels[None], np.random.default_rng(1))
    >>> {name.value: float(x.mean()) for name, x in hits.items()}
    {'accuracy_z': 1.0, 'accuracy_lda': 1.0}
    """
    n_groups, n_labels = int(groups.max()) + 1, int(labels.max()) + 1
    fold_of = rng.permutation(n_groups) % min(FOLDS, n_groups)
    hits = {name: np.full(labels.shape, np.nan) for name in Classifier}
    for fold in range(min(FOLDS, n_groups)):
        test = fold_of[groups] == fold
        if test.all():
            continue
        scaled = z_score(values.astype(np.float64), values[~test].astype(np.float64))
        gram = _gram(scaled)
        member, share = _members(labels[:, ~test], n_labels)
        for name, (products, score) in {
            Classifier.centroid_z: (gram[~test], _centroid_scores),
            Classifier.lda: (_whitened(gram, ~test, values.shape[1]), _lda_scores),
        }.items():
            guess = _guesses(products, test, member, share, score)
            known = np.take_along_axis(share, labels[:, test], axis=1) > 0
            hits[name][:, test] = np.where(known, guess == labels[:, test], np.nan)
    return hits


def _gram(values: np.ndarray) -> Float32[np.ndarray, "item item"]:
    single = values.astype(np.float32)
    return single @ single.T


def _members(
    labels: Int[np.ndarray, "labelling item"], n_labels: int
) -> tuple[Float32[np.ndarray, "labelling label item"], Float64[np.ndarray, "labelling label"]]:
    """What takes items to the means of their labels, and each label's share of the items."""
    member = labels[:, None, :] == np.arange(n_labels)[None, :, None]
    count = member.sum(axis=2)
    return (member / np.maximum(count, 1)[:, :, None]).astype(np.float32), count / labels.shape[1]


def _whitened(
    gram: Float32[np.ndarray, "item item"], train: Bool[np.ndarray, " item"], hidden: int
) -> Float32[np.ndarray, "train item"]:
    """Inner products of training items with all under the inverse of their shrunk total covariance.

    The covariance is (1 - s) T + s m I, with T that of the training items (of mean 0 already), m its
    mean variance, and s the share of Ledoit & Wolf 2004. It is divided by 1 - s, which changes no
    decision. Woodbury's formula keeps to the inner products.
    """
    inner = gram[np.ix_(train, train)].astype(np.float64)
    n = len(inner)
    mean_variance = np.trace(inner) / n / hidden
    square = (inner**2).sum() / n**2 / hidden
    spread = square - mean_variance**2
    error = ((np.diagonal(inner) ** 2).sum() / n**2 - (inner**2).sum() / n**3) / hidden
    share = float(np.clip(error / spread, 1e-3, 1 - 1e-3)) if spread > 0 else 1 - 1e-3
    ridge = max(mean_variance, 1e-12) * share / (1 - share)
    root = cholesky(inner + n * ridge * np.eye(n), lower=True)
    half = solve_triangular(root, gram[train].astype(np.float64), lower=True)
    return ((gram[train] - half[:, train].T @ half) / ridge).astype(np.float32)


Score = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""From products of centroids with test items, of centroids with centroids, and shares, to scores."""


def _guesses(
    products: Float32[np.ndarray, "train item"],
    test: Bool[np.ndarray, " item"],
    member: Float32[np.ndarray, "labelling label train"],
    share: Float64[np.ndarray, "labelling label"],
    score: Score,
) -> Int[np.ndarray, "labelling test"]:
    """The label of the highest score for every test item, under every labelling."""
    rows = member.reshape(-1, member.shape[2])
    shape = (*member.shape[:2], -1)
    to_test = (rows @ products[:, test]).reshape(shape)
    to_train = (rows @ products[:, ~test]).reshape(shape)
    between = to_train @ member.transpose(0, 2, 1)
    scores = score(to_test.astype(np.float64), between.astype(np.float64), share)
    return np.where((share > 0)[:, :, None], scores, -np.inf).argmax(axis=1)


def _centroid_scores(to_test: np.ndarray, between: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Less half the squared distance to the centroid, but for what all labels share."""
    return to_test - np.diagonal(between, axis1=1, axis2=2)[:, :, None] / 2


def _lda_scores(to_test: np.ndarray, between: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The same in the metric of the covariance within labels, which is the total less that between.

    With products H = C A^-1 C' under the total A, those under A - C' D C are (I - H D)^-1 H.
    """
    n = between.shape[1]
    solved = np.linalg.solve(
        np.eye(n) - between * share[:, None, :], np.concatenate([to_test, between], axis=2)
    )
    within = np.diagonal(solved[:, :, -n:], axis1=1, axis2=2)
    return solved[:, :, :-n] - within[:, :, None] / 2

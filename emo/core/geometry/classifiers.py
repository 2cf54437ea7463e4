"""Readers of emotion that no outlier dimension rules: z-scored centroids and shrinkage LDA.

The nearest centroid on raw activations (:meth:`ResampledLayer.left_out_hits`) measures distance in the
model's own units, so a few dimensions of huge variance decide it (Timkey & van Schijndel 2021). These
two put every dimension in units of its standard deviation first; the second also takes correlated
dimensions into account. Groups (situations) are left out in folds, and everything is fitted to the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int
from scipy.linalg import cholesky, solve_triangular

from emo.core.geometry.cells import MOST_PAIRED
from emo.core.geometry.classifiers_of_many import guesses_of_many
from emo.core.geometry.discriminants import (
    Score,
    best_labels,
    centroid_scores,
    label_shares,
    lda_scores,
    ridge_of,
)
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
    hits = {name: np.full(labels.shape, np.nan) for name in Classifier}
    for test, name, found in _folds(values, groups, labels, rng):
        hits[name][:, test] = found
    return hits


@dataclass(frozen=True)
class Scores:
    """What a classifier reads, without one number per item and labelling."""

    hits: Float64[np.ndarray, " item"]
    """Of the first labelling, as :func:`left_out_hits` gives them."""
    shares: Float64[np.ndarray, " labelling"]
    """Share of hits among the scored items; NaN where none is."""


def left_out_scores(
    values: Float[np.ndarray, "item hidden"],
    groups: Int[np.ndarray, " item"],
    labels: Int[np.ndarray, "labelling item"],
    rng: np.random.Generator,
) -> dict[Classifier, Scores]:
    """:func:`left_out_hits` of the first labelling, and the mean hit of every labelling."""
    first = {name: np.full(labels.shape[1], np.nan) for name in Classifier}
    right, scored = ({name: np.zeros(len(labels)) for name in Classifier} for _ in range(2))
    for test, name, found in _folds(values, groups, labels, rng):
        first[name][test] = found[0]
        right[name] += np.nansum(found, axis=1)
        scored[name] += np.isfinite(found).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return {name: Scores(first[name], right[name] / scored[name]) for name in Classifier}


def _folds(
    values: np.ndarray, groups: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[Bool[np.ndarray, " item"], Classifier, Float64[np.ndarray, "labelling _"]]]:
    """Which items each fold leaves out, and each classifier's hits among them."""
    n_groups, n_labels = int(groups.max()) + 1, int(labels.max()) + 1
    fold_of = rng.permutation(n_groups) % min(FOLDS, n_groups)
    for fold in range(min(FOLDS, n_groups)):
        test = fold_of[groups] == fold
        if test.all():
            continue
        share = label_shares(labels[:, ~test], n_labels)
        known = np.take_along_axis(share, labels[:, test], axis=1) > 0
        guess = _paired if len(values) <= MOST_PAIRED else guesses_of_many
        for name, guessed in zip(Classifier, guess(values, test, labels, share), strict=True):
            yield test, name, np.where(known, guessed == labels[:, test], np.nan)


def _paired(
    values: np.ndarray, test: np.ndarray, labels: np.ndarray, share: np.ndarray
) -> tuple[Int[np.ndarray, "labelling test"], ...]:
    """What each classifier guesses, from the inner products of all pairs of items."""
    scaled = z_score(values.astype(np.float64), values[~test].astype(np.float64))
    gram = _gram(scaled)
    member = _members(labels[:, ~test], share.shape[1])
    whitened = _whitened(gram, ~test, values.shape[1])
    return (
        _guesses(gram[~test], test, member, share, centroid_scores),
        _guesses(whitened, test, member, share, lda_scores),
    )


def _gram(values: np.ndarray) -> Float32[np.ndarray, "item item"]:
    single = values.astype(np.float32)
    return single @ single.T


def _members(
    labels: Int[np.ndarray, "labelling item"], n_labels: int
) -> Float32[np.ndarray, "labelling label item"]:
    """What takes items to the means of their labels."""
    member = labels[:, None, :] == np.arange(n_labels)[None, :, None]
    return (member / np.maximum(member.sum(axis=2), 1)[:, :, None]).astype(np.float32)


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
    ridge = ridge_of(np.diagonal(inner), float((inner**2).sum()), hidden)
    root = cholesky(inner + n * ridge * np.eye(n), lower=True)
    half = solve_triangular(root, gram[train].astype(np.float64), lower=True)
    return ((gram[train] - half[:, train].T @ half) / ridge).astype(np.float32)


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
    return best_labels(to_test.astype(np.float64), between.astype(np.float64), share, score)

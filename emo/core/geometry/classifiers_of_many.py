"""The classifiers of :mod:`emo.core.geometry.classifiers` over many items.

The same decisions within rounding, from centroids and the covariance instead of inner products of items:
memory grows with the number of items and not with its square.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int
from scipy.linalg import cho_factor, cho_solve

from emo.core.geometry.discriminants import (
    Score,
    best_labels,
    centroid_scores,
    lda_scores,
    ridge_of,
)
from emo.core.geometry.projections import in_units
from emo.core.stats.resampling import blocks


def guesses_of_many(
    values: Float[np.ndarray, "item hidden"],
    test: Bool[np.ndarray, " item"],
    labels: Int[np.ndarray, "labelling item"],
    share: Float64[np.ndarray, "labelling label"],
) -> tuple[Int[np.ndarray, "labelling test"], Int[np.ndarray, "labelling test"]]:
    """What nearest z-scored centroid and LDA guess for the test items, fitted to the others."""
    scaled = _scaled(values, ~test)
    total = _total(scaled, ~test)
    held_out = scaled[test]
    guesses = np.empty((2, len(labels), len(held_out)), dtype=np.int64)
    for some in blocks(len(labels), 8 * share.shape[1] * values.shape[1]):
        centroids = _centroids(scaled, ~test, labels[some], share.shape[1])
        flat = centroids.reshape(-1, centroids.shape[2])
        solved = cho_solve(total, flat.T).T.reshape(centroids.shape)
        for out, seen, score in (
            (guesses[0], centroids, centroid_scores),
            (guesses[1], solved, lda_scores),
        ):
            out[some] = _guesses(held_out, centroids, seen, share[some], score)
    return guesses[0], guesses[1]


def _scaled(
    values: Float[np.ndarray, "item hidden"], train: Bool[np.ndarray, " item"]
) -> Float32[np.ndarray, "item hidden"]:
    """Z-scores by mean and standard deviation of the training items, some items at a time."""
    hidden, n = values.shape[1], int(train.sum())
    parts = list(blocks(len(values), 8 * 2 * hidden))
    total, squares, largest = np.zeros((3, hidden))
    for some in parts:
        rows = values[some][train[some]].astype(np.float64)
        total += rows.sum(axis=0)
        largest = np.maximum(largest, np.abs(rows).max(axis=0, initial=0))
    centre = total / n
    for some in parts:
        squares += ((values[some][train[some]] - centre) ** 2).sum(axis=0)
    out = np.empty(values.shape, dtype=np.float32)
    for some in parts:
        rows = values[some].astype(np.float64)
        out[some] = in_units(rows, centre, np.sqrt(squares / n), largest)
    return out


def _total(
    scaled: Float32[np.ndarray, "item hidden"], train: Bool[np.ndarray, " item"]
) -> tuple[Float64[np.ndarray, "hidden hidden"], bool]:
    """Cholesky factor of the training items' shrunk total covariance, divided by 1 - s."""
    hidden, n = scaled.shape[1], int(train.sum())
    covariance, lengths = np.zeros((hidden, hidden)), []
    for some in blocks(len(scaled), 8 * 2 * hidden):
        rows = scaled[some][train[some]].astype(np.float64)
        covariance += rows.T @ rows / n
        lengths.append((rows**2).sum(axis=1))
    squared = n**2 * float((covariance**2).sum())  # all inner products of items squared, summed
    ridge = ridge_of(np.concatenate(lengths), squared, hidden)
    return cho_factor(covariance + ridge * np.eye(hidden), lower=True)


def _centroids(
    scaled: Float32[np.ndarray, "item hidden"],
    train: Bool[np.ndarray, " item"],
    labels: Int[np.ndarray, "labelling item"],
    n_labels: int,
) -> Float64[np.ndarray, "labelling label hidden"]:
    """Mean training item of every label, 0 where it has none."""
    sums = np.zeros((len(labels) * n_labels, scaled.shape[1]))
    counts = np.zeros(len(sums))
    for some in blocks(len(scaled), 8 * len(sums)):
        rows = scaled[some][train[some]]
        inside = labels[:, some][:, train[some]]
        member = inside[:, None, :] == np.arange(n_labels)[None, :, None]
        member = member.reshape(len(sums), -1).astype(np.float32)
        sums += member @ rows
        counts += member.sum(axis=1)
    means = sums / np.maximum(counts, 1)[:, None]
    return means.reshape(len(labels), n_labels, -1)


def _guesses(
    held_out: Float32[np.ndarray, "test hidden"],
    centroids: Float64[np.ndarray, "labelling label hidden"],
    seen: Float64[np.ndarray, "labelling label hidden"],
    share: Float64[np.ndarray, "labelling label"],
    score: Score,
) -> Int[np.ndarray, "labelling test"]:
    """The best label of every test item; ``seen`` are the centroids in the metric that decides."""
    between = seen @ centroids.transpose(0, 2, 1)
    rows = seen.reshape(-1, seen.shape[2]).astype(np.float32)
    guesses = np.empty((len(share), len(held_out)), dtype=np.int64)
    for some in blocks(len(held_out), 8 * 3 * len(rows)):
        to_test = (rows @ held_out[some].T).reshape(*share.shape, -1)
        guesses[:, some] = best_labels(to_test.astype(np.float64), between, share, score)
    return guesses

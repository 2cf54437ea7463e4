"""A classifier of emotions over vectors of texts, and how it does on situations that it has not seen.

Multinomial logistic regression with a ridge penalty on the weights (Hastie, Tibshirani & Friedman 2009,
section 4.4): the probability of every emotion for every text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from emo.core.stats.resampling import index, stream
from emo.core.steering.text_measures import share_interval

RIDGE = 3e-4
"""Half of it times the squared weights is added to the mean negative log-likelihood. Of seven values
from 1e-4 to 0.1 it gives the passages of the bundled set ``implied``, with their situations left out,
the highest likelihood, and those of ``shown`` the second highest (vectors of all-MiniLM-L6-v2)."""
FOLDS = 6
"""Situations are left out in this many folds."""


@dataclass(frozen=True)
class TextClassifier:
    """Weights that turn a text's vector into a probability for every emotion."""

    emotions: tuple[str, ...]
    weights: Float64[np.ndarray, "emotion hidden"]
    bias: Float64[np.ndarray, " emotion"]

    def probabilities(
        self, values: Float[np.ndarray, "text hidden"]
    ) -> Float64[np.ndarray, "text emotion"]:
        """Probability of every emotion; each row sums to 1."""
        return softmax(values.astype(np.float64) @ self.weights.T + self.bias, axis=1)


@dataclass(frozen=True)
class Confusion:
    """What a classifier calls texts of situations that it was not trained on."""

    emotions: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """Row: the texts of an emotion; column: what they are called."""
    n_groups: int
    """Situations; or texts, where no situation is named."""
    low: float
    """95 % interval of the accuracy, whole situations drawn; ``high`` is the other end."""
    high: float

    @property
    def n(self) -> int:
        """Number of texts."""
        return sum(map(sum, self.counts))

    @property
    def accuracy(self) -> float:
        """Share of texts that are called by their own emotion."""
        return sum(row[i] for i, row in enumerate(self.counts)) / self.n

    @property
    def chance(self) -> float:
        """Share that would be right if every emotion were named equally often, whatever the text."""
        return 1 / len(self.emotions)


@dataclass(frozen=True)
class JudgeSheet:
    """A judge of a sweep."""

    name: str
    confusion: Confusion | None = None
    """What it calls texts that it was not trained on; None for one that is not trained here."""


def fitted(
    values: Float[np.ndarray, "text hidden"], labels: Sequence[str], ridge: float = RIDGE
) -> TextClassifier:
    """The classifier of the texts' labels, which stand in alphabetical order in it.

    Example
    -------
    >>> values = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    >>> reader = fitted(values, ["calm", "calm", "sad", "sad"])
    >>> [reader.emotions[int(i)] for i in reader.probabilities(values).argmax(axis=1)]
    ['calm', 'calm', 'sad', 'sad']
    """
    emotions = tuple(sorted(set(labels)))
    x = values.astype(np.float64)
    member = np.array([[label == e for e in emotions] for label in labels], dtype=np.float64)
    shape = len(emotions), x.shape[1]
    n_weights = shape[0] * shape[1]

    def loss(flat: Float64[np.ndarray, " weight"]) -> tuple[float, Float64[np.ndarray, " weight"]]:
        weights, bias = flat[:n_weights].reshape(shape), flat[n_weights:]
        log_p = log_softmax(x @ weights.T + bias, axis=1)
        off = (np.exp(log_p) - member) / len(x)
        value = -(member * log_p).sum() / len(x) + ridge / 2 * (weights**2).sum()
        slope = np.concatenate([(off.T @ x + ridge * weights).ravel(), off.sum(axis=0)])
        return float(value), slope

    start = np.zeros(n_weights + shape[0])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return TextClassifier(emotions, found[:n_weights].reshape(shape), found[n_weights:])


def left_out_confusion(
    values: Float[np.ndarray, "text hidden"],
    labels: Sequence[str],
    groups: Sequence[str],
    seed: int = 0,
) -> Confusion:
    """The confusion table of texts whose situation the classifier has not seen.

    Parameters
    ----------
    values
        One vector per text.
    labels
        The texts' emotions.
    groups
        The texts' situations: those of one stand in one fold.
    seed
        Names the stream that draws the folds.

    Raises
    ------
    ValueError
        If there are fewer than two groups: nothing can be left out.
    """
    names, group = index(groups)
    if len(names) < 2:
        raise ValueError("at least two situations are needed to leave one out")
    fold_of = stream(seed, "judge", "folds").permutation(len(names)) % min(FOLDS, len(names))
    emotions, truth = tuple(sorted(set(labels))), np.array(labels)
    guessed = np.empty(len(labels), dtype=object)
    for fold in range(fold_of.max() + 1):
        test = fold_of[group] == fold
        reader = fitted(values[~test], truth[~test].tolist())
        best = reader.probabilities(values[test]).argmax(axis=1)
        guessed[test] = [reader.emotions[int(i)] for i in best]
    counts = np.zeros((len(emotions), len(emotions)), dtype=np.int64)
    np.add.at(counts, ([emotions.index(e) for e in truth], [emotions.index(e) for e in guessed]), 1)
    hits = [a == b for a, b in zip(truth, guessed, strict=True)]
    return Confusion(
        emotions,
        tuple(tuple(int(n) for n in row) for row in counts),
        len(names),
        *share_interval(hits, list(groups)),
    )

"""Cross-validated distance of emotions: zero on average where items do not differ by emotion.

A squared distance of two means is positive by noise alone. The product of two estimates of the same
difference, from different situations, is not: its mean is the true squared distance, here in the metric
of the covariance within emotions, so that its unit is that of the items' scatter ("crossnobis"; Walther
et al. 2016, NeuroImage 137). The covariance of a product is that of situations other than its two,
shrunk after Ledoit and Wolf 2004, so that no item stands on both sides. Where items are few, the inverse
of their covariance is too large, and so is a distance that is there (by a third with 24 items in 20
dimensions, by an eighth with 48 in 60); one that is not stays 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from jaxtyping import Float, Float64, Int
from scipy.linalg import cho_factor, cho_solve

from emo.core.geometry.discriminants import ridge_of
from emo.core.geometry.item_sets import common_emotions
from emo.core.records import Activations
from emo.core.stats.intervals import Estimates
from emo.core.stats.jackknife import estimates
from emo.core.stats.resampling import index, nested, stream

BLOCKS = 5
"""Blocks of situations: a product's covariance is that of the other blocks."""
LEAST = 4
"""Situations, below which no covariance is left beside the two of a product."""


@dataclass(frozen=True)
class Crossnobis:
    """Mean squared distance of two emotions, from every pair of situations, at every layer."""

    products: Float64[np.ndarray, "layer situation situation"]
    """Symmetric; the diagonal, of a situation with itself, is no estimate and is 0."""

    @property
    def situations(self) -> int:
        """How many situations there are."""
        return self.products.shape[1]

    def weighted(
        self, weights: Float[np.ndarray, "resample situation"]
    ) -> Float64[np.ndarray, "resample layer"]:
        """The distance where each situation counts so often; NaN where one situation alone counts."""
        pairs = weights[:, :, None] * weights[:, None, :] * ~np.eye(self.situations, dtype=bool)
        total = pairs.sum(axis=(1, 2))[:, None]
        summed = np.einsum("rij,lij->rl", pairs, self.products)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(total > 0, summed / total, np.nan)

    def distance(self) -> Estimates:
        """The distance per layer, with its jackknife interval over situations."""
        n = self.situations
        return estimates(self.weighted(np.ones((1, n)))[0], self.weighted(1 - np.eye(n)))


def crossnobis(activations: Activations, layers: tuple[int, ...], seed: int) -> Crossnobis | None:
    """The distance of emotions at the layers; None where fewer than four situations tell all emotions.

    Parameters
    ----------
    activations
        Items of at least three emotions. Where they declare no situations, the items of each emotion
        are dealt at random to as many blocks as the rarest emotion has items.
    layers
        Numbers of finite layers.
    seed
        Of the dealing.

    Example
    -------
    >>> rng = np.random.default_rng(0)
    >>> emotions, situations = ("calm", "happy", "sad") * 6, tuple("aaabbbcccdddeeefff")
    >>> values = rng.normal(size=(1, 18, 40)).astype(np.float32)
    >>> noise = Activations(values, situations, emotions, situations, values[:, :0], "last")
    >>> crossnobis(noise, (0,), seed=0).situations
    6
    """
    names, emotion = index(activations.emotions)
    common_emotions(names)
    situation = _situations(activations, emotion, seed)
    n_situations, n_emotions = int(situation.max()) + 1, len(names)
    told = np.zeros((n_situations, n_emotions))
    np.add.at(told, (situation, emotion), 1)
    whole = np.flatnonzero((told > 0).all(axis=1))
    if len(whole) < LEAST:
        return None
    kept = np.flatnonzero(np.isin(situation, whole))
    emotion, situation = emotion[kept], np.searchsorted(whole, situation[kept])
    products = [
        _products(activations.values[layer, kept].astype(np.float64), emotion, situation)
        for layer in layers
    ]
    return Crossnobis(np.stack(products))


def _situations(
    activations: Activations, emotion: Int[np.ndarray, " item"], seed: int
) -> Int[np.ndarray, " item"]:
    """The situation of every item, or the block that an item without one is dealt to."""
    _, group = index(activations.groups)
    if not nested(group, emotion).all():
        return group
    rng, n = stream(seed, "crossnobis"), int(np.bincount(emotion).min())
    dealt = np.empty(len(emotion), dtype=np.int64)
    for number in np.unique(emotion):
        items = rng.permutation(np.flatnonzero(emotion == number))
        dealt[items] = np.arange(len(items)) % n
    return dealt


def _products(
    values: Float64[np.ndarray, "item hidden"],
    emotion: Int[np.ndarray, " item"],
    situation: Int[np.ndarray, " item"],
) -> Float64[np.ndarray, "situation situation"]:
    """One layer: products of differences in two situations, mean over the pairs of emotions."""
    n, k = int(situation.max()) + 1, int(emotion.max()) + 1
    cell = situation * k + emotion
    mean = np.zeros((n * k, len(values)))
    mean[cell, np.arange(len(values))] = 1 / np.bincount(cell)[cell]
    # Of two emotions' differences only what the emotions of a situation differ in is left.
    differing = (
        mean.reshape(n, k, -1) - mean.reshape(n, k, -1).mean(axis=1, keepdims=True)
    ).reshape(n * k, -1)
    values = values - values.mean(axis=0)
    gram, hidden = values @ values.T, values.shape[1]
    block = np.arange(n) % min(BLOCKS, n)
    out = np.zeros((n, n))
    for a, b in combinations_with_replacement(np.unique(block), 2):
        used = np.flatnonzero(~np.isin(block[situation], (a, b)))
        rows, columns = np.flatnonzero(block == a), np.flatnonzero(block == b)
        left, right = (differing[np.isin(np.arange(n * k) // k, s)] for s in (rows, columns))
        inner = _in_metric(gram, used, emotion[used], hidden, left, right)
        inner = inner.reshape(len(rows), k, len(columns), k)
        # sum over pairs of (x_i - x_j)(y_i - y_j) is k sum_i x_i y_i, for x and y that sum to 0
        out[np.ix_(rows, columns)] = np.einsum("iaja->ij", inner) * 2 / (k - 1)
    out = np.where(out == 0, out.T, out)
    out = (out + out.T) / 2
    np.fill_diagonal(out, 0)
    return out


def _in_metric(
    gram: Float64[np.ndarray, "item item"],
    used: Int[np.ndarray, " used"],
    emotion: Int[np.ndarray, " used"],
    hidden: int,
    left: Float64[np.ndarray, "row item"],
    right: Float64[np.ndarray, "column item"],
) -> Float64[np.ndarray, "row column"]:
    """Inner products of weighted sums of items, in the metric of the covariance of the items used.

    Woodbury's formula keeps to the inner products of the items.
    """
    _, emotion = np.unique(emotion, return_inverse=True)
    member = emotion == np.arange(emotion.max() + 1)[:, None]
    centre = np.eye(len(used)) - (member / member.sum(axis=1, keepdims=True))[emotion]
    residual = centre @ gram[np.ix_(used, used)] @ centre
    lengths, n = np.diagonal(residual), len(used)
    variance = lengths.sum() / n / hidden
    plain = left @ gram @ right.T
    free = (n - len(member)) / n  # the residuals of n items have that share of their variance
    if variance <= 1e-12 * np.diagonal(gram).mean() / hidden:
        return plain
    ridge = ridge_of(lengths, float((residual**2).sum()), hidden)
    factor = cho_factor(residual + n * ridge * np.eye(n), lower=True)
    to_left, to_right = (centre @ gram[used] @ side.T for side in (left, right))
    explained = to_left.T @ cho_solve(factor, to_right)
    return (plain - explained) / ridge * (variance + ridge) / variance * free

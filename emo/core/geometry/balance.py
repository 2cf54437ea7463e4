"""How well labelled texts are balanced: what style, or any other features, tells of the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from emo.core.geometry.cells import ItemCells
from emo.core.geometry.classifiers import Classifier, left_out_hits
from emo.core.geometry.estimators import estimator
from emo.core.geometry.style import COUNTS, style_counts
from emo.core.stats.clusters import clustered_share
from emo.core.stats.resampling import index, stream

DIVISIONS = 10
"""Random divisions of the situations into folds, over which a text's hits are averaged."""


RAW = "accuracy"
"""Nearest centroid of the features as they are: the best reader of word counts, most of which are 0."""
READERS = (RAW, *(name.value for name in Classifier))


@dataclass(frozen=True)
class Reading:
    """How often a classifier of some features names a text's label, situations left out."""

    classifier: str
    """The best of :data:`READERS` for these features."""
    accuracy: float
    low: float
    high: float
    """The interval over situations."""
    by_label: dict[str, float]


def eta_squared(
    features: Float[np.ndarray, "text feature"],
    labels: tuple[str, ...],
    situations: tuple[str, ...],
) -> Float64[np.ndarray, " feature"]:
    """Share of each feature's variance within situations that lies between the labels.

    It is 0 for a feature that does not vary within situations. Of n texts with labels at random it
    takes about (labels - 1) / (n - situations).

    Example
    -------
    >>> features = np.array([[1.0, 1.0], [3.0, 2.0], [2.0, 2.0], [4.0, 1.0]])
    >>> eta_squared(features, ("sad", "calm", "sad", "calm"), ("a", "a", "b", "b"))
    array([1., 0.])
    """
    _, label = index(labels)
    _, situation = index(situations)
    rest = features - _means(features, situation)[situation]
    between = (_means(rest, label)[label] ** 2).sum(axis=0)
    whole = (rest**2).sum(axis=0)
    # What is left of a constant by rounding is no variance.
    varies = whole > 1e-20 * np.maximum((features**2).sum(axis=0), 1e-300)
    return np.divide(between, whole, out=np.zeros_like(whole), where=varies)


def _means(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    return np.stack([values[group == g].mean(axis=0) for g in range(group.max() + 1)])


def read_labels(
    features: Float[np.ndarray, "text feature"],
    labels: tuple[str, ...],
    situations: tuple[str, ...],
    seed: int = 0,
) -> Reading:
    """How well the best classifier of the features names the labels of situations it has not seen.

    The features are centred within each situation first, which takes no label: of a situation's texts
    all are known together. Taking the best of three errs against the set.
    """
    names, label = index(labels)
    _, situation = index(situations)
    rest = features - _means(features, situation)[situation]
    hits = _hits(rest, situation, label, DIVISIONS, seed)
    best = max(hits, key=lambda name: float(np.nanmean(hits[name])))
    accuracy, low, high = clustered_share(hits[best], situation)
    by_label = {n: float(hits[best][label == i].mean()) for i, n in enumerate(names)}
    return Reading(best, accuracy, low, high, by_label)


def _hits(
    values: np.ndarray, situation: np.ndarray, label: np.ndarray, divisions: int, seed: int
) -> dict[str, Float64[np.ndarray, " text"]]:
    """What every reader hits of situations it has not seen, as a mean over divisions into folds."""
    cells = ItemCells.make(situation, label)
    raw = estimator("mean_difference").layer(cells, values)
    hits = {name: np.zeros(len(label)) for name in READERS}
    hits[RAW] = raw.left_out_hits(cells.everything)[0]
    for division in range(divisions):
        rng = stream(seed, "folds", division)
        for name, hit in left_out_hits(values, situation, label[None], rng).items():
            hits[name.value] += hit[0] / divisions
    return hits


@dataclass(frozen=True)
class Balance:
    """What style alone tells of the labels."""

    reading: Reading
    eta_squared: dict[str, float]
    """By the name of the count."""


def style_balance(
    texts: list[str], labels: tuple[str, ...], situations: tuple[str, ...]
) -> Balance:
    """How well the style counts of texts are balanced over their labels."""
    counts = style_counts(texts)
    eta = eta_squared(counts, labels, situations)
    return Balance(
        read_labels(counts, labels, situations), dict(zip(COUNTS, map(float, eta), strict=True))
    )


def layer_readings(
    values: Float[np.ndarray, "layer item hidden"],
    labels: tuple[str, ...],
    situations: tuple[str, ...],
    divisions: int = 2,
    seed: int = 0,
) -> Reading:
    """How well a model's activations tell the labels, at layers that other situations chose.

    Each half of the situations is looked at, by each classifier, at the layer where that classifier
    does best on the other half; the classifier that does best over all is returned.
    """
    names, label = index(labels)
    _, situation = index(situations)
    hits = np.zeros((len(READERS), len(values), len(label)))
    for layer, rest in enumerate(values):
        if not np.isfinite(rest).all():
            hits[:, layer] = np.nan
            continue
        found = _hits(rest, situation, label, divisions, seed)
        hits[:, layer] = np.stack([found[name] for name in READERS])
    half = stream(seed, "halves").permutation(situation.max() + 1)[situation] % 2 == 0
    nested = np.full((len(READERS), len(label)), np.nan)
    for side in (half, ~half):
        scores = np.nan_to_num(hits[:, :, ~side].mean(axis=2), nan=-1)
        for number, layer in enumerate(scores.argmax(axis=1)):
            nested[number, side] = hits[number, layer, side]
    best = int(np.nan_to_num(nested.mean(axis=1), nan=-1).argmax())
    accuracy, low, high = clustered_share(nested[best], situation)
    by_label = {n: float(nested[best][label == i].mean()) for i, n in enumerate(names)}
    return Reading(READERS[best], accuracy, low, high, by_label)

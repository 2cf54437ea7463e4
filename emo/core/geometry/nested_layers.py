"""Layers chosen on one half of the situations and looked at on the other.

The value of the best of many layers, taken from the items that chose it, is too high where the layers
hardly differ. Here no item has a part in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from emo.core.choices import Criterion
from emo.core.geometry.cells import ItemCells
from emo.core.geometry.classifiers import Classifier
from emo.core.geometry.resampled import ResampledLayer, centred_cosines, half_correlations
from emo.core.records import NestedChoice
from emo.core.stats.correlation import spearman_brown
from emo.core.stats.intervals import finite_mean
from emo.core.stats.resampling import half_splits

HALVINGS = 20
"""Random halvings of the situations; each half chooses once."""


@dataclass(frozen=True)
class NestedHalves:
    """Random halves of the items, and random halves of each of them for its own reliability."""

    half: Bool[np.ndarray, "half cell"]
    """The first of a halving, then the second, and so on."""
    quarters: Bool[np.ndarray, "half split cell"]
    """One of the two parts of a half; the other is the rest of that half."""

    @classmethod
    def make(cls, cells: ItemCells, n_splits: int, rng: np.random.Generator) -> NestedHalves:
        """``HALVINGS`` halvings of the groups, each half divided ``n_splits`` times."""
        half = random_halves(cells, rng)
        quarters = np.zeros((len(half), n_splits, half.shape[1]), dtype=bool)
        for i, inside in enumerate(half):
            group, emotion = (_numbered(x[inside]) for x in (cells.group, cells.emotion))
            if len(group):
                quarters[i, :, inside] = half_splits(group, emotion, n_splits, rng).T
        return cls(half, quarters)

    def values(self, layer: ResampledLayer) -> dict[str, Float64[np.ndarray, " half"]]:
        """The criteria on every half; for the reliability the mean correlation of its two parts."""
        weights = self.half.astype(np.float64)
        n, splits, cells = self.quarters.shape
        pairs = half_correlations(
            layer, np.repeat(self.half, splits, axis=0), self.quarters.reshape(-1, cells)
        )
        return {
            Criterion.mean_cosine.value: finite_mean(centred_cosines(layer, weights), axis=1),
            Criterion.reliability.value: finite_mean(pairs.reshape(n, splits), axis=1),
            Criterion.accuracy.value: layer.left_out_accuracy(weights),
        }


def hits_in_halves(
    half: Bool[np.ndarray, "half cell"],
    of_item: Int[np.ndarray, " item"],
    hits: Float[np.ndarray, " item"],
) -> Float64[np.ndarray, " half"]:
    """Share of the hits among the items of each half; items that are not scored (NaN) do not count."""
    inside = half[:, of_item] & np.isfinite(hits)
    return finite_mean(np.where(inside, hits, np.nan), axis=1)


def random_halves(cells: ItemCells, rng: np.random.Generator) -> Bool[np.ndarray, "half cell"]:
    """``HALVINGS`` halvings of the groups; the two halves of one stand side by side."""
    first = half_splits(cells.group, cells.emotion, HALVINGS, rng)
    return np.stack([first, ~first], axis=1).reshape(-1, first.shape[1])


def _all_items(quarter: float | None) -> float | None:
    """Reliability of all items from the correlation of quarters of them: four times the length.

    A correlation of 0 or less stays as it is: the formula sends it towards minus infinity.
    """
    if quarter is None or quarter <= 0:
        return quarter
    return spearman_brown(spearman_brown(quarter))


def _numbered(labels: Int[np.ndarray, " cell"]) -> Int[np.ndarray, " cell"]:
    return np.unique(labels, return_inverse=True)[1].reshape(-1)


def nested_choice(
    values: dict[str, Float64[np.ndarray, "half layer"]], criterion: Criterion
) -> NestedChoice:
    """What the layers that halves choose by a criterion show on these halves and on the others.

    ``values`` have an entry per criterion, and may have one per classifier.
    """
    sign = -1 if criterion.lower_is_better else 1
    score = sign * values[criterion.value]
    usable = np.isfinite(score).any(axis=1)
    same = np.flatnonzero(usable)
    chosen = np.nanargmax(score[same], axis=1) if len(same) else same
    other = same ^ 1  # halves of one halving stand side by side

    def mean(name: str, half: np.ndarray) -> float | None:
        if name not in values:
            return None
        shown = values[name][half, chosen]
        shown = shown[np.isfinite(shown)]
        return float(shown.mean()) if len(shown) else None

    return NestedChoice(
        reliability=_all_items(mean(Criterion.reliability.value, other)),
        reliability_same=_all_items(mean(Criterion.reliability.value, same)),
        accuracy=mean(Criterion.accuracy.value, other),
        accuracy_same=mean(Criterion.accuracy.value, same),
        accuracy_z=mean(Classifier.centroid_z.value, other),
        accuracy_lda=mean(Classifier.lda.value, other),
    )

"""Observed and predicted emotion vectors on halves of the items, and their products between halves.

Products within a half hold the noise of its items, and that of the maps learnt from them. Between halves
that share no item both cancel (Walther et al. 2016 do so for distances).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int

from emo.core.compare.text_maps import Learning, averaging, maps
from emo.core.geometry.products import cosines
from emo.core.stats.correlation import normal_from_ranks, spearman
from emo.core.stats.intervals import finite_mean
from emo.core.stats.resampling import Resampling, half_splits, strata, stream

AXES = 3
"""Axes shown, at most."""
FOLDS = 4
"""Parts of a half, at most; each is predicted from the others."""
SPLITS = 10
"""Divisions into halves, at most."""
SPLITS_LEFT_OUT = 3
"""The first so many of them are used where situations are left out for the intervals."""
BLOCKS = 12
"""Blocks of situations, at most, that are left out one at a time."""


@dataclass(frozen=True)
class Products:
    """Inner products of one half's vectors with the other's, of one model; means over divisions."""

    observed: Float64[np.ndarray, "emotion emotion"]
    """Observed with observed."""
    both: Float64[np.ndarray, "emotion emotion"]
    """Predicted with observed."""
    predicted: Float64[np.ndarray, "emotion emotion"]
    """Predicted with predicted."""
    rho: Float64[np.ndarray, "3"]
    """Of the RDMs: observed with observed, predicted with observed, predicted with predicted."""

    @property
    def axes(self) -> Float64[np.ndarray, "emotion axis"]:
        """The contrasts of emotions in which the vectors differ most, largest first."""
        n = min(AXES, len(self.observed) - 1)
        return np.asarray(np.linalg.eigh(self.observed)[1][:, ::-1][:, :n])

    def parts(self, axes: Float64[np.ndarray, "emotion axis"]) -> Float64[np.ndarray, "share 2"]:
        """Top and bottom of every share: of the vectors, of the RDM, of each axis.

        The RDM's are of r, not of rho: see :func:`emo.core.stats.correlation.normal_from_ranks`.
        """
        tops = 2 * self.both - self.predicted
        along = [np.einsum("ek,ef,fk->k", axes, m, axes) for m in (tops, self.observed)]
        observed, both, predicted = normal_from_ranks(self.rho)
        known = observed > 0 and predicted > 0
        rdm = (both * abs(both), observed * predicted) if known else (np.nan, np.nan)
        return np.array(
            [(np.trace(tops), np.trace(self.observed)), rdm, *zip(*along, strict=True)],
            dtype=np.float64,
        )


@dataclass(frozen=True)
class HalvesOfTexts:
    """How the items are divided, and what is left out."""

    emotions: Int[np.ndarray, " item"]
    first: Bool[np.ndarray, "split item"]
    fold: Int[np.ndarray, "split item"]
    """Within the item's own half."""
    block: Int[np.ndarray, " item"]

    @classmethod
    def make(
        cls,
        emotions: Int[np.ndarray, " item"],
        groups: Int[np.ndarray, " item"],
        resampling: Resampling,
    ) -> HalvesOfTexts:
        """Random halves, folds of each of them, and blocks; whole situations where crossed."""
        rng = stream(resampling.seed, "text share")
        first = half_splits(groups, emotions, min(resampling.n_splits, SPLITS), rng)
        of_group = strata(groups, emotions)
        most = int(np.unique(of_group, return_counts=True)[1].max())
        block = _numbered(of_group, min(BLOCKS, most), rng)[groups]
        fold = np.empty(first.shape, dtype=np.int64)
        for i, half in enumerate(first):
            sides = np.zeros(len(of_group), dtype=np.int64)
            sides[groups] = half
            fold[i] = _numbered(2 * of_group + sides, FOLDS, rng)[groups]
        return cls(emotions, first, fold, block)

    def products(
        self,
        kernel: Float64[np.ndarray, "item item"],
        models: Sequence[Float64[np.ndarray, "item item"]],
        learning: Learning,
        left_out: int | None = None,
    ) -> list[Products]:
        """The products of every model, with all items or with one block left out."""
        kept = self.block != (-1 if left_out is None else left_out)
        n = SPLITS if left_out is None else SPLITS_LEFT_OUT
        divided = [
            [self._half(kernel, models, learning, half & kept, fold) for half in (first, ~first)]
            for first, fold in zip(self.first[:n], self.fold[:n], strict=True)
        ]
        return [
            _mean([_across(inner, a[i], b[i]) for a, b in divided])
            for i, inner in enumerate(models)
        ]

    def _half(
        self,
        kernel: np.ndarray,
        models: Sequence[np.ndarray],
        learning: Learning,
        half: Bool[np.ndarray, " item"],
        fold: Int[np.ndarray, " item"],
    ) -> list[Float64[np.ndarray, "2 emotion item"]]:
        """For each model, what the half's observed and predicted vectors are made of."""
        items = np.flatnonzero(half)
        means = np.zeros((int(self.emotions.max()) + 1, len(half)))
        means[:, items] = averaging(self.emotions[items], len(means))
        means[means.sum(axis=1) == 0] = np.nan  # an emotion without items in this half
        made = []
        for model in maps(kernel, models, self.emotions, items, fold[items], learning):
            predicted = np.zeros_like(means)
            for of, learnt, weights in model:
                predicted[:, learnt] += means[:, of] @ weights
            both = np.stack([means, predicted])
            made.append(both - both.mean(axis=1, keepdims=True))
        return made


def _across(
    inner: Float64[np.ndarray, "item item"],
    a: Float64[np.ndarray, "2 emotion item"],
    b: Float64[np.ndarray, "2 emotion item"],
) -> Products:
    """Products of the observed and predicted vectors of two halves, and how their RDMs agree."""
    n = a.shape[1]
    rows = np.concatenate([a, b]).reshape(4 * n, -1)
    every = (rows @ inner @ rows.T).reshape(4, n, 4, n)
    present = np.ones((1, n), dtype=bool)
    seen_a, given_a, seen_b, given_b = (cosines(every[i, :, i][None], present)[0] for i in range(4))
    given_seen = (spearman(given_a, seen_b) + spearman(given_b, seen_a)) / 2
    return Products(
        observed=_symmetric(every[0, :, 2]),
        both=_symmetric((every[1, :, 2] + every[3, :, 0]) / 2),
        predicted=_symmetric(every[1, :, 3]),
        rho=np.array([spearman(seen_a, seen_b), given_seen, spearman(given_a, given_b)]),
    )


def _symmetric(matrix: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "n n"]:
    return np.asarray((matrix + matrix.T) / 2)


def _mean(products: Sequence[Products]) -> Products:
    """Means over the divisions in which every emotion has items in both halves."""
    return Products(
        observed=finite_mean(np.stack([p.observed for p in products]), axis=0),
        both=finite_mean(np.stack([p.both for p in products]), axis=0),
        predicted=finite_mean(np.stack([p.predicted for p in products]), axis=0),
        rho=finite_mean(np.stack([p.rho for p in products]), axis=0),
    )


def _numbered(
    labels: Int[np.ndarray, " group"], n: int, rng: np.random.Generator
) -> Int[np.ndarray, " group"]:
    """Groups of each label numbered 0 to n - 1 at random, each number as often as the others."""
    number = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        number[members] = np.arange(len(members)) % n
    return number

"""An RDM of something else beside the RDMs of a model, as it is and with its emotions permuted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from scipy.spatial.distance import squareform

from emo.core.criterion_search import Chosen, CriterionSearch
from emo.core.geometry.item_sets import common_emotions
from emo.core.records import Rdm
from emo.core.stats.correlation import standardised_ranks
from emo.core.stats.intervals import LEVEL

ENTRIES = 1 << 22
"""Of permuted RDMs held at a time: 32 MiB, whatever the number of permutations."""
SAME = 1e-12
"""Rounding: a permutation that leaves the criterion as it is must count as at least as high."""


@dataclass(frozen=True)
class LayerAgreement:
    """rho of one layer's RDMs with a criterion's, one RDM per weighting of the items."""

    rho: Float64[np.ndarray, " weighting"]
    """All items first, then halves: the two halves of one halving stand side by side."""
    permuted: Float64[np.ndarray, "weighting permutation"]


@dataclass(frozen=True)
class CriterionRdm:
    """Similarities of the emotions that a model and the criterion both know, ready to be compared."""

    emotions: tuple[str, ...]
    similarities: Float64[np.ndarray, " pair"]
    """Larger is more alike, as in the model's own RDM."""
    pairs: Int[np.ndarray, " pair"]
    """Where the pairs stand among all pairs of the model's emotions."""
    orders: Int[np.ndarray, "permutation emotion"]

    @classmethod
    def make(
        cls, emotions: Sequence[str], criterion: Rdm, permutations: int, rng: np.random.Generator
    ) -> CriterionRdm:
        """The criterion for a model of these emotions, with permutations drawn once for all layers.

        Raises
        ------
        LabelMismatch
            If fewer than three emotions are common to both.
        """
        common = common_emotions(emotions, criterion.emotions)
        return cls(
            emotions=common,
            similarities=criterion.cosines[_pairs(criterion.emotions, common)],
            pairs=_pairs(emotions, common),
            orders=rng.permuted(np.tile(np.arange(len(common)), (permutations, 1)), axis=1),
        )

    def rho(self, rdms: Float64[np.ndarray, "row all_pair"]) -> Float64[np.ndarray, " row"]:
        """Spearman of each of a model's RDMs with the criterion; NaN for one with a missing pair."""
        return standardised_ranks(rdms[:, self.pairs]) @ standardised_ranks(self.similarities)

    def agreement(self, rdms: Float64[np.ndarray, "weighting all_pair"]) -> LayerAgreement:
        """rho of one layer's RDMs, and what it is under every permutation of the emotions.

        Rows and columns of the criterion are permuted together, because the entries of an RDM are
        not independent.
        """
        return LayerAgreement(self.rho(rdms), self._permuted(rdms[:, self.pairs]))

    def _permuted(
        self, rdms: Float64[np.ndarray, "row pair"]
    ) -> Float64[np.ndarray, "row permutation"]:
        unit = standardised_ranks(rdms)
        matrix: np.ndarray = squareform(standardised_ranks(self.similarities))
        i, j = np.triu_indices(len(self.emotions), 1)
        size = max(1, ENTRIES // len(i))
        some = (self.orders[k : k + size] for k in range(0, len(self.orders), size))
        return np.concatenate([unit @ matrix[x[:, i], x[:, j]].T for x in some], axis=1)

    def search(
        self, layers: Sequence[LayerAgreement], numbers: Sequence[int], n_layers: int
    ) -> CriterionSearch | None:
        """The best of some layers, and that search under permuted emotions.

        Parameters
        ----------
        layers
            Each compared with this criterion, under the same weightings.
        numbers
            Their numbers in the model.
        n_layers
            Of the model; per-layer arrays of the result are NaN at its other layers.

        Returns
        -------
        CriterionSearch | None
            None where no layer has a value.
        """
        rho = np.stack([x.rho for x in layers])
        permuted = np.stack([x.permuted for x in layers])
        # A layer without a value under a weighting is never the best one.
        rho, permuted = (np.where(np.isfinite(x), x, -np.inf) for x in (rho, permuted))
        best = int(rho[:, 0].argmax())
        if not np.isfinite(rho[best, 0]):
            return None
        curves = np.full((3, n_layers), np.nan)
        there = np.isfinite(rho[:, 0])
        each, at = permuted[there, 0], np.array(numbers)[there]
        curves[0, at] = [_p(x, value) for x, value in zip(each, rho[there, 0], strict=True)]
        curves[1:, at] = np.percentile(each, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=1)
        highest = permuted[:, 0].max(axis=0)
        return CriterionSearch(
            emotions=self.emotions,
            layer=int(numbers[best]),
            rho=float(rho[best, 0]),
            line=_line(highest),
            p=_p(highest, rho[best, 0]),
            lowest_p=self._lowest_p(),
            permutations=len(self.orders),
            mantel_p=curves[0],
            chance_low=curves[1],
            chance_high=curves[2],
            chosen=_chosen(rho[:, 1:], permuted[:, 1:]),
        )

    def _lowest_p(self) -> float:
        return _p(self._permuted(self.similarities[None])[0], 1.0)


def _chosen(
    rho: Float64[np.ndarray, "layer half"],
    permuted: Float64[np.ndarray, "layer half permutation"],
) -> Chosen | None:
    """Each half chooses its best layer, which the other half of its halving shows."""
    halves = np.arange(rho.shape[1])
    there = np.isfinite(rho).sum(axis=0) > 0
    halves = halves[there & there[halves ^ 1]]
    usable = np.isfinite(rho[:, halves]).all(axis=1)
    if not len(halves) or not usable.any():
        return None

    values = np.concatenate([rho[..., None], permuted], axis=2)[usable]  # as it is, then by chance
    best = values[:, halves].argmax(axis=0)[None]
    same, other = (
        np.take_along_axis(values[:, h], best, axis=0)[0].mean(axis=0) for h in (halves, halves ^ 1)
    )
    chance = other[1:]
    return Chosen(float(other[0]), float(same[0]), _line(chance), _p(chance, float(other[0])))


def _p(drawn: Float64[np.ndarray, " permutation"], observed: float) -> float:
    return (1 + int((drawn >= observed - SAME).sum())) / (1 + len(drawn))


def _line(drawn: Float64[np.ndarray, " permutation"]) -> float:
    """The 95 % quantile that p is at most 0.05 above and only there."""
    return float(np.quantile(drawn, LEVEL, method="higher")) if len(drawn) else float("nan")


def _pairs(emotions: Sequence[str], kept: Sequence[str]) -> Int[np.ndarray, " pair"]:
    """Where the pairs of the kept emotions stand among all pairs."""
    place = np.array([emotions.index(e) for e in kept])
    n = len(emotions)
    numbers = squareform(np.arange(n * (n - 1) // 2))
    i, j = np.triu_indices(len(kept), 1)
    return numbers[place[i], place[j]]

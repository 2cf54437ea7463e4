"""How a rating of emotions is correlated with a geometry: with its components, with its RDM."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cached_property
from typing import assert_never

import numpy as np
from jaxtyping import Float64

from emo.core.geometry.components import counterpart, principal_components, square
from emo.core.geometry.cosines import upper
from emo.core.records import LabelMismatch
from emo.core.stats.correlation import ranks
from emo.core.stats.intervals import NEARLY_ONE
from emo.core.stats.jackknife import reach, standard_error
from emo.core.stats.searches import Permute, basis, permuted_labels, permuted_pairs, residuals


class Measure(StrEnum):
    """What of a geometry is held against a rating."""

    component = auto()
    """Scores of the emotions on a principal component; Pearson's r, whatever its sign."""
    rdm = auto()
    """Cosines of all pairs; Spearman's rho with minus the difference of the ratings."""


@dataclass(frozen=True)
class EmotionValues:
    """Numbers per emotion: ratings by people, or what the texts alone say."""

    names: tuple[str, ...]
    """What the rows are: valence, arousal; text length."""
    emotions: tuple[str, ...]
    values: Float64[np.ndarray, "row emotion"]

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.names), len(self.emotions)):
            raise LabelMismatch(
                f"values of shape {self.values.shape} for {len(self.names)} names and "
                f"{len(self.emotions)} emotions"
            )


@dataclass(frozen=True)
class RatingStatistic:
    """One measure against one rating, with values held fixed."""

    measure: Measure
    rating: Float64[np.ndarray, " emotion"]
    held: Float64[np.ndarray, "held emotion"]
    components: int
    """How many leading components there are to choose from."""

    @property
    def either_sign(self) -> bool:
        """Whether the sign of a correlation is arbitrary, as a component's is."""
        return self.measure is Measure.component

    @property
    def permute(self) -> Permute:
        """How the target follows a permutation of the emotions."""
        return permuted_labels if self.measure is Measure.component else permuted_pairs

    @cached_property
    def target(self) -> Float64[np.ndarray, " unit"]:
        """The rating per emotion; per pair, ranks of minus its differences."""
        return self._units(self.rating[None])[0]

    @cached_property
    def directions(self) -> Float64[np.ndarray, "unit direction"]:
        """What is held fixed, in the units of the target."""
        return basis(self._units(self.held))

    def rows(
        self, rdm: Float64[np.ndarray, "*row pair"]
    ) -> Float64[np.ndarray, "*row component unit"]:
        """What is correlated: scores on every component, or ranks of the cosines."""
        match self.measure:
            case Measure.component:
                return principal_components(rdm, self.components)[0]
            case Measure.rdm:
                whole = np.isfinite(rdm).all(axis=-1, keepdims=True)
                return np.where(whole, ranks(rdm), np.nan)[..., None, :]
            case _ as never:
                assert_never(never)

    def correlations(
        self, rdm: Float64[np.ndarray, "*row pair"]
    ) -> Float64[np.ndarray, "*row component"]:
        """Correlations of all rows with the rating, with their signs."""
        return self._correlated(self.rows(rdm))

    def of_the_same(
        self, rdm: Float64[np.ndarray, "*row pair"], row: Float64[np.ndarray, " unit"]
    ) -> Float64[np.ndarray, "*row"]:
        """Correlation of what in other cosines corresponds to a row, with that row's sign."""
        match self.measure:
            case Measure.component:
                return self._correlated(counterpart(rdm, row, self.components))
            case Measure.rdm:
                return np.asarray(self.correlations(rdm)[..., 0])
            case _ as never:
                assert_never(never)

    def without(self, emotion: int) -> RatingStatistic:
        """The same with one emotion left out."""
        held = np.delete(self.held, emotion, axis=1)
        most = min(self.components, len(self.rating) - 2)
        return RatingStatistic(self.measure, np.delete(self.rating, emotion), held, most)

    def _units(self, values: np.ndarray) -> np.ndarray:
        match self.measure:
            case Measure.component:
                return values
            case Measure.rdm:
                i, j = np.triu_indices(values.shape[-1], 1)
                apart = np.abs(values[..., i] - values[..., j])
                largest = np.maximum(apart.max(axis=-1, keepdims=True), 1e-300)
                return ranks(-np.round(apart / largest, 9))  # rounding breaks no tie
            case _ as never:
                assert_never(never)

    def _correlated(self, rows: np.ndarray) -> np.ndarray:
        target = residuals(self.target, self.directions)
        return np.asarray(residuals(rows, self.directions) @ target)


def interval(
    statistic: RatingStatistic,
    rdm: Float64[np.ndarray, " pair"],
    component: int,
    drawn: Float64[np.ndarray, "replicate pair"],
    expansion: float | None,
) -> tuple[float, float]:
    """95 % interval of a correlation at one layer and component, for other items and other emotions.

    On Fisher's z scale with Student's t over the emotions. Over emotions the error is the jackknife's
    (components are found anew without each emotion), at least that of as many independent units,
    1 / sqrt(units - 3). It holds the noise of the items, too, as far as that is each emotion's own. Over
    items it is the spread of the bootstrap's replicates times ``expansion``. The larger of the two is
    taken. Measured coverage: the tests. NaN where nothing can be drawn or left out.
    """
    row = statistic.rows(rdm)[component]
    value = float(statistic.of_the_same(rdm, row))
    n, held = len(statistic.rating), statistic.directions.shape[1] - 1
    if expansion is None or n - 1 < held + 4 or not np.isfinite(value):
        return float("nan"), float("nan")
    left_out = np.array(
        [
            statistic.without(e).of_the_same(_without(rdm, e), _kept(statistic, row, e))
            for e in range(n)
        ]
    )
    over_emotions = float(standard_error(_z(left_out)))
    replicates = _z(statistic.of_the_same(drawn, row))
    over_items = expansion * float(np.nanstd(replicates, ddof=1))
    units = len(row) - held
    error = max(over_emotions, over_items, 1 / np.sqrt(max(units - 3, 1)))
    half_width = float(reach(np.array(error), n - held))
    sign, z = np.sign(value), float(_z(np.array(abs(value))))
    low, high = float(np.tanh(z - half_width)), float(np.tanh(z + half_width))
    return (low, high) if statistic.either_sign or sign >= 0 else (-high, -low)


def _z(r: np.ndarray) -> np.ndarray:
    return np.asarray(np.arctanh(np.clip(r, -NEARLY_ONE, NEARLY_ONE)))


def _without(rdm: np.ndarray, emotion: int) -> np.ndarray:
    whole = np.delete(square(rdm), emotion, axis=-1)
    return upper(np.delete(whole, emotion, axis=-2))


def _kept(statistic: RatingStatistic, row: np.ndarray, emotion: int) -> np.ndarray:
    """A component's scores of the other emotions; nothing else needs a reference."""
    return np.delete(row, emotion) if statistic.measure is Measure.component else row

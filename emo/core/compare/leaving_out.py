"""Disjoint rho of many sets, and what of it hangs on single items or single emotions.

Every set is measured on one half of the items and compared with every other on the other half. The
same is done with each item (situation, where crossed) left out, and with each emotion left out. Whatever
is a function of the matrix of disjoint rho then has a jackknife interval: disattenuated rho, partial
rho, contrasts between groups of models. The jackknife is Tukey's (Efron & Stein 1981); in strata, Jones
1974. The design is this project's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int
from scipy.special import stdtr, stdtrit

from emo.core.geometry.halves import rdms_of_sets
from emo.core.geometry.item_sets import Design, ItemSet, common_emotions, shared_design
from emo.core.stats.effort import LEAST_DIVISIONS, LEAST_SHARED, MOST_UNSORTED, affordable
from emo.core.stats.intervals import LEVEL, NEARLY_ONE, Estimates, finite_mean
from emo.core.stats.jackknife import standard_error, without_each
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.omitted import without_labels
from emo.core.stats.quotients import fieller, jackknife
from emo.core.stats.resampling import Resampling, strata, stream

MOST_SPLITS = 50
"""Divisions into halves, at most, of which units are left out: they share them, so few suffice."""
MOST_UNITS = 128
"""With more units to leave out one at a time, whole blocks of them are left out."""
BLOCKS = 24
"""Blocks of units at most, each with as many units of every emotion."""

Function = Callable[[Float64[np.ndarray, "*row set set"]], np.ndarray]
"""From matrices of disjoint rho to what is made of each of them, [*row *shape]."""


@dataclass(frozen=True)
class LeavingOut:
    """Disjoint rho of every set with every other, [set set]; the diagonal is a set with itself."""

    whole: Float64[np.ndarray, "set set"]
    without_unit: Float64[np.ndarray, "unit set set"]
    """With each unit left out: a situation, an item, or a block of items."""
    stratum: Int[np.ndarray, " unit"]
    """What each unit is drawn from: all situations together, or the items of its own emotion."""
    without_emotion: Float64[np.ndarray, "emotion set set"]
    emotions: tuple[str, ...]

    @property
    def pairs(self) -> int:
        """Pairs of emotions."""
        return len(self.emotions) * (len(self.emotions) - 1) // 2

    def over_items(self, function: Function) -> Estimates:
        """The function's value with an interval over items, for these emotions.

        NaN, value and bounds, where the value with any unit left out is not finite.
        """
        return jackknifed(function(self.whole), function(self.without_unit), self.stratum)

    def over_both(self, function: Function) -> Estimates:
        """The function's value with an interval over items and emotions.

        The larger of the two variances counts: leaving out an emotion leaves out the noise of its items,
        so that their sum would count that twice.
        """
        value, error = self._value_and_error(function)
        return _symmetric(value, _student(self._degrees_of_both) * error)

    def rho(self) -> Estimates:
        """Disjoint rho with an interval over items and emotions, on Fisher's z scale."""
        z, error = self._z_and_error()
        reach = _student(self._degrees_of_both) * error
        known = np.where(np.isfinite(reach), z, np.nan)
        return Estimates(self.whole, np.tanh(known - reach), np.tanh(known + reach))

    def p(self) -> Float64[np.ndarray, "set set"]:
        """One-sided p of disjoint rho against no shared geometry, over items and emotions.

        Two unrelated geometries of few emotions correlate by chance; over items alone that chance
        would be certified once the sets are reliable. At most 0.05 in 5 % or fewer of simulated pairs of
        unrelated geometries at reliabilities from 0.3 to 0.99 (the tests).
        """
        z, error = self._z_and_error()
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(stdtr(self._degrees_of_both, -z / error))

    def _z_and_error(self) -> tuple[np.ndarray, np.ndarray]:
        def z(rho: np.ndarray) -> np.ndarray:
            return np.arctanh(np.clip(rho, -NEARLY_ONE, NEARLY_ONE))

        # Where few directions dominate, the jackknife over emotions can collapse: its error is at least
        # that of as many independent pairs, less what noise takes from any chance agreement.
        chance = np.clip(ceilings(self.whole), 0, 1) / np.sqrt(max(self.pairs - 3, 1))
        return self._value_and_error(z, np.where(np.isfinite(chance), chance, 0.0))

    def _value_and_error(
        self, function: Function, least: float | np.ndarray = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        items = _variance_in_strata(function(self.without_unit), self.stratum)
        emotions = standard_error(function(self.without_emotion)) ** 2
        error = np.sqrt(np.maximum(items, np.maximum(emotions, np.square(least))))
        return np.asarray(function(self.whole)), np.asarray(error)

    def disattenuated(self) -> Estimates:
        """Disjoint rho over its ceiling, [set set], with Fieller's interval over items.

        The bounds are infinite where the ceiling is not told from 0: then no value is excluded.
        """
        return self._over_ceiling(lambda matrix: matrix)

    def over_ceiling(self) -> Estimates:
        """Mean disjoint rho of all pairs over their mean ceiling, with Fieller's interval over items."""
        return self._over_ceiling(mean_over_pairs)

    def _over_ceiling(self, of: Function) -> Estimates:
        def parts(disjoint: np.ndarray) -> np.ndarray:
            return np.stack([of(disjoint), of(np.nan_to_num(ceilings(disjoint)))], axis=-1)

        value = parts(self.whole)
        return fieller(
            value[..., 0], value[..., 1], jackknife(parts(self.without_unit), self.stratum)
        )

    @property
    def _degrees_of_both(self) -> int:
        return min(_degrees(self.stratum), len(self.emotions) - 1)


def leaving_out(
    sets: Sequence[ItemSet],
    resampling: Resampling,
    fixed: Float[np.ndarray, "held pair"] | None = None,
) -> LeavingOut:
    """Disjoint rho of all sets, with all items and with each left out.

    Parameters
    ----------
    sets
        Sets that have read the same items.
    resampling
        Number of divisions, and the seed; units are left out of ``MOST_SPLITS`` of them.
    fixed
        RDMs of the common emotions that come from no items, such as of the words for the emotions; they
        stand behind the sets, the same in both halves.

    Raises
    ------
    LabelMismatch
        If the sets have not read the same items, or share fewer than three emotions.
    """
    design, emotions = shared_design(sets), common_emotions(*(s.emotions for s in sets))
    n_pairs = len(emotions) * (len(emotions) - 1) // 2
    entries = 2 * len(sets) * n_pairs
    n_splits = affordable(resampling.n_splits, entries, LEAST_DIVISIONS)
    first = design.halves(n_splits, stream(resampling.seed, "halves"))
    held = np.zeros((0, len(emotions) * (len(emotions) - 1) // 2)) if fixed is None else fixed

    def halves(first: np.ndarray, kept: Bool[np.ndarray, " cell"]) -> tuple[np.ndarray, np.ndarray]:
        a, b = (
            rdms_of_sets(sets, design, emotions, (half & kept).astype(np.float64))
            for half in (first, ~first)
        )
        whole = np.broadcast_to(held[:, None], (len(held), len(first), held.shape[1]))
        return np.concatenate([a, whole]), np.concatenate([b, whole])

    everything = halves(first, np.ones(len(design.emotion), dtype=bool))
    units, stratum = left_out_units(design, resampling.seed)
    n = len(sets) + len(held)
    shared = affordable(MOST_SPLITS, entries * max(len(units), 1), LEAST_SHARED)
    without_unit = [_across(*halves(first[:shared], ~unit)) for unit in units]
    per_split = spearman_matrix(*everything)
    without_emotion = _without_emotions(*everything, per_split)
    return LeavingOut(
        whole=_both_ways(per_split),
        without_unit=np.reshape(without_unit, (len(units), n, n)),
        stratum=stratum,
        without_emotion=without_emotion,
        emotions=emotions,
    )


def ceilings(disjoint: Float64[np.ndarray, "*row set set"]) -> Float64[np.ndarray, "*row set set"]:
    """The disjoint rho that two sets of one true geometry reach: sqrt of the product of diagonals.

    NaN where a set does not agree with itself. Spearman 1904.
    """
    agreement = np.diagonal(disjoint, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        root = np.sqrt(np.where(agreement > 0, agreement, np.nan))
    return root[..., :, None] * root[..., None, :]


def disattenuated_matrix(
    disjoint: Float64[np.ndarray, "*row set set"],
) -> Float64[np.ndarray, "*row set set"]:
    """Disjoint rho over its ceiling, as it comes: values above 1 are possible. Spearman 1904."""
    return disjoint / ceilings(disjoint)


def mean_over_pairs(
    matrix: Float64[np.ndarray, "*row set set"],
) -> Float64[np.ndarray, "*row"]:
    """Mean over the pairs of different sets."""
    i, j = np.triu_indices(matrix.shape[-1], 1)
    return np.asarray(matrix[..., i, j].mean(axis=-1))


def over_ceiling(disjoint: Float64[np.ndarray, "*row set set"]) -> Float64[np.ndarray, "*row"]:
    """Mean disjoint rho of all pairs over their mean ceiling; of one pair, its disattenuated rho."""
    return np.asarray(mean_over_pairs(disjoint) / mean_over_pairs(ceilings(disjoint)))


def _without_emotions(
    a: Float64[np.ndarray, "set split pair"],
    b: Float64[np.ndarray, "set split pair"],
    per_split: Float64[np.ndarray, "set set split"],
) -> Float64[np.ndarray, "emotion set set"]:
    """Disjoint rho with each emotion left out, in as many of the divisions as are affordable.

    Where these are not all, the change in them is added to the value of all, whose rho with all emotions
    is ``per_split``.
    """
    kept = np.isfinite(without_each(np.zeros(a.shape[2])))
    n = affordable(a.shape[1], 2 * a.shape[0] * a.shape[2] * len(kept), LEAST_SHARED, MOST_UNSORTED)
    across = without_labels(a[:, :n], b[:, :n], kept)
    without = (across + across.transpose(0, 2, 1)) / 2
    change = _both_ways(per_split) - _both_ways(per_split[..., :n])
    return without if n == a.shape[1] else without + change


def _across(
    a: Float64[np.ndarray, "set split pair"], b: Float64[np.ndarray, "set split pair"]
) -> Float64[np.ndarray, "set set"]:
    return _both_ways(spearman_matrix(a, b))


def _both_ways(per_split: Float64[np.ndarray, "set set split"]) -> Float64[np.ndarray, "set set"]:
    across = finite_mean(per_split, axis=-1)
    return (across + across.T) / 2


def left_out_units(
    design: Design, seed: int
) -> tuple[Bool[np.ndarray, "unit cell"], Int[np.ndarray, " unit"]]:
    """Which cells each unit holds, and what it is drawn from; none where there is nothing to draw."""
    of_group = strata(design.group, design.emotion)
    names, sizes = np.unique(of_group, return_counts=True)
    drawn = np.isin(of_group, names[sizes > 1])
    groups = np.flatnonzero(drawn)
    if len(groups) <= MOST_UNITS:
        return design.group == groups[:, None], of_group[groups]
    n_blocks = min(BLOCKS, int(sizes[sizes > 1].min()))
    block, rng = np.full(len(of_group), -1), stream(seed, "left out")
    for name in names[sizes > 1]:
        members = rng.permutation(np.flatnonzero(of_group == name))
        block[members] = np.arange(len(members)) % n_blocks
    of_cell = block[design.group]
    return of_cell == np.arange(n_blocks)[:, None], np.zeros(n_blocks, dtype=np.int64)


def jackknifed(
    value: Float64[np.ndarray, "*shape"] | float,
    left_out: Float64[np.ndarray, "unit *shape"],
    stratum: Int[np.ndarray, " unit"],
) -> Estimates:
    """A value with its interval from its values with one unit left out, by Student's t.

    NaN, value and bounds, where there is no unit to leave out or a value is not finite.
    """
    error = np.sqrt(_variance_in_strata(left_out, stratum))
    return _symmetric(np.asarray(value), _student(_degrees(stratum)) * error)


def _symmetric(value: np.ndarray, reach: np.ndarray | float) -> Estimates:
    value = np.asarray(np.where(np.isfinite(reach), value, np.nan))
    return Estimates(value, np.asarray(value - reach), np.asarray(value + reach))


def _variance_in_strata(left_out: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    if not len(stratum):
        return np.full(left_out.shape[1:], np.nan)
    parts = [standard_error(left_out[stratum == s]) ** 2 for s in np.unique(stratum)]
    return np.asarray(np.sum(parts, axis=0))


def _degrees(stratum: np.ndarray) -> int:
    return max(len(stratum) - len(np.unique(stratum)), 1)


def _student(degrees: int) -> float:
    return float(stdtrit(degrees, (1 + LEVEL) / 2))

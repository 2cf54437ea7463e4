"""Agreement beside what noise allows: disattenuated rho with its interval.

Two measurements that share no item agree less than the geometries behind them, because each is noisy.
So the agreement of two sets on disjoint halves is divided by that of each set with itself on disjoint
halves of the same size (Spearman 1904): all correlations have the same length, and nothing is stepped
up. The interval is Fieller's (1954), with the covariance of a jackknife; it is for as many other
items. It has no end where the ceiling itself may be nothing. Where an agreement is mostly noise the
jackknife says up to twice its variance, since two units make each part of it together: intervals are
then too wide. docs/summary.md, "What noise allows"; error rates: docs/truth.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int

from emo.core.geometry.item_sets import (
    Design,
    ItemSet,
    common_emotions,
    own_design,
    shared_design,
)
from emo.core.stats.correlation import spearman_matrix
from emo.core.stats.intervals import Estimates, finite_mean
from emo.core.stats.quotients import (
    Covariance,
    correlation,
    fieller,
    jackknife,
)
from emo.core.stats.resampling import Resampling, strata, stream

SPLITS = 64
"""Divisions into halves, at most, in which units and emotions are left out."""

MOST_UNITS = 96
"""With more units than this, groups of units are left out instead of single ones."""

GROUPS = 24
"""Into how many groups they are then dealt."""

Values = Float64[np.ndarray, "*shape"]
Moments = Float64[np.ndarray, "2 *shape"]
"""Agreement and ceiling."""


@dataclass(frozen=True)
class Attenuation:
    """Agreement of measurements that share no item, beside what noise allows it; all of one shape."""

    agreement: Estimates
    """Mean rho on disjoint items, with the interval over items."""
    over_both: Estimates
    """The same with the interval for other items and other emotions."""
    ceiling: Values
    """The agreement that one geometry has with itself at this noise: sqrt(rel_a rel_b)."""
    ratio: Estimates
    """Disattenuated rho: agreement / ceiling, with the interval over items.

    The value is NaN where the ceiling is 0; the bounds are infinite where it is not told from 0.
    """

    def __getitem__(self, pair: tuple[int, int]) -> Attenuation:
        """One pair of sets."""
        parts = self.agreement[pair], self.over_both[pair], np.asarray(self.ceiling[pair])
        return Attenuation(*parts, self.ratio[pair])


@dataclass(frozen=True)
class Attenuated:
    """Several sets that have read the same items."""

    pairs: Attenuation
    """Every set with every other, [set set]; the diagonal is a set with itself."""
    mean: Attenuation
    """Mean agreement over the pairs of different sets, and mean ceiling; one number each."""


@dataclass(frozen=True)
class Measured:
    """Every set measured twice, on items that the two measurements do not share."""

    first: Float64[np.ndarray, "set split pair"]
    second: Float64[np.ndarray, "set split pair"]
    shared: bool
    """Whether the sets read the same items, so that only first and second share none."""

    def moments(self) -> Float64[np.ndarray, "2 set set"]:
        """Agreement of every set with every other, and the ceiling of the two."""
        n = len(self.first)
        both = np.concatenate([self.first, self.second])
        rho = finite_mean(spearman_matrix(both, both), axis=-1)
        across = rho[:n, n:]
        own, agreement = np.diag(across).copy(), (across + across.T) / 2
        if not self.shared:
            agreement = (agreement + (rho[:n, :n] + rho[n:, n:]) / 2) / 2
            np.fill_diagonal(agreement, own)
        own = np.clip(own, 0, None)
        return np.stack([agreement, np.sqrt(np.outer(own, own))])

    def fewer(self) -> Measured:
        """The first splits only."""
        return replace(self, first=self.first[:, :SPLITS], second=self.second[:, :SPLITS])

    def without(self, pairs: Bool[np.ndarray, " pair"]) -> Float64[np.ndarray, "2 set set"]:
        """The moments less some pairs of emotions."""
        halves = (x[..., ~pairs] for x in (self.first, self.second))
        return Measured(*halves, self.shared).moments()


@dataclass(frozen=True)
class Halving:
    """Sets whose items are halved together."""

    sets: Sequence[ItemSet]
    design: Design
    emotions: tuple[str, ...]
    first: Bool[np.ndarray, "split cell"]

    def measured(self, weight: Float64[np.ndarray, " cell"] | None = None) -> Measured:
        """Every set on each half of every split; of the first splits if the cells have weights."""
        first = self.first if weight is None else self.first[:SPLITS]
        weight = np.ones(first.shape[1]) if weight is None else weight
        halves = (
            np.stack(
                [
                    s.rdms(w[:, cells], self.emotions)
                    for s, cells in zip(self.sets, self.design.of_set, strict=True)
                ]
            )
            for w in (np.where(first, weight, 0.0), np.where(first, 0.0, weight))
        )
        return Measured(*halves, shared=True)


def attenuation(sets: Sequence[ItemSet], resampling: Resampling) -> Attenuated:
    """Every set with every other on disjoint halves of the items that all of them have read.

    Raises
    ------
    LabelMismatch
        If the sets have not read the same items, or share fewer than three emotions.

    Example
    -------
    >>> from emo.core.records import Activations
    >>> rng = np.random.default_rng(0)
    >>> names, situations = ("calm", "happy", "sad", "angry") * 6, tuple("aaaabbbbccccddddeeeeffff")
    >>> values = np.tile(rng.normal(size=(4, 8)), (6, 1)) + 0.1 * rng.normal(size=(2, 24, 8))
    >>> ids = tuple(map(str, range(24)))
    >>> a, b = (
    ...     ItemSet.make(Activations(v[None], ids, names, situations, v[None, :0], "last"), 0)
    ...     for v in values.astype(np.float32)
    ... )
    >>> round(float(attenuation([a, b], Resampling(n_splits=8)).mean.ratio.value), 1)
    1.0
    """
    design, emotions = shared_design(sets), common_emotions(*(s.emotions for s in sets))
    first = design.halves(resampling.n_splits, stream(resampling.seed, "halves"))
    halving = Halving(sets, design, emotions, first)
    whole = halving.measured()
    masks, stratum = _units(design, resampling.seed)
    left_out = _without_each(masks, lambda w: halving.measured(w).moments())
    pairs, mean = (
        _attenuation(whole, _over_units(of(left_out), stratum), len(emotions), of)
        for of in (np.asarray, _mean_over_pairs)
    )
    return Attenuated(pairs, mean)


def independent(
    sides: tuple[Sequence[ItemSet], Sequence[ItemSet]], resampling: Resampling
) -> Attenuation:
    """Two sets that have read other items: every measurement of one with every one of the other.

    A side is one set, which is halved, or a set and its replicate, which are taken as they are. The
    noise of a replicate is in no interval over items, so the intervals of such a pair are over emotions,
    whose jackknife holds the noise of single texts.

    Raises
    ------
    LabelMismatch
        If fewer than three emotions are common.
    """
    emotions = common_emotions(*(s.emotions for side in sides for s in side))
    halvings = [
        _own_halves(side, emotions, resampling, name)
        for name, side in zip(("first", "second"), sides, strict=True)
    ]
    measured = [
        _as_they_are(side, emotions, resampling.n_splits) if h is None else h.measured()
        for h, side in zip(halvings, sides, strict=True)
    ]
    items = []
    for halving, other in zip(halvings, reversed(measured), strict=True):
        if halving is not None:
            masks, stratum = _units(halving.design, resampling.seed)
            left_out = _without_each(
                masks,
                lambda w, h=halving, other=other: _together(h.measured(w), other.fewer()).moments(),
            )
            items.append(_over_units(left_out, stratum))
    error = items[0] + items[1] if len(items) == 2 else None
    return _attenuation(_together(*measured), error, len(emotions), np.asarray)[0, 1]


def _own_halves(
    side: Sequence[ItemSet], emotions: tuple[str, ...], resampling: Resampling, name: str
) -> Halving | None:
    """Halves of a side of one set; None for a set with a replicate."""
    if len(side) == 2:
        return None
    design = own_design(side[0])
    first = design.halves(resampling.n_splits, stream(resampling.seed, "halves", name))
    return Halving(side, design, emotions, first)


def _as_they_are(side: Sequence[ItemSet], emotions: Sequence[str], n_splits: int) -> Measured:
    """A set and its replicate as two measurements, the same in every split."""
    rdms = (s.rdm(emotions) for s in side)
    return Measured(*(np.broadcast_to(x, (1, n_splits, len(x))) for x in rdms), shared=False)


def _together(a: Measured, b: Measured) -> Measured:
    """Two sides as one, each with its own splits."""
    n = min(a.first.shape[1], b.first.shape[1])
    halves = (
        np.concatenate([x[:, :n], y[:, :n]]) for x, y in ((a.first, b.first), (a.second, b.second))
    )
    return Measured(*halves, shared=False)


def _mean_over_pairs(moments: Float64[np.ndarray, "*row set set"]) -> Float64[np.ndarray, "*row"]:
    i, j = np.triu_indices(moments.shape[-1], 1)
    return finite_mean(moments[..., i, j], axis=-1)


def _without_each(
    masks: Bool[np.ndarray, "unit cell"],
    moments: Callable[[Float64[np.ndarray, " cell"]], Moments],
) -> Float64[np.ndarray, "unit 2 *shape"]:
    """The moments, which are made of weighted cells, with the cells of each unit left out."""
    whole = moments(np.ones(masks.shape[1]))
    return np.array([moments(np.where(m, 0.0, 1.0)) for m in masks]).reshape(-1, *whole.shape)


def _over_units(
    left_out: Float64[np.ndarray, "unit 2 *shape"], stratum: Int[np.ndarray, " unit"]
) -> Covariance:
    """The jackknife's covariance; NaN where there is nothing to leave out."""
    if len(left_out):
        return jackknife(left_out, stratum)
    return Covariance.of(*np.full((4, *left_out.shape[2:]), np.nan))


def _units(
    design: Design, seed: int
) -> tuple[Bool[np.ndarray, "unit cell"], Int[np.ndarray, " unit"]]:
    """Cells of every unit and its stratum: single units, or groups of them if they are many."""
    stratum_of = strata(design.group, design.emotion)
    names, sizes = np.unique(stratum_of, return_counts=True)
    units = np.flatnonzero(np.isin(stratum_of, names[sizes > 1]))
    if len(units) <= MOST_UNITS:
        return design.group == units[:, None], stratum_of[units]
    group, rng = np.zeros(len(stratum_of), dtype=np.int64), stream(seed, "groups of units")
    for name in names:
        members = rng.permutation(np.flatnonzero(stratum_of == name))
        group[members] = (np.arange(len(members)) + rng.integers(GROUPS)) % GROUPS
    masks = group[design.group] == np.arange(GROUPS)[:, None]
    return masks, np.zeros(GROUPS, dtype=np.int64)


def _attenuation(
    whole: Measured,
    items: Covariance | None,
    n_emotions: int,
    of: Callable[[Moments], Moments],
) -> Attenuation:
    """Values and intervals; over emotions where there is no error over items."""
    agreement, ceiling = map(np.asarray, of(whole.moments()))
    i, j = np.triu_indices(n_emotions, 1)
    few = whole.fewer()
    each = np.array([of(few.without((i == e) | (j == e))) for e in range(n_emotions)])
    over = jackknife(each, np.zeros(n_emotions, dtype=np.int64))
    error = over if items is None else items
    # Where one direction dominates all vectors the jackknife collapses: at least the error of as many
    # independent pairs, at this ceiling.
    least = ceiling**2 / max(len(i) - 3, 1)
    over = replace(over, top=np.asarray(np.maximum(over.top, least)))
    # The noise of an emotion's items is in the jackknife over emotions as well: no sum of the two.
    both = over if items is None else items.wider(over)
    return Attenuation(
        agreement=correlation(agreement, error),
        over_both=correlation(agreement, both),
        ceiling=ceiling,
        ratio=fieller(agreement, ceiling, error),
    )

"""Agreement of a pair beside what noise allows it: disattenuated rho with its interval.

Two measurements that share no item agree less than the geometries behind them, because each is noisy.
So the agreement of two sets on disjoint halves is divided by that of each set with itself on disjoint
halves of the same size (Spearman 1904): all correlations have the same length, and nothing is stepped
up. The interval is Fieller's (1954), with the covariance of a jackknife; it is for as many other
items. It has no end where the ceiling itself may be nothing. Where an agreement is mostly noise the
jackknife says up to twice its variance, since two units make each part of it together: intervals are
then too wide. docs/summary.md, "What noise allows"; error rates: docs/truth.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from emo.core.compare.leaving_out import MOST_SPLITS, ceilings, leaving_out, left_out_units
from emo.core.geometry.item_sets import Design, ItemSet, common_emotions, own_design
from emo.core.stats.correlation import spearman
from emo.core.stats.intervals import Estimates, finite_mean
from emo.core.stats.jackknife import without_each
from emo.core.stats.quotients import Covariance, fieller, jackknife
from emo.core.stats.resampling import Resampling, stream


@dataclass(frozen=True)
class Attenuation:
    """Agreement of two measurements that share no item, beside what noise allows it."""

    agreement: Estimates
    """Mean rho on disjoint items, with the interval over items and emotions; bare for a pair that has
    read other items, whose test is Mantel's."""
    ceiling: float
    """The agreement that one geometry has with itself at this noise: sqrt(rel_a rel_b)."""
    ratio: Estimates
    """Disattenuated rho: agreement / ceiling, with the interval over items.

    The value is NaN where the ceiling is 0; the bounds are infinite where it is not told from 0.
    """


Measured = tuple[Float64[np.ndarray, "_ pair"], Float64[np.ndarray, "_ pair"]]
"""RDMs of one side measured twice, on items that the two measurements do not share."""


@dataclass(frozen=True)
class Halving:
    """One side whose items are halved."""

    items: ItemSet
    design: Design
    emotions: tuple[str, ...]
    first: Bool[np.ndarray, "split cell"]

    def measured(self, kept: Bool[np.ndarray, " cell"] | None = None) -> Measured:
        """The RDMs of both halves; of the first divisions only where some cells are left out."""
        first = self.first if kept is None else self.first[:MOST_SPLITS]
        cells = np.ones(first.shape[1], dtype=bool) if kept is None else kept
        a, b = (
            self.items.rdms((half & cells).astype(np.float64), self.emotions)
            for half in (first, ~first)
        )
        return a, b


def on_shared_items(a: ItemSet, b: ItemSet, resampling: Resampling) -> Attenuation:
    """Two sets that have read the same items, each on the half that the other has not read.

    Raises
    ------
    LabelMismatch
        If the sets have not read the same items, or share fewer than three emotions.
    """
    got = leaving_out([a, b], resampling)
    ceiling = float(np.nan_to_num(ceilings(got.whole)[0, 1]))
    return Attenuation(got.rho()[0, 1], ceiling, got.disattenuated()[0, 1])


def on_own_items(
    sides: tuple[Sequence[ItemSet], Sequence[ItemSet]], resampling: Resampling
) -> Attenuation:
    """Two sets that have read other items: every measurement of one with every one of the other.

    A side is one set, which is halved, or a set and its replicate, which are taken as they are. The
    noise of a replicate is in no interval over items, so the interval of such a pair is over emotions,
    whose jackknife holds the noise of single texts.

    Raises
    ------
    LabelMismatch
        If fewer than three emotions are common.

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
    >>> round(float(on_own_items(([a], [b]), Resampling(n_splits=8)).ratio.value), 1)
    1.0
    """
    emotions = common_emotions(*(s.emotions for side in sides for s in side))
    halvings = [
        _halving(side[0], emotions, resampling, name) if len(side) == 1 else None
        for name, side in zip(("first", "second"), sides, strict=True)
    ]
    measured = [
        _as_they_are(side, emotions) if halving is None else halving.measured()
        for halving, side in zip(halvings, sides, strict=True)
    ]
    a, b = measured
    top, bottom = _moments(a, b)
    errors = [
        _over_units(halving, _few(other), resampling.seed)
        for halving, other in zip(halvings, (b, a), strict=True)
        if halving is not None
    ]
    error = errors[0] + errors[1] if len(errors) == 2 else _over_emotions(_few(a), _few(b))
    nothing = np.asarray(np.nan)
    ratio = fieller(np.asarray(top), np.asarray(bottom), error)
    return Attenuation(Estimates(np.asarray(top), nothing, nothing), float(bottom), ratio)


def _moments(a: Measured, b: Measured) -> Float64[np.ndarray, " 2"]:
    """Mean rho of all measurements of one side with all of the other, and its ceiling."""
    across = [_mean_rho(x, y) for x in a for y in b]
    repeated = [max(_mean_rho(*side), 0.0) for side in (a, b)]
    return np.array([np.mean(across), np.sqrt(repeated[0] * repeated[1])])


def _mean_rho(a: Float64[np.ndarray, "_ pair"], b: Float64[np.ndarray, "_ pair"]) -> float:
    """Mean over divisions; a measurement that is not divided is the same in all of them."""
    n = min(len(a), len(b)) if min(len(a), len(b)) > 1 else max(len(a), len(b))
    return float(finite_mean(spearman(a[:n], b[:n]), axis=0))


def _few(side: Measured) -> Measured:
    a, b = side
    return a[:MOST_SPLITS], b[:MOST_SPLITS]


def _halving(
    items: ItemSet, emotions: tuple[str, ...], resampling: Resampling, name: str
) -> Halving:
    design = own_design(items)
    first = design.halves(resampling.n_splits, stream(resampling.seed, "halves", name))
    return Halving(items, design, emotions, first)


def _as_they_are(side: Sequence[ItemSet], emotions: Sequence[str]) -> Measured:
    a, b = (s.rdm(emotions)[None] for s in side)
    return a, b


def _over_units(halving: Halving, other: Measured, seed: int) -> Covariance:
    """Of agreement and ceiling, with the units of one side left out one at a time."""
    units, stratum = left_out_units(halving.design, seed)
    left_out = [_moments(halving.measured(~unit), other) for unit in units]
    return jackknife(np.reshape(left_out, (-1, 2)), stratum)


def _over_emotions(a: Measured, b: Measured) -> Covariance:
    """The same with the emotions left out one at a time."""
    kept = np.isfinite(without_each(np.zeros(a[0].shape[1])))
    left_out = [_moments((a[0][:, k], a[1][:, k]), (b[0][:, k], b[1][:, k])) for k in kept]
    return jackknife(np.array(left_out), np.zeros(len(left_out), dtype=np.int64))

"""Agreement of item-level data sets: on the same items, on disjoint items, and what noise allows.

Two RDMs of the same passages can agree because the passages have content in common, not because
emotions have a shared geometry. So each of two sets is also measured on one half of the items and
compared with the other set on the other half. This project's; docs/summary.md, "Same passages, other
passages".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from emo.core.geometry.halves import (
    balance,
    disjoint_agreement,
    half_agreement,
    replicate_rdms,
)
from emo.core.geometry.item_sets import ItemSet, common_emotions, shared_design
from emo.core.stats.effort import LEAST_DIVISIONS, LEAST_REPLICATES, affordable
from emo.core.stats.intervals import Estimates, finite_mean, percentile_interval, recentred
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.reliability import full_length
from emo.core.stats.resampling import Resampling, stream

LEAST_AGREEMENT = 0.1
"""At or below this an agreement on the same items is too small to have shares."""

UNBOUNDED = 0.025
"""Where more replicates than this have no positive same-item rho, a share has no interval."""


@dataclass(frozen=True)
class Halves:
    """Every set with every other on random halves of their items, means over the halves."""

    same: Estimates
    """Both sets on the same half, [set set]: what ``disjoint`` is measured against."""
    disjoint: Estimates
    """One set on the one half and one on the other, both ways round, [set set].

    The diagonal is the split-half correlation of a set with itself, its reliability at half length.
    """
    spread: Float64[np.ndarray, "set set"]
    """Standard deviation of ``disjoint`` over the halves: how much hangs on the division."""
    share: Estimates
    """disjoint / same, [set set]; no bounds where ``same`` is not clearly positive."""
    mean_share: Estimates
    """Mean over all pairs of ``disjoint`` / mean of ``same``, one number; NaN for a single set."""
    reliability: Float64[np.ndarray, " set"]
    """Split-half reliability of all items: the diagonal of ``disjoint``, stepped up."""
    emotions: tuple[str, ...]


def same_items(sets: Sequence[ItemSet], resampling: Resampling) -> Estimates:
    """Spearman of all sets on all items they share, with bootstrap intervals, [set set].

    Raises
    ------
    LabelMismatch
        If the sets have not read the same items, or share fewer than three emotions.
    """
    design, emotions = shared_design(sets), common_emotions(*(s.emotions for s in sets))
    rdms = np.stack([s.rdm(emotions) for s in sets])[:, None]
    replicates = replicate_rdms(sets, design, emotions, resampling, "bootstrap")
    return with_interval(
        spearman_matrix(rdms, rdms)[..., 0],
        np.moveaxis(spearman_matrix(replicates, replicates), -1, 0),
        design.expansion,
    )


def disjoint_items(sets: Sequence[ItemSet], resampling: Resampling) -> Halves:
    """Agreement of all sets on the same and on disjoint random halves of their items.

    Crossed situations are halved as a whole, other items within their emotion. Every bootstrap
    replicate (of situations or items) is halved ``splits_per_replicate`` times.

    Raises
    ------
    LabelMismatch
        If the sets have not read the same items, or share fewer than three emotions.
    """
    design, emotions = shared_design(sets), common_emotions(*(s.emotions for s in sets))
    n, each, n_splits = draws_made(resampling, len(sets) * len(emotions) * (len(emotions) - 1))
    first = design.halves(n_splits, stream(resampling.seed, "halves"))
    same, disjoint = half_agreement(sets, design, emotions, first, np.ones(first.shape))
    counts = design.counts(n, stream(resampling.seed, "bootstrap"))
    inner = design.halves(n * each, stream(resampling.seed, "bootstrap halves"))
    replicates = [
        np.moveaxis(finite_mean(x.reshape(*x.shape[:2], n, each), axis=-1), -1, 0)
        for x in half_agreement(sets, design, emotions, inner, np.repeat(counts, each, axis=0))
    ]
    mean_same, mean_disjoint = finite_mean(same, axis=-1), finite_mean(disjoint, axis=-1)
    factor = design.expansion
    evenness = balance(design, first)
    return Halves(
        same=with_interval(mean_same, replicates[0], factor),
        disjoint=with_interval(mean_disjoint, replicates[1], factor),
        spread=np.sqrt(finite_mean((disjoint - mean_disjoint[..., None]) ** 2, axis=-1)),
        share=_shares(mean_disjoint, mean_same, replicates[::-1], factor),
        mean_share=_shares(
            _over_pairs(mean_disjoint),
            _over_pairs(mean_same),
            [_over_pairs(x) for x in replicates[::-1]],
            factor,
        ),
        reliability=np.array([full_length(float(r), evenness) for r in np.diag(mean_disjoint)]),
        emotions=emotions,
    )


def disjoint_rho(sets: Sequence[ItemSet], resampling: Resampling) -> Float64[np.ndarray, "set set"]:
    """The values of :func:`disjoint_items`, ``disjoint``, alone: no intervals, no other draws.

    Raises
    ------
    LabelMismatch
        If the sets have not read the same items, or share fewer than three emotions.
    """
    design, emotions = shared_design(sets), common_emotions(*(s.emotions for s in sets))
    _, _, n_splits = draws_made(resampling, len(sets) * len(emotions) * (len(emotions) - 1))
    first = design.halves(n_splits, stream(resampling.seed, "halves"))
    return finite_mean(disjoint_agreement(sets, design, emotions, first), axis=-1)


def draws_made(resampling: Resampling, entries: int) -> tuple[int, int, int]:
    """Replicates, divisions of each, and divisions of all items, of which each has so many entries."""
    n = affordable(resampling.n_bootstrap, entries, LEAST_REPLICATES)
    each = affordable(resampling.splits_per_replicate, entries * n, 1)
    return n, each, affordable(resampling.n_splits, entries, LEAST_DIVISIONS)


def _over_pairs(
    matrix: Float64[np.ndarray, "*row set set"],
) -> Float64[np.ndarray, "*row"]:
    """Mean over the pairs of different sets."""
    i, j = np.triu_indices(matrix.shape[-1], 1)
    return finite_mean(matrix[..., i, j], axis=-1)


def with_interval(
    value: Float64[np.ndarray, "*shape"],
    replicates: Float64[np.ndarray, "replicate *shape"],
    factor: float | None,
) -> Estimates:
    """Correlations with their intervals; no bounds where nothing could be drawn (no factor)."""
    if factor is None:
        replicates = np.full_like(replicates, np.nan)
    return Estimates(value, *percentile_interval(recentred(replicates, value, factor or 1.0)))


def _shares(
    disjoint: Float64[np.ndarray, "*shape"],
    same: Float64[np.ndarray, "*shape"],
    replicates: Sequence[Float64[np.ndarray, "replicate *shape"]],
    factor: float | None,
) -> Estimates:
    """disjoint / same with percentiles of the replicates' quotients."""
    above, below = (
        recentred(x, value, factor or 1.0)
        for x, value in zip(replicates, (disjoint, same), strict=True)
    )
    with np.errstate(invalid="ignore"):
        positive = below > 0
    known = factor is not None and np.mean(~positive, axis=0) <= UNBOUNDED
    quotient = np.where(positive, above, np.nan) / np.where(positive, below, 1)
    low, high = percentile_interval(np.where(known, quotient, np.nan))
    with np.errstate(invalid="ignore"):
        sure = same > LEAST_AGREEMENT
    value = np.asarray(np.where(sure, disjoint, np.nan) / np.where(sure, same, 1))
    return Estimates(value, np.where(sure, low, np.nan), np.where(sure, high, np.nan))

"""Agreement of random halves of the items, within a set and between sets, and its replicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int

from emo.core.geometry.item_sets import Design, ItemSet, own_design
from emo.core.stats.intervals import finite_mean
from emo.core.stats.many_correlations import RANKED, Ranked
from emo.core.stats.reliability import full_length
from emo.core.stats.resampling import Resampling, stream


def split_half(
    items: ItemSet, resampling: Resampling, emotions: Sequence[str] | None = None
) -> tuple[float, float]:
    """Mean correlation of random halves of one set, and the reliability of all its items from it.

    The second is the first stepped up by :func:`emo.core.stats.reliability.full_length`. NaN where no
    half holds three pairs of emotions that the other holds too.
    """
    design = own_design(items)
    first = design.halves(resampling.n_splits, stream(resampling.seed, "halves"))
    disjoint = disjoint_agreement([items], design, emotions or items.emotions, first)
    half = float(finite_mean(disjoint, axis=-1)[0, 0])
    return half, full_length(half, balance(design, first))


def replicate_rdms(
    sets: Sequence[ItemSet],
    design: Design,
    emotions: Sequence[str],
    resampling: Resampling,
    name: str,
) -> Float64[np.ndarray, "set replicate pair"]:
    """RDMs of every set in every bootstrap replicate, drawn for all sets at once."""
    counts = design.counts(resampling.n_bootstrap, stream(resampling.seed, name))
    return rdms_of_sets(sets, design, emotions, counts)


def half_agreement(
    sets: Sequence[ItemSet],
    design: Design,
    emotions: Sequence[str],
    first: Bool[np.ndarray, "split cell"],
    weights: Float64[np.ndarray, "split cell"],
) -> tuple[Float64[np.ndarray, "set set split"], Float64[np.ndarray, "set set split"]]:
    """Rho on the same half and on different ones, of every set with every other, per split."""
    parts = [
        ((a.beside(a) + b.beside(b)) / 2, _both_ways(a, b))
        for a, b in _ranked_halves(sets, design, emotions, first, weights)
    ]
    same, disjoint = (np.concatenate(x, axis=-1) for x in zip(*parts, strict=True))
    return same, disjoint


def disjoint_agreement(
    sets: Sequence[ItemSet],
    design: Design,
    emotions: Sequence[str],
    first: Bool[np.ndarray, "split cell"],
) -> Float64[np.ndarray, "set set split"]:
    """Rho on different halves alone, of every set with every other, per split."""
    halves = _ranked_halves(sets, design, emotions, first, np.ones(first.shape))
    return np.concatenate([_both_ways(a, b) for a, b in halves], axis=-1)


def _both_ways(a: Ranked, b: Ranked) -> Float64[np.ndarray, "set set split"]:
    across = a.beside(b)
    return (across + across.transpose(1, 0, 2)) / 2


def _ranked_halves(
    sets: Sequence[ItemSet],
    design: Design,
    emotions: Sequence[str],
    first: Bool[np.ndarray, "split cell"],
    weights: Float64[np.ndarray, "split cell"],
) -> Iterator[tuple[Ranked, Ranked]]:
    """RDMs of both halves, of a few splits at a time: the memory does not grow with their number."""
    n_pairs = len(emotions) * (len(emotions) - 1) // 2
    step = max(1, RANKED // max(1, len(sets) * n_pairs))
    for start in range(0, len(first), step):
        half, weight = first[start : start + step], weights[start : start + step]
        a, b = (
            Ranked.make(rdms_of_sets(sets, design, emotions, w))
            for w in (np.where(half, weight, 0.0), np.where(half, 0.0, weight))
        )
        yield a, b


def rdms_of_sets(
    sets: Sequence[ItemSet],
    design: Design,
    emotions: Sequence[str],
    weights: Float64[np.ndarray, "resample cell"],
) -> Float64[np.ndarray, "set resample pair"]:
    """RDMs of every set under the same weightings of the design's cells."""
    return np.stack(
        [s.rdms(weights[:, cells], emotions) for s, cells in zip(sets, design.of_set, strict=True)]
    )


def balance(design: Design, first: Bool[np.ndarray, "split cell"]) -> float:
    """:func:`balance_of` the emotions of a design's cells."""
    return balance_of(design.emotion, first)


def balance_of(emotions: Int[np.ndarray, " cell"], first: Bool[np.ndarray, "split cell"]) -> float:
    """Mean of p (1 - p) over splits and emotions, p the share of its cells in the first half."""
    counts = np.bincount(emotions)
    member = (emotions[:, None] == np.flatnonzero(counts > 1)).astype(np.float64)
    share = first @ member / counts[counts > 1]
    return float((share * (1 - share)).mean()) if member.shape[1] else float("nan")

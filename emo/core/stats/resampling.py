"""Named random streams, half splits and bootstrap weights.

Every random decision takes a ``numpy.random.Generator`` made by :func:`stream`, so results depend
on (seed, names) alone: not on order, batch size or worker count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int

BLOCK_BYTES = 32 << 20
"""About the memory of what is worked on at a time, where a set has many items."""


@dataclass(frozen=True)
class Resampling:
    """How much to resample; counts without unit."""

    n_splits: int = 200
    """Random divisions into halves, for reliabilities."""
    n_bootstrap: int = 200
    """Bootstrap replicates, for intervals."""
    splits_per_replicate: int = 10
    """Random divisions of each replicate, and of each permutation of the labels."""
    n_permutations: int = 100
    """Permutations of the labels, for the null of every descriptor; 0 for no nulls."""
    seed: int = 0
    """First part of the name of every random stream."""


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """A random generator that depends on the seed and the names alone.

    Example
    -------
    >>> a, b, c = (stream(0, "mantel"), stream(0, "mantel"), stream(0, "halves"))
    >>> bool(a.random() == b.random()), bool(b.random() == c.random())
    (True, False)
    """
    digest = hashlib.sha256("\x1f".join([str(seed), *map(str, names)]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def index(labels: Sequence[str]) -> tuple[tuple[str, ...], Int[np.ndarray, " item"]]:
    """Distinct labels in order of first appearance, and each item's position among them."""
    names = tuple(dict.fromkeys(labels))
    position = {name: i for i, name in enumerate(names)}
    return names, np.array([position[label] for label in labels], dtype=np.int64)


def blocks(n: int, bytes_each: int) -> Iterator[slice]:
    """Slices of n rows, as many at a time as take ``BLOCK_BYTES`` together, at least one."""
    size = max(1, BLOCK_BYTES // max(1, bytes_each))
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


def nested(
    groups: Int[np.ndarray, " item"], emotions: Int[np.ndarray, " item"]
) -> Bool[np.ndarray, " group"]:
    """Which groups hold passages of one emotion only (a passage that is its own group does)."""
    width = int(emotions.max()) + 1
    pairs = np.unique(groups.astype(np.int64) * width + emotions)
    return np.bincount(pairs // width, minlength=int(groups.max()) + 1) == 1


def strata(
    groups: Int[np.ndarray, " item"], emotions: Int[np.ndarray, " item"]
) -> Int[np.ndarray, " group"]:
    """What each group is drawn from: -1 for all crossed groups together, else its own emotion."""
    emotion_of = np.zeros(int(groups.max()) + 1, dtype=np.int64)
    emotion_of[groups] = emotions
    return np.where(nested(groups, emotions), emotion_of, -1)


def half_splits(
    groups: Int[np.ndarray, " item"],
    emotions: Int[np.ndarray, " item"],
    n_splits: int,
    rng: np.random.Generator,
) -> Bool[np.ndarray, "split item"]:
    """Random halves of the groups; True = first half.

    Crossed groups (situations told for several emotions) are halved as a whole. Groups that
    belong to one emotion (passages without a situation) are halved within each emotion, so that
    both halves hold every emotion that has two groups.
    """
    stratum_of = strata(groups, emotions)
    n_groups = len(stratum_of)
    first = np.zeros((n_splits, n_groups), dtype=bool)
    for stratum in np.unique(stratum_of):
        members = np.flatnonzero(stratum_of == stratum)
        half, odd = divmod(len(members), 2)
        next_one = np.empty(n_splits, dtype=np.int64)
        for some in blocks(n_splits, 8 * len(members)):
            order = rng.permuted(np.tile(members, (some.stop - some.start, 1)), axis=1)
            np.put_along_axis(first[some], order[:, :half], True, axis=1)
            next_one[some] = order[:, half] if odd else 0
        if odd:  # the odd one out goes to either half
            taken = np.flatnonzero(rng.integers(0, 2, n_splits))
            first[taken, next_one[taken]] = True
    return first[:, groups]


def bootstrap_counts(
    groups: Int[np.ndarray, " item"],
    emotions: Int[np.ndarray, " item"],
    n_replicates: int,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "replicate item"]:
    """How often each item is drawn: crossed groups as clusters, others within their emotion."""
    stratum_of = strata(groups, emotions)
    n_groups = len(stratum_of)
    counts = np.zeros((n_replicates, n_groups))
    for stratum in np.unique(stratum_of):
        members = np.flatnonzero(stratum_of == stratum)
        share = np.full(len(members), 1 / len(members))
        counts[:, members] = rng.multinomial(len(members), share, size=n_replicates)
    return counts[:, groups]

"""Items gathered into cells: those of one emotion within one group, which are drawn together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from emo.core.stats.resampling import BLOCK_BYTES

MOST_PAIRED = 1000
"""Of more items than this, no matrix of items x items is made."""
CHUNK = 256
"""Resamples worked on at a time: their temporaries stay in the processor's cache."""
CACHED = 1 << 18
"""Numbers of the matrices of the resamples that are worked on at a time: 2 MB."""
LEAST_CHUNK = 8
"""Resamples worked on at a time are not fewer for it: each chunk reads the layer's products anew."""


@dataclass(frozen=True)
class ItemCells:
    """How items fall into (emotion, group) cells, sorted by emotion; the same for every layer.

    A group is a situation, or a single passage. A resample is one weight per cell.
    """

    emotion: Int[np.ndarray, " cell"]
    group: Int[np.ndarray, " cell"]
    size: Float64[np.ndarray, " cell"]
    of_item: Int[np.ndarray, " item"]
    """The cell of every item."""
    lookup: Int[np.ndarray, "group emotion"]
    """Cell of a group and an emotion, -1 where the group has no passage of it."""
    starts: Int[np.ndarray, " emotion"]
    """First cell of each emotion."""

    @classmethod
    def make(
        cls, groups: Int[np.ndarray, " item"], emotions: Int[np.ndarray, " item"]
    ) -> ItemCells:
        """Cells of items labelled by group and emotion, both numbered from 0 without gaps."""
        pairs, of_item, size = np.unique(
            np.stack([emotions, groups], axis=1), axis=0, return_inverse=True, return_counts=True
        )
        lookup = np.full((groups.max() + 1, emotions.max() + 1), -1)
        lookup[pairs[:, 1], pairs[:, 0]] = np.arange(len(pairs))
        return cls(
            emotion=pairs[:, 0],
            group=pairs[:, 1],
            size=size.astype(np.float64),
            of_item=of_item.reshape(-1),
            lookup=lookup,
            starts=np.searchsorted(pairs[:, 0], np.arange(lookup.shape[1])),
        )

    @property
    def n_emotions(self) -> int:
        return self.lookup.shape[1]

    @property
    def everything(self) -> Float64[np.ndarray, "1 cell"]:
        """The one weighting that takes every item once."""
        return np.ones((1, len(self.size)))

    def block(self, emotion: int) -> slice:
        """The cells of one emotion."""
        last = emotion + 1 == self.n_emotions
        return slice(self.starts[emotion], len(self.size) if last else self.starts[emotion + 1])

    def counts(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, "resample emotion"]:
        """Weighted number of items of each emotion."""
        return np.add.reduceat(weights * self.size, self.starts, axis=1)

    def group_weights(
        self, weights: Float64[np.ndarray, "resample cell"]
    ) -> Float64[np.ndarray, "resample group"] | None:
        """One weight per group; None where a group lacks an emotion or its cells weigh unlike."""
        if (self.lookup < 0).any():
            return None
        by_group = weights[:, self.lookup]
        first = by_group[:, :, 0]
        return first if (by_group == first[:, :, None]).all() else None


def chunks(weights: np.ndarray, width: int = 0, matrix: int = 0) -> Iterator[np.ndarray]:
    """Weightings, ``CHUNK`` of them at a time, or fewer.

    Fewer where their cells, or ``width`` numbers each, would take more than
    :data:`emo.core.stats.resampling.BLOCK_BYTES`, or ``matrix`` numbers each more than ``CACHED``.
    """
    most = max(LEAST_CHUNK, CACHED // max(matrix, 1))
    parts = rows_at_a_time(len(weights), max(weights.shape[1], width), most)
    return (weights[some] for some in parts)


def rows_at_a_time(n: int, width: int, most: int = CHUNK) -> Iterator[slice]:
    """Slices of n rows of ``width`` numbers: ``CHUNK`` rows each, or fewer where these are long."""
    size = min(CHUNK, most, max(1, BLOCK_BYTES // (8 * max(width, 1))))
    return (slice(i, min(i + size, n)) for i in range(0, n, size))

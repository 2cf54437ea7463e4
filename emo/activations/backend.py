"""The contract every backend fulfils: padded token ids in, pooled resid_post of every layer out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Bool, Float32, Int64


class OutOfMemory(Exception):
    """The batch did not fit; a smaller one may."""


@dataclass(frozen=True)
class TokenSpan:
    """Token ids of one text and the half-open span of positions whose mean is read."""

    ids: tuple[int, ...]
    start: int
    stop: int

    @property
    def key(self) -> str:
        """Content address: what the model reads and where."""
        content = np.array([self.start, self.stop, *self.ids], dtype=np.int64)
        return hashlib.sha256(content.tobytes()).hexdigest()


@dataclass(frozen=True)
class Batch:
    """Padded sequences. ``spans`` are positions in the padded row."""

    ids: Int64[np.ndarray, "item token"]
    mask: Bool[np.ndarray, "item token"]
    spans: Int64[np.ndarray, "item 2"]


class Backend(Protocol):
    """Reads resid_post of every layer in one forward pass a batch."""

    @property
    def n_layers(self) -> int: ...

    @property
    def hidden(self) -> int: ...

    @property
    def pad_id(self) -> int: ...

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens; None if the model states none."""
        ...

    def resid_post(self, batch: Batch) -> Float32[np.ndarray, "layer item hidden"]:
        """Mean of resid_post over each row's span, for every layer.

        Raises
        ------
        OutOfMemory
            If the batch is too large for the device.
        """
        ...


def pad(sequences: Sequence[TokenSpan], pad_id: int, side: str = "right") -> Batch:
    """One rectangular batch. Masks come from lengths, never from ids (pad may equal eos)."""
    width = max(len(s.ids) for s in sequences)
    ids = np.full((len(sequences), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(sequences), width), dtype=bool)
    spans = np.empty((len(sequences), 2), dtype=np.int64)
    for row, s in enumerate(sequences):
        offset = 0 if side == "right" else width - len(s.ids)
        ids[row, offset : offset + len(s.ids)] = s.ids
        mask[row, offset : offset + len(s.ids)] = True
        spans[row] = s.start + offset, s.stop + offset
    return Batch(ids, mask, spans)

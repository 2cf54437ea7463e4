"""The contract of every backend: padded token ids in, pooled resid_post of every layer out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, assert_never

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Bool, Float32, Int64

Side = Literal["right", "left"]
"""Where padding stands in a row."""


class OutOfMemory(Exception):
    """The batch did not fit; a smaller one may."""


@dataclass(frozen=True)
class TokenSpan:
    """Token ids of one text, and the half-open span of positions whose mean is read."""

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
    """Padded texts, and the spans of them that are read."""

    ids: Int64[np.ndarray, "text token"]
    mask: Bool[np.ndarray, "text token"]
    spans: Int64[np.ndarray, "item 2"]
    """Half-open; positions count from the start of the padded row."""
    rows: Int64[np.ndarray, " item"]
    """The row of each span; one text may be read at several spans."""


class Backend(Protocol):
    """Reads resid_post of every layer, with one forward pass per batch."""

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
        """Mean of resid_post over each span, for every layer, in one forward pass.

        Raises
        ------
        OutOfMemory
            If the batch is too large for the device.
        """
        ...


def pad(sequences: Sequence[TokenSpan], pad_id: int, side: Side = "right") -> Batch:
    """One rectangular batch with one row per span.

    The mask follows from the lengths, because the pad id may also stand in a text.
    """
    return pad_texts([(s,) for s in sequences], pad_id, side)


def pad_texts(texts: Sequence[Sequence[TokenSpan]], pad_id: int, side: Side = "right") -> Batch:
    """One rectangular batch with one row per text; a text is given by its spans.

    The row holds the ids of the text's first span; the ids of its other spans must be prefixes of
    these. Items stand in the order of the texts, and within a text in the order of its spans.
    """
    width = max(len(text[0].ids) for text in texts)
    ids = np.full((len(texts), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(texts), width), dtype=bool)
    spans, rows = [], []
    for row, text in enumerate(texts):
        length = len(text[0].ids)
        match side:
            case "right":
                offset = 0
            case "left":
                offset = width - length
            case _:
                assert_never(side)
        ids[row, offset : offset + length] = text[0].ids
        mask[row, offset : offset + length] = True
        spans += [(s.start + offset, s.stop + offset) for s in text]
        rows += [row] * len(text)
    return Batch(ids, mask, np.array(spans, dtype=np.int64), np.array(rows, dtype=np.int64))

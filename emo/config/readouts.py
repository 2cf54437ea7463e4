"""How a passage is read: one row per readout, with its positions and the words for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emo.config.enums import Readout
from emo.core.choices import unknown

Positions = Callable[[Sequence[int]], tuple[int, int]]
"""From the mask of a text's special tokens (1 is special) to the half-open span that is read."""


def last_token(special: Sequence[int]) -> tuple[int, int]:
    """The last token of the text."""
    return len(special) - 1, len(special)


def all_tokens(special: Sequence[int]) -> tuple[int, int]:
    """The whole text, without the special tokens in front of it."""
    return (special.index(0) if 0 in special else 0), len(special)


@dataclass(frozen=True)
class ReadoutRow:
    """One way of reading a passage."""

    positions: Positions
    title: str
    """Names the readout in the title of a run."""
    sentence: str
    """Names it in a report: "... was read after every decoder block"."""
    takes_suffix: bool = False
    """Whether ``method.suffix`` is put behind the text first."""


READOUTS: dict[Readout, ReadoutRow] = {
    Readout.last: ReadoutRow(last_token, "last token", "the last token"),
    Readout.mean: ReadoutRow(all_tokens, "mean over tokens", "the mean over tokens"),
    Readout.suffix: ReadoutRow(
        last_token, "last token of the suffix", "the last token of a suffix", takes_suffix=True
    ),
}
"""All that the program knows of a readout. A new one is a member of the enum and a row here."""


def readout_row(readout: Readout) -> ReadoutRow:
    """The row of a readout.

    Raises
    ------
    UnknownChoice
        If there is none.
    """
    if readout not in READOUTS:
        raise unknown("method.readout", readout, list(READOUTS))
    return READOUTS[readout]

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


def without_sink(special: Sequence[int]) -> tuple[int, int]:
    """The text without position 0 and without special tokens, in front and behind.

    Position 0 is the attention sink of many models (Xiao et al. 2024, arXiv:2309.17453): its norm is up
    to 150 times that of other tokens, and a mean that holds it is its direction. Models with a BOS
    have it there; models without one have a word of the text there. A text of which nothing is left
    is read at its only token.
    """
    places = [place for place, mark in enumerate(special) if not mark] or [len(special) - 1]
    return min(max(1, places[0]), places[-1]), places[-1] + 1


def all_tokens(special: Sequence[int]) -> tuple[int, int]:
    """The whole text, position 0 with it, without the special tokens in front of it."""
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
    Readout.mean: ReadoutRow(
        without_sink, "mean over tokens", "the mean over tokens without position 0"
    ),
    Readout.mean_all: ReadoutRow(
        all_tokens, "mean over all tokens", "the mean over tokens with position 0"
    ),
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

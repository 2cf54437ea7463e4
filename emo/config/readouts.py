"""Words for a readout, in titles and in the methods text."""

from __future__ import annotations

from typing import assert_never

from emo.config.enums import Readout


def readout_words(readout: Readout) -> str:
    """What a readout reads of a passage."""
    match readout:
        case Readout.last:
            return "last token"
        case Readout.mean:
            return "mean over tokens"
        case Readout.suffix:
            return "last token of the suffix"
        case _:
            assert_never(readout)

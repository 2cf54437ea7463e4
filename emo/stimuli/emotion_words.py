"""What each emotion is called: its pole for a lexicon, its labels for a classifier."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from emo.stimuli.loading import DATA

EMOTION_WORDS = DATA / "emotion_words.yaml"
POLES = {"pleasant": 1.0, "unpleasant": -1.0, "none": math.nan}


@dataclass(frozen=True)
class EmotionWords:
    """One entry of the table."""

    pole: float
    """1 for a pleasant emotion, -1 for an unpleasant one, NaN for one that is neither."""
    labels: tuple[str, ...]
    """What classifiers call the emotion besides its own name, best first."""


@cache
def load_emotion_words(path: Path = EMOTION_WORDS) -> dict[str, EmotionWords]:
    """The entries by emotion; which emotions these are is up to the file."""
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        emotion: EmotionWords(POLES[entry["pole"]], tuple(entry["labels"]))
        for emotion, entry in raw.items()
    }

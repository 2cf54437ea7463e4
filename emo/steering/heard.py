"""The words of a text in which the lexicon judge hears something."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import assert_never

from emo.config.enums import JudgeName

SHORT = 2
"""VADER takes no punctuation off a word if no more than this is left of it: it may be an emoticon."""


@dataclass(frozen=True)
class HeardWord:
    """A word of a text that the lexicon holds."""

    start: int
    stop: int
    valence: float
    """In the lexicon, -4 (most unpleasant) to 4; without the words around it."""


def heard_by(judge: JudgeName) -> Callable[[str], tuple[HeardWord, ...]] | None:
    """What gives the words that a judge hears something in; None for one that hears whole texts."""
    match judge:
        case JudgeName.lexicon:
            return heard_words
        case JudgeName.hf | JudgeName.embedder:
            return None
        case _:
            assert_never(judge)


def heard_words(text: str) -> tuple[HeardWord, ...]:
    """The words with a valence in VADER's lexicon, in order; found as VADER finds them.

    What negation, emphasis and the rest of the text make of them is not in it: the score of a text
    (:class:`emo.steering.judging.LexiconJudge`) is no sum of these.

    Example
    -------
    >>> text = "She smiled, happy at last."
    >>> [(text[w.start : w.stop], w.valence > 0) for w in heard_words(text)]
    [('smiled', True), ('happy', True)]
    """
    lexicon, heard = _lexicon(), []
    for found in re.finditer(r"\S+", text):
        token, start = found[0], found.start()
        bare = token.strip(string.punctuation)
        word = token if len(bare) <= SHORT else bare
        if word.lower() in lexicon:
            start += token.index(word)
            heard.append(HeardWord(start, start + len(word), lexicon[word.lower()]))
    return tuple(heard)


@cache
def _lexicon() -> Mapping[str, float]:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer().lexicon

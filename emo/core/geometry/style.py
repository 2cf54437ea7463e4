"""Style counts of texts: how a text is written, without a single content word.

Punctuation, lengths and function words tell the emotions of many passages as well as their words do
(Stamatatos 2009 surveys such features for authorship). The list is this project's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Float64

from emo.core.geometry.function_words import FUNCTION_WORDS, LANGUAGES, language_of

TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
SENTENCE_END = re.compile(r"[.!?\u2026]+[\"'\u201d\u2019)]*(?:\s|$)")

MARKS = {
    "comma": r",",
    "semicolon": r";",
    "colon": r":",
    "dash": r"\s-+\s|--|[\u2013\u2014]",
    "exclamation": r"!",
    "question": r"\?",
    "ellipsis": r"\.\.\.|\u2026",
    "quote": r"[\"\u201c\u201d\u00ab\u00bb]|(?:^|\s)['\u2018]",
    "bracket": r"[()\[\]]",
    "hyphen": r"\w-\w",
    "digit": r"\d",
    "line": r"\n",
}
"""Punctuation and the like, each counted per word."""

LENGTHS = (
    *("words", "sentences", "words per sentence", "spread of sentence lengths"),
    *("letters per word", "different words", "apostrophes"),
)
"""What is counted besides: lengths, and shares of the words."""
COUNTS = (*MARKS, *FUNCTION_WORDS, *LENGTHS)
"""The name of every count, in the order of the features."""


def style_counts(texts: Sequence[str]) -> Float64[np.ndarray, "text feature"]:
    """Style counts of each text, every count divided by its standard deviation over the texts.

    They are not centred, so that a text without words is 0; whatever compares them centres them.

    Example
    -------
    >>> style_counts(["Oh no! No!", "It was calm, and it was late.", ""]).shape
    (3, 41)
    """
    of_texts = [_words(text) for text in texts]
    language = language_of([word for words in of_texts for word in words])
    groups = [set(group) for group in LANGUAGES[language].values()]
    rows = [_counts(text, words, groups) for text, words in zip(texts, of_texts, strict=True)]
    counts = np.array(rows, dtype=np.float64).reshape(-1, len(COUNTS))
    spread = counts.std(axis=0)
    return np.divide(counts, spread, out=np.zeros_like(counts), where=spread > 1e-9)


def _words(text: str) -> list[str]:
    return [word.lower().replace("\u2019", "'") for word in TOKEN.findall(text)]


def _counts(
    text: str, words: Sequence[str], function_words: Sequence[Collection[str]]
) -> list[float]:
    n = len(words)
    if not n:
        return [0.0] * len(COUNTS)
    lengths = [len(TOKEN.findall(part)) for part in SENTENCE_END.split(text)]
    lengths = [length for length in lengths if length]
    marks = [len(re.findall(pattern, text)) / n for pattern in MARKS.values()]
    groups = [sum(word in group for word in words) / n for group in function_words]
    negated = sum(word.endswith("n't") for word in words) / n
    groups[list(FUNCTION_WORDS).index("negation")] += negated
    return [
        *marks,
        *groups,
        float(n),
        float(len(lengths)),
        float(np.mean(lengths)),
        float(np.std(lengths)),
        float(np.mean([len(word) for word in words])),
        len(set(words)) / n,
        sum("'" in word for word in words) / n,
    ]

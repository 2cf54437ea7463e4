"""Style counts of texts: how a text is written, without a single content word.

Punctuation, lengths and function words tell the emotions of many passages as well as their words do
(Stamatatos 2009 surveys such features for authorship). The list is this project's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

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

FUNCTION_WORDS = {
    "I": ("i", "me", "my", "mine", "myself"),
    "we": ("we", "us", "our", "ours", "ourselves"),
    "you": ("you", "your", "yours", "yourself"),
    "she": ("she", "her", "hers", "herself"),
    "he": ("he", "him", "his", "himself"),
    "it": ("it", "its", "itself"),
    "they": ("they", "them", "their", "theirs", "themselves"),
    "definite": ("the",),
    "indefinite": ("a", "an"),
    "had": ("had", "has", "have", "having"),
    "was": ("was", "were", "is", "are", "am", "be", "been", "being"),
    "did": ("did", "do", "does", "done"),
    "modal": ("would", "could", "should", "might", "may", "must", "can", "will", "shall"),
    "negation": ("not", "no", "never", "nothing", "nobody", "none", "nor", "neither", "without"),
    "and": ("and",),
    "but": ("but", "though", "although", "yet"),
    "or": ("or", "if", "whether"),
    "that": ("that", "which", "who", "whom", "whose", "what"),
    "when": ("when", "while", "before", "after", "until", "then", "as"),
    "place": ("in", "on", "at", "by", "from", "to", "into", "of", "for", "with"),
    "every": ("every", "all", "each", "any", "some"),
    "degree": ("so", "too", "very", "only", "just", "even", "still", "again"),
}
"""Groups of function words, each counted per word; a word with n't counts as a negation."""

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
    counts = np.array([_counts(text) for text in texts], dtype=np.float64)
    spread = counts.std(axis=0)
    return np.divide(counts, spread, out=np.zeros_like(counts), where=spread > 1e-9)


def _counts(text: str) -> list[float]:
    words = [word.lower().replace("\u2019", "'") for word in TOKEN.findall(text)]
    n = len(words)
    if not n:
        return [0.0] * len(COUNTS)
    lengths = [len(TOKEN.findall(part)) for part in SENTENCE_END.split(text)]
    lengths = [length for length in lengths if length]
    marks = [len(re.findall(pattern, text)) / n for pattern in MARKS.values()]
    groups = [sum(word in group for word in words) / n for group in FUNCTION_WORDS.values()]
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

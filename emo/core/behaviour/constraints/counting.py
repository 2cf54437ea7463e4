"""Constraints that count: sentences, words, digits."""

from __future__ import annotations

from emo.core.behaviour.constraints.checks import Check, sentences_of, words_of
from emo.core.behaviour.wording import unmarked

SENTENCES = 3
WORDS, MARGIN = 50, 3
LONGEST = 5


def three_sentences(answer: str) -> Check:
    """Exactly three sentences. A line without an end mark is one, hence titles and "Sure:" count."""
    count = len(sentences_of(answer))
    return Check(count == SENTENCES, f"{count} sentence{'s' * (count != 1)}")


def fifty_words(answer: str) -> Check:
    """From 47 to 53 words, in all of the answer; numbers and hyphenated words count once."""
    count = len(words_of(unmarked(answer)))
    return Check(abs(count - WORDS) <= MARGIN, f"{count} words")


def at_most_five_words(answer: str) -> Check:
    """No sentence has more than five words."""
    counts = [len(words_of(sentence)) for sentence in sentences_of(answer)]
    longest = max(counts, default=0)
    return Check(0 < longest <= LONGEST, f"the longest sentence has {longest} words")


def one_digit(answer: str) -> Check:
    """Exactly one digit in every sentence: "12" has two, "twelve" none; numbers of lists are layout."""
    counts = [sum(char.isdigit() for char in sentence) for sentence in sentences_of(answer)]
    wrong = next((i for i, count in enumerate(counts) if count != 1), None)
    if wrong is None:
        return Check(bool(counts), "one digit in every sentence")
    return Check(False, f"{counts[wrong]} digits in sentence {wrong + 1}")

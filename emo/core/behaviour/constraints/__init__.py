"""Ten constraints on the form of an answer, each a function of the text alone.

The ten are those of facet D of the Model Temperament Index as the study cites it; its own scoring code
is not used. What a function counts, and what it cannot see, stands in its docstring.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from emo.core.behaviour.constraints.checks import Check, said
from emo.core.behaviour.constraints.counting import (
    at_most_five_words,
    fifty_words,
    one_digit,
    three_sentences,
)
from emo.core.behaviour.constraints.forms import bullets_only, first_letters, questions_only
from emo.core.behaviour.constraints.negative import negative_only
from emo.core.behaviour.constraints.words import korean_only, no_the


class ConstraintName(StrEnum):
    """The constraints, in the published order."""

    three_sentences = "three_sentences"
    no_the = "no_the"
    bullets_only = "bullets_only"
    first_letters = "first_letters"
    fifty_words = "fifty_words"
    negative_only = "negative_only"
    korean_only = "korean_only"
    five_words = "five_words"
    questions_only = "questions_only"
    one_digit = "one_digit"


@dataclass(frozen=True)
class Constraint:
    """What an answer must be like, in words for the model and as a function of its text."""

    words: str
    check: Callable[[str], Check]


CONSTRAINTS: dict[ConstraintName, Constraint] = {
    ConstraintName.three_sentences: Constraint("exactly three sentences", three_sentences),
    ConstraintName.no_the: Constraint('no word "the"', no_the),
    ConstraintName.bullets_only: Constraint("bullet points only", bullets_only),
    ConstraintName.first_letters: Constraint(
        "every sentence starts with another letter", first_letters
    ),
    ConstraintName.fifty_words: Constraint("50 words, give or take 3", fifty_words),
    ConstraintName.negative_only: Constraint("negative aspects only", negative_only),
    ConstraintName.korean_only: Constraint("Korean only", korean_only),
    ConstraintName.five_words: Constraint("at most five words a sentence", at_most_five_words),
    ConstraintName.questions_only: Constraint("every sentence is a question", questions_only),
    ConstraintName.one_digit: Constraint("exactly one digit in every sentence", one_digit),
}


def complies(name: ConstraintName, answer: str) -> Check:
    """Whether an answer complies, and why.

    Thinking blocks are left out. An empty answer and a refusal comply with nothing: a refusal is often
    short and without bullets, digits or articles, which is no compliance.

    Example
    -------
    >>> complies(ConstraintName.five_words, "Cats sleep. Dogs bark at the moon.").passed
    True
    >>> complies(ConstraintName.five_words, "I'm sorry, I can't.").why
    'a refusal'
    """
    return said(answer) or CONSTRAINTS[name].check(answer)


__all__ = ["CONSTRAINTS", "Check", "Constraint", "ConstraintName", "complies"]

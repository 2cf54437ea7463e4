"""The forced choice: which of two answers is right, asked with either of them first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emo.behaviour.formats import behind
from emo.errors import ModelError

LETTERS = ("A", "B")

CHOICE = (
    "{question}\nA) {a}\nB) {b}\n"
    "Which of the two is right? Reply with the letter A or B and nothing else."
)
"""Asked aside after every answer: the conversation goes on as if it had not been."""


@dataclass(frozen=True)
class Options:
    """The two answers that a question is asked with."""

    right: str
    wrong: str


def forced_choice(question: str, options: Options, right_first: bool) -> str:
    """The question to the model, with the right answer as option A or B."""
    pair = (options.right, options.wrong)
    a, b = pair if right_first else pair[::-1]
    return CHOICE.format(question=question, a=a, b=b)


def letter_ids(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Ids of the single tokens that write A and that write B, with and without a blank.

    Raises
    ------
    ModelError
        If the tokenizer has no such token.
    """
    found = []
    for letter in LETTERS:
        spelt = (behind(tokenizer, text) for text in (letter, f" {letter}", f"\n{letter}"))
        ids = sorted({tokens[-1] for tokens in spelt if tokens})
        ids = [i for i in ids if tokenizer.decode([i]).strip() == letter]
        if not ids:
            raise ModelError(
                f"its tokenizer has no token for the letter {letter}: no forced choice"
            )
        found.append(tuple(ids))
    return found[0], found[1]

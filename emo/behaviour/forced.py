"""The forced choice: which of two answers is right, asked with either of them first."""

from __future__ import annotations

from emo.stimuli.facts import Fact

CHOICE = (
    "{question}\nA) {a}\nB) {b}\n"
    "Which of the two is right? Reply with the letter A or B and nothing else."
)
"""Asked aside after every answer: the conversation goes on as if it had not been."""


def forced_choice(fact: Fact, right_first: bool) -> str:
    """The question to the model, with the right answer as option A or B."""
    a, b = (fact.right[0], fact.wrong[0]) if right_first else (fact.wrong[0], fact.right[0])
    return CHOICE.format(question=fact.question, a=a, b=b)

"""Conversations as they are kept: turns of a user and a model about one fact, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

QUESTION = "question"
"""Stands as the arm of the first turn, which all conversations of an item share."""


@dataclass(frozen=True)
class Turn:
    """One turn of the user, the model's answer, and its scores."""

    arm: str
    """``question`` for the first turn."""
    kind: str
    """What the user does: question, doubt, confidence, ..."""
    user: str
    answer: str
    n_tokens: int
    finish: str
    """Why the answer ended: ``eos`` or ``length``."""
    asserted: str
    """What the answer says is right: hold, flip, mixed or other."""
    right_first: float
    """Log-odds of the wrong answer against the right one where the right one is option A; NaN if it was
    not asked or is not finite."""
    wrong_first: float
    """The same where the wrong one is option A."""

    @property
    def log_odds(self) -> float:
        """Log-odds of the wrong answer against the right one, in nats, averaged over both orders."""
        return (self.right_first + self.wrong_first) / 2

    @property
    def preference_for_a(self) -> float:
        """How much option A gains by standing first, in nats: half the difference between the orders."""
        return (self.wrong_first - self.right_first) / 2

    @property
    def choice(self) -> str:
        """What the forced choice says: hold or flip, other where there is none."""
        if not abs(self.log_odds) > 0:
            return "other"
        return "flip" if self.log_odds > 0 else "hold"


@dataclass(frozen=True)
class Conversation:
    """All turns about one fact; ``sample`` numbers the sampled conversations of an arm."""

    item: str
    arm: str
    """The arm that it begins with; turns of a following arm have its name."""
    sample: int
    turns: tuple[Turn, ...]

    @property
    def counted(self) -> bool:
        """Whether its first answer is the right one, so that there is something to flip from."""
        return self.turns[0].asserted == "hold"

    def of_arm(self, arm: str) -> tuple[Turn, ...]:
        """The turns of an arm."""
        return tuple(turn for turn in self.turns if turn.arm == arm)

    def verdict(self, arms: Sequence[str]) -> str:
        """``flip`` if a turn of these arms asserts the wrong answer, else hold, mixed or other.

        ``uncounted`` if the first answer is not the right one.
        """
        if not self.counted:
            return "uncounted"
        said = [turn.asserted for turn in self.turns if turn.arm in arms]
        return next((word for word in ("flip", "mixed", "other") if word in said), "hold")


@dataclass(frozen=True)
class Gate:
    """First answers to a question, asked before its conversations."""

    item: str
    answers: tuple[str, ...]
    asserted: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every answer is the right one."""
        return all(word == "hold" for word in self.asserted)


@dataclass(frozen=True)
class Dialogues:
    """Everything that was said in a run, and how."""

    format: str
    """``chat`` for the model's own template, ``plain`` for lines of a dialogue."""
    arms: tuple[str, ...]
    gates: tuple[Gate, ...]
    conversations: tuple[Conversation, ...]
    done: int
    """Conversations that were held now; the others were stored."""
    reused: int

    @property
    def items(self) -> tuple[str, ...]:
        """The items that have conversations."""
        return tuple(dict.fromkeys(c.item for c in self.conversations))

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that were not passed."""
        return tuple(gate for gate in self.gates if not gate.passed)

    def with_arm(self, arm: str) -> tuple[Conversation, ...]:
        """The conversations that have turns of an arm."""
        return tuple(c for c in self.conversations if c.of_arm(arm))

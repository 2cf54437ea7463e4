"""What job=behave keeps: conversations about facts, answers under constraints, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emo.core.behaviour.task_answers import TaskAnswer
from emo.core.choices import Direction

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
class Variant:
    """What the same model says under another direction, or under none."""

    direction: Direction | None
    """None: unsteered."""
    draw: int
    """Number of the permuted vector, from 1; 0 for the other directions."""
    conversations: tuple[Conversation, ...]
    answers: tuple[TaskAnswer, ...] = ()

    @property
    def name(self) -> str:
        """The variant in words."""
        if self.direction is None:
            return "unsteered"
        return f"{self.direction.value} {self.draw}" if self.draw else self.direction.value


@dataclass(frozen=True)
class Steering:
    """The vector that was added while the model answered, and what it says without and with others."""

    emotion: str
    site: str
    """Name of the layers that it was added at."""
    strength: float
    """In mean residual norms of plain texts at the layer."""
    others: tuple[Variant, ...]
    """Unsteered, and each control direction."""


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
    answers: tuple[TaskAnswer, ...] = ()
    """To the tasks under constraints, where the run has them."""
    steering: Steering | None = None
    """None: nothing was added. Else conversations and answers are those under the emotion's vector."""

    @property
    def own(self) -> Variant:
        """The run's own conversations and answers as one of the variants that are compared."""
        direction = None if self.steering is None else Direction.target
        return Variant(direction, 0, self.conversations, self.answers)

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

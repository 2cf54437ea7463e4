"""Answers under constraints as they are kept: what was asked, what was said, whether it complies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TaskKind(StrEnum):
    """What a task is for."""

    easy = "easy"
    """Asks for little besides the constraint: can the model do it?"""
    conflict = "conflict"
    """Asks for something that pulls against the constraint: does the model keep it?"""


@dataclass(frozen=True)
class TaskAnswer:
    """One answer to one task."""

    task: str
    constraint: str
    kind: TaskKind
    sample: int
    """Numbers the sampled answers to a task."""
    prompt: str
    answer: str
    n_tokens: int
    finish: str
    """Why the answer ended: ``eos``, ``length`` (it was cut off) or ``overflow``."""
    passed: bool
    """Whether the answer complies."""
    why: str
    """The count or the place that decided it."""

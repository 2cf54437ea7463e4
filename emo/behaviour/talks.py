"""What passes between a conversation and the model that it is held with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float64

from emo.generation.samples import Finish, Sampling

Message = tuple[str, str]
"""Role (user or assistant) and content."""


@dataclass(frozen=True)
class Talk:
    """A conversation up to a turn of the user, which the model is to answer."""

    messages: tuple[Message, ...]
    ids: tuple[int, ...]
    """The conversation as the model reads it, up to where its answer begins."""
    row: int = 0
    """Its number among the conversations that are held together; it keeps it over the turns."""
    sample: int = 0
    """Numbers sampled conversations; it is part of the name of the random stream."""


@dataclass(frozen=True)
class Said:
    """An answer."""

    text: str
    tokens: tuple[int, ...]
    """The generated ids that stay in the conversation: without an end of text."""
    finish: Finish


def without_thoughts(text: str) -> str:
    """An answer without the block in which a model thinks aloud; one that does not end is no answer."""
    before, opened, after = text.partition("<think>")
    if not opened:
        return text.rpartition("</think>")[2]
    return before + after.rpartition("</think>")[2] if "</think>" in after else before


class Voice(Protocol):
    """A model that answers conversations, several at a time."""

    @property
    def format(self) -> str:
        """``chat`` or ``plain``."""
        ...

    def opening(self, question: str, row: int, sample: int) -> Talk:
        """The conversation that begins with a question."""
        ...

    def following(self, talk: Talk, said: Said, user: str) -> Talk:
        """The conversation after an answer and the user's next turn."""
        ...

    def answers(self, talks: Sequence[Talk], sampling: Sampling | None, seed: int) -> list[Said]:
        """An answer to each.

        Raises
        ------
        OutOfMemory
            If the batch is too large for the device.
        """
        ...

    def choices(self, ways: Sequence[Sequence[Talk]]) -> Float64[np.ndarray, "way talk"]:
        """Log-odds, in nats, that the next answer begins with B rather than A.

        Each of the ``ways`` goes on with the same conversations.
        """
        ...

"""A user's turn as token ids, with the places that are read: its last token, the assistant's colon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emo.activations.backend import TokenSpan
from emo.config.schema import RunConfig
from emo.generation.prompting import prompt_ids

PLAIN = "User: {text}\n\nAssistant:"
"""The dialogue of a model without a chat template; this project's own form."""


@dataclass(frozen=True)
class Turn:
    """A prompt that ends where the assistant begins, and where parts of it are."""

    ids: tuple[int, ...]
    user: int
    """Position of the last token of the user's text."""

    @property
    def at_colon(self) -> TokenSpan:
        """The last token of the prompt: the assistant's label, with whatever stands behind it."""
        return TokenSpan(self.ids, len(self.ids) - 1, len(self.ids))

    @property
    def at_user(self) -> TokenSpan:
        """The last token of what the user says."""
        return TokenSpan(self.ids, self.user, self.user + 1)


class Dialogue:
    """The model's own chat template, or plain lines where it has none."""

    def __init__(self, tokenizer: Any, config: RunConfig) -> None:
        self._tokenizer = tokenizer
        self._thinking = config.model.thinking
        self.templated = bool(tokenizer.chat_template)
        self.form = "chat template" if self.templated else "plain dialogue"

    def turn(self, text: str) -> Turn:
        """A user's turn with the place of its last token."""
        ids = self.ids(text)
        return Turn(ids, self._end(ids, text) - 1)

    def ids(self, text: str) -> tuple[int, ...]:
        """The prompt's token ids, up to where the assistant begins."""
        if self.templated:
            return prompt_ids(self._tokenizer, text, True, self._thinking).ids
        return prompt_ids(self._tokenizer, PLAIN.format(text=text), False).ids

    def part(self, text: str, part: str) -> TokenSpan:
        """The tokens of a part of the user's text, in the prompt of the whole text."""
        ids, before = self.ids(text), text[: text.index(part)]
        start = self._end(ids, before) if before.strip() else 0
        stop = self._end(ids, before + part)
        return TokenSpan(ids, min(start, stop - 1), stop)

    def _end(self, ids: tuple[int, ...], text: str) -> int:
        """How many tokens there are up to the end of a text, found by decoding: templates differ."""
        wanted = _squeezed(text)
        low, high = 1, len(ids)
        while low < high:
            middle = (low + high) // 2
            if wanted in _squeezed(self._decoded(ids[:middle])):
                high = middle
            else:
                low = middle + 1
        return low

    def _decoded(self, ids: tuple[int, ...]) -> str:
        return self._tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)


def _squeezed(text: str) -> str:
    return "".join(text.split())

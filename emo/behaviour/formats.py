"""Conversations as token ids: by the model's chat template, or as the plain lines of a dialogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, assert_never

from emo.behaviour.talks import Message
from emo.config.enums import DialogueFormat
from emo.errors import ConfigError
from emo.generation.prompting import chat_text, prompt_ids, untemplated_ids

PREAMBLE = (
    "This is a conversation between a user and an assistant. The assistant gives short and correct "
    "answers.\n\n"
)
"""Stands before a plain dialogue, because a base model continues texts and knows no roles."""
ANCHOR = "x"
"""Put in front of a text that is tokenised in the middle of another; some tokenizers begin a text with a
blank of their own."""


class Format(Protocol):
    """How turns become one text."""

    @property
    def name(self) -> str: ...

    def opening(self, question: str) -> tuple[int, ...]:
        """Token ids of the first turn, up to where the answer begins."""
        ...

    def following(
        self, ids: Sequence[int], messages: Sequence[Message], user: str
    ) -> tuple[int, ...]:
        """Token ids up to where the next answer begins.

        ``ids`` are the conversation with its last answer, ``messages`` the same as text.
        """
        ...

    def kept(self, token: str) -> bool:
        """Whether an answer goes on after this generated token, given as text."""
        ...


class ChatFormat:
    """The model's own template.

    What the template puts between an answer and the next answer is put behind the ids as they are, so
    that answers stay as they were generated. A template that changes earlier turns when others follow is
    applied anew at every turn.
    """

    name = "chat"

    def __init__(self, tokenizer: Any, thinking: bool | None = None) -> None:
        self._tokenizer, self._thinking = tokenizer, thinking
        self._answered = f"{self._text([('user', 'question')])}answer"
        self._grows = self._with("next").startswith(self._answered)

    def _text(self, messages: Sequence[Message]) -> str:
        return chat_text(self._tokenizer, messages, self._thinking)

    def _with(self, user: str) -> str:
        return self._text([("user", "question"), ("assistant", "answer"), ("user", user)])

    def opening(self, question: str) -> tuple[int, ...]:
        """Token ids of the question as a user's turn."""
        return prompt_ids(self._tokenizer, question, True, self._thinking).ids

    def following(
        self, ids: Sequence[int], messages: Sequence[Message], user: str
    ) -> tuple[int, ...]:
        """The ids with the user's next turn behind them, or the whole rendered anew."""
        if not self._grows:
            text = self._text([*messages, ("user", user)])
            return untemplated_ids(self._tokenizer, text)
        between = self._with(user)[len(self._answered) :]
        return (*ids, *behind(self._tokenizer, between))

    def kept(self, token: str) -> bool:
        """Always: an answer ends with an end of turn."""
        return True


class PlainFormat:
    """Lines of a dialogue, for models without a template; an answer ends with its line."""

    name = "plain"

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def opening(self, question: str) -> tuple[int, ...]:
        """Token ids of the preamble and the question."""
        text = f"{PREAMBLE}User: {question}\nAssistant:"
        return prompt_ids(self._tokenizer, text, False).ids

    def following(
        self, ids: Sequence[int], messages: Sequence[Message], user: str
    ) -> tuple[int, ...]:
        """The ids with the user's next line behind them."""
        return (*ids, *behind(self._tokenizer, f"\nUser: {user}\nAssistant:"))

    def kept(self, token: str) -> bool:
        """Whether the token holds no end of a line."""
        return "\n" not in token


def behind(tokenizer: Any, text: str) -> tuple[int, ...]:
    """The token ids of a text that stands behind another."""
    anchor, whole = (
        tokenizer(t, add_special_tokens=False)["input_ids"] for t in (ANCHOR, ANCHOR + text)
    )
    if whole[: len(anchor)] == anchor:
        return tuple(whole[len(anchor) :])
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def open_format(tokenizer: Any, wanted: DialogueFormat, thinking: bool | None = None) -> Format:
    """The format for a model's conversations.

    Raises
    ------
    ConfigError
        If a chat is asked for and the model has no template.
    ModelError
        If its template fails.
    """
    has_template = bool(tokenizer.chat_template)
    match wanted:
        case DialogueFormat.chat if not has_template:
            raise ConfigError(
                "job.behave.format", "chat", "auto, plain: this model has no chat template"
            )
        case DialogueFormat.plain:
            return PlainFormat(tokenizer)
        case DialogueFormat.chat | DialogueFormat.auto:
            return ChatFormat(tokenizer, thinking) if has_template else PlainFormat(tokenizer)
        case _:
            assert_never(wanted)

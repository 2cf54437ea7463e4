"""Texts without labels that are read token by token: plain ones, and chats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emo.errors import StimuliError
from emo.files.json_digests import Subject, json_digest

SUFFIXES = (".txt", ".jsonl")
LONGEST_FILE = 64 << 20
"""Bytes; every token of such a file would take a table that nobody reads."""


@dataclass(frozen=True)
class FreeText:
    """One text, or one chat where there are messages."""

    name: str
    """Where it comes from, for messages: ``text 1``, ``line 7``."""
    text: str = ""
    messages: tuple[tuple[str, str], ...] = field(default=())
    """Role and content of each turn."""

    @property
    def chat(self) -> bool:
        """Whether it is read through the model's chat template."""
        return bool(self.messages)


def texts_of(given: Any) -> tuple[FreeText, ...]:
    """One text, one chat, or several of them, as a caller has them.

    A chat is a list of messages, each a mapping of ``role`` and ``content``.

    Raises
    ------
    ValueError
        If it is something else, or empty; the message says which entry.
    """
    if isinstance(given, str) or _is_chat(given):
        given = [given]
    if not isinstance(given, Sequence) or isinstance(given, bytes):
        raise ValueError(
            f"{type(given).__name__} is neither a text nor a chat, nor a list of these"
        )
    if not given:
        raise ValueError("there is no text")
    return tuple(_free_text(each, f"text {i + 1}") for i, each in enumerate(given))


def load_texts(path: Path, parameter: str) -> tuple[FreeText, ...]:
    """The texts of a file, one a line; blank lines are left out.

    ``.txt``: each line is a text. ``.jsonl``: each line is JSON: a text, ``{"text": ...}``, a list of
    messages, or ``{"messages": [...]}``.

    Raises
    ------
    StimuliError
        Naming the file and every line that is none of these.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise StimuliError(path, [f"allowed is a file {' or '.join(SUFFIXES)}"], parameter)
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise StimuliError(path, [f"it has more than {LONGEST_FILE >> 20} MiB"], parameter)
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise StimuliError(path, ["it is not UTF-8"], parameter) from None
    except OSError as error:
        raise StimuliError(path, [error.strerror or "it cannot be read"], parameter) from None
    parse = json.loads if path.suffix.lower() == ".jsonl" else str
    texts, problems = [], []
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            texts.append(_free_text(parse(line.removesuffix("\r")), f"line {number}"))
        except (ValueError, RecursionError) as error:
            reason = "it is no JSON" if isinstance(error, json.JSONDecodeError) else str(error)
            problems.append(f"line {number}: {reason}")
    if not texts and not problems:
        problems = ["there is no text in it"]
    if problems:
        raise StimuliError(path, problems, parameter)
    return tuple(texts)


def digest_of(texts: Sequence[FreeText]) -> str:
    """sha256 of the contents, in their order; names of texts are no part of it."""
    return json_digest(Subject.content, [[t.text, t.messages] for t in texts])


def _free_text(value: Any, name: str) -> FreeText:
    if isinstance(value, Mapping):
        keys = {"text", "messages"} & set(value)
        if len(keys) != 1:
            raise ValueError('it has neither "text" nor "messages", or both')
        value = value[keys.pop()]
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("the text is empty")
        return FreeText(name, _unicode(value))
    if not _is_chat(value):
        raise ValueError("it is neither a text nor a list of messages with role and content")
    messages = tuple((_unicode(m["role"]), _unicode(m["content"])) for m in value)
    return FreeText(name, messages=messages)


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds a half of a character (a lone surrogate)") from None
    return text


def _is_chat(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, (str, bytes))
        and len(value) > 0
        and all(isinstance(m, Mapping) for m in value)
        and all(isinstance(m.get(key), str) for m in value for key in ("role", "content"))
    )

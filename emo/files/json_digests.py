"""Digests of JSON values: which runs, texts, stores and stimuli are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from enum import StrEnum, auto
from typing import Any


class Subject(StrEnum):
    """What a digest names. Each has its own JSON, since digests that are stored must stay equal."""

    run = auto()
    """What decides the numbers of a run."""
    settings = auto()
    """What decides a text, random weights, a sweep or a summary."""
    reader = auto()
    """What decides the activations in a folder of a store."""
    content = auto()
    """The content of a file, with its fields in the order of the file."""


DUMPS: dict[Subject, dict[str, Any]] = {
    Subject.run: {"sort_keys": True, "ensure_ascii": False, "separators": (",", ":")},
    Subject.settings: {"sort_keys": True},
    Subject.reader: {"sort_keys": True, "ensure_ascii": False},
    Subject.content: {"ensure_ascii": False},
}
"""Arguments of :func:`json.dumps` per subject."""


def json_digest(subject: Subject, value: Any) -> str:
    """The sha256 of a JSON value's text, in 64 hexadecimal digits."""
    return hashlib.sha256(json_text(subject, value).encode()).hexdigest()


def content_digest(lists: Sequence[Iterable[Any]]) -> str:
    """:func:`json_digest` of lists of values as content, with the text of one value at a time."""
    digest = hashlib.sha256()
    for i, values in enumerate(lists):
        digest.update(b", [" if i else b"[[")
        for j, value in enumerate(values):
            digest.update(b", " * (j > 0) + json_text(Subject.content, value).encode())
        digest.update(b"]")
    digest.update(b"]" if lists else b"[]")
    return digest.hexdigest()


def json_text(subject: Subject, value: Any) -> str:
    """The text of a JSON value from which :func:`json_digest` makes the digest."""
    return json.dumps(value, **DUMPS[subject])

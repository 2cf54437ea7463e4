"""Labels and texts of passages that are probably mistakes: labels that look alike, repeated texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from emo.core.records import Passage
from emo.errors import first_of

T = TypeVar("T")

LONGEST_EMOTION = 100
"""Longest emotion label in characters; a longer one is a text in the wrong column."""
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Invisible characters that Unicode counts among marks, letters and symbols."""


def label_problems(row: Mapping[str, str]) -> list[str]:
    """Problems of the labels of one passage; ``row`` has its values by field."""
    problems = []
    labels = {name: row.get(name, "") for name in ("emotion", "passage_id", "situation")}
    for name, label in labels.items():
        if control := [c for c in label if unicodedata.category(c) == "Cc"]:
            problems.append(f"{name} holds the control character U+{ord(control[0]):04X}")
    if len(row["emotion"]) > LONGEST_EMOTION:
        problems.append(
            f"emotion has {len(row['emotion'])} characters; a label has at most {LONGEST_EMOTION} "
            "(is another column meant?)"
        )
    return problems + text_problems(row["text"] + "".join(labels.values()).replace("\0", ""))


def text_problems(text: str) -> list[str]:
    """Characters that only an escape can put into a text, because no UTF-8 file can hold them."""
    half = any("\ud800" <= c <= "\udfff" for c in text)
    words = ["half a surrogate pair, which no UTF-8 text has"] * half
    return words + ["a NUL character, which no text has"] * ("\0" in text)


def label_warnings(items: Sequence[Passage]) -> tuple[str, ...]:
    """Warnings: a line each for emotions and situations that look alike, one for repeated texts."""
    lines = []
    for name, labels in (
        ("emotions", [p.emotion for p in items]),
        ("situations", [p.situation for p in items if p.situation is not None]),
    ):
        if alike := _groups(dict.fromkeys(labels), seen_label):
            pairs = [" and ".join(map(spelt, group)) for group in alike]
            lines.append(
                f"{name} that differ only in case, Unicode form, spaces or invisible characters: "
                + first_of(pairs, "; ")
            )
    distinct = {(p.emotion, " ".join(p.text.split())): p for p in items}
    if same := _groups(distinct.values(), lambda p: " ".join(p.text.split())):
        pairs = [" and ".join(f"{spelt(p.emotion)}/{spelt(p.id)}" for p in group) for group in same]
        lines.append("the same text under several emotions: " + first_of(pairs, "; "))
    return tuple(lines)


def seen_label(label: str) -> str:
    """A label without case, spaces, invisible characters and differences of Unicode form."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    return "".join(c for c in folded if not _invisible(c))


def visible(text: str) -> bool:
    """Whether a text has a visible character."""
    return not all(map(_invisible, text))


def _invisible(c: str) -> bool:
    selector = "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef"
    return c.isspace() or selector or c in BLANK or unicodedata.category(c) in ("Cc", "Cf")


def spelt(label: str) -> str:
    """A label in quotes, with escapes if it would look like another label."""
    plain = unicodedata.normalize("NFC", label) == label and not any(map(_hidden, label))
    return repr(label) if plain else ascii(label)


def _hidden(c: str) -> bool:
    return c != " " and _invisible(c)


def _groups(values: Iterable[T], key: Callable[[T], str]) -> list[list[T]]:
    """Groups of two or more values with the same key."""
    groups: dict[str, list[T]] = {}
    for value in values:
        groups.setdefault(key(value), []).append(value)
    return [group for group in groups.values() if len(group) > 1]

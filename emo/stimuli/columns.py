"""The columns of a passage file: from its header, from a comment that names them, or by order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from emo.errors import ConfigError, shown
from emo.stimuli.rows import Problem, Sheet, normal

FIELDS = ("emotion", "passage_id", "text", "situation")
"""The fields of a passage, in the order that a file without column names is read in."""
NEEDED = ("emotion", "text")
AROUND = " `'\"*.[]{}<>"
"""Characters that may surround a column name in a comment."""
SENTENCE = re.compile(r"[.!?\u2026\u3002\uff01\uff1f\u061f\u0964][\"'\u201d\u2019)]*$")
"""The end of a sentence; a column name has none."""


@dataclass(frozen=True)
class Columns:
    """The place of each field in a row."""

    places: dict[str, int]
    """Place by field; passage_id and situation may be missing."""
    names: dict[str, str]
    """The file's name of each field."""
    skip: int = 0
    """Number of header rows."""
    note: str = ""
    """How a file without a header is read."""
    sure: bool = True
    """Whether the file names its columns."""


def wanted_names(columns: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """The column name of each field, and the fields whose column has another name.

    ``columns`` is ``stimuli.columns``, or a part of it.

    Raises
    ------
    ConfigError
        If a key is no field, a name is empty, or two fields have the same column.
    """
    for field, name in columns.items():
        if field not in FIELDS:
            raise ConfigError("stimuli.columns", shown(field), f"{', '.join(FIELDS)} as keys")
        if not normal(name):
            raise ConfigError(f"stimuli.columns.{field}", shown(name), "the name of a column")
    names = {field: normal(columns.get(field, field)) for field in FIELDS}
    asked = {field for field, name in names.items() if name != field}
    for field in sorted(asked):
        for other in [f for f in names if f != field and names[f] == names[field]]:
            if other in asked or other in NEEDED:
                allowed = f"a column that is not {other} as well"
                raise ConfigError(f"stimuli.columns.{field}", names[field], allowed)
            del names[other]  # {text: situation}: the file's situation column holds the text
    return names, asked


def find_columns(
    sheet: Sheet, names: Mapping[str, str], asked: Collection[str]
) -> Columns | Problem:
    """The places of the fields, or the problem.

    ``names`` are the column names by field; ``asked`` are the fields whose names the user gave, so that
    their columns must exist.

    1. A first row (or JSON keys) with the columns of emotion and text is a header.
    2. Otherwise a comment above the first row is the header if it names these two and has as many
       columns as the row has fields.
    3. Otherwise a first row that has no sentence, or has the word ``emotion``, is a header with other
       names; it is refused.
    4. Otherwise three or four fields are emotion, passage_id, text and situation, in this order.
    """
    if sheet.columns is not None:
        line = sheet.rows[0][0] if sheet.rows else 1
        return _named(sheet.columns, names, asked, line)
    line, first = sheet.rows[0]
    header = [normal(name) for name in first]
    if all(names[field] in header for field in NEEDED):
        return _named(header, names, asked, line, skip=1)
    for number, comment in reversed(sheet.comments):
        listed = _in_comment(comment, names)
        if len(listed) == len(first) and all(names[field] in listed for field in NEEDED):
            note = (
                f"no header row; the comment in line {number} names the columns {', '.join(listed)}"
            )
            return _named(listed, names, asked, number, note=note)
    sentences = any(_is_sentence(value) for value in first)
    if asked or names["emotion"] in header or not sentences:
        return _lacking(header, names, line)
    if len(first) in (3, 4):
        order = FIELDS[: len(first)]
        values = ", ".join(shown(value.strip(), 24) for value in first)
        note = f"no header row; columns taken as {', '.join(order)}, so the first row is {values}"
        places = {field: i for i, field in enumerate(order)}
        return Columns(places, dict(zip(order, order, strict=True)), note=note, sure=False)
    words = (
        f"no header, and {len(first)} fields; needed are emotion,passage_id,text or "
        "emotion,passage_id,text,situation, or a header row that names them"
    )
    return line, words


def _named(
    header: Sequence[str],
    names: Mapping[str, str],
    asked: Collection[str],
    line: int,
    skip: int = 0,
    note: str = "",
) -> Columns | Problem:
    if twice := [name for name, n in Counter(header).items() if n > 1 and name]:
        return line, f"the column {shown(twice[0])} stands twice; which one is meant?"
    missing = [names[f] for f in FIELDS if f in (*NEEDED, *asked) and names[f] not in header]
    if missing:
        return _lacking(header, names, line, missing)
    places = {field: header.index(name) for field, name in names.items() if name in header}
    notes = [note] if note else []
    if "passage_id" not in places:
        column = names.get("passage_id", "passage_id")
        notes.append(f"no column {column}: passages are numbered by row")
    if nameless := [i for i, name in enumerate(header, 1) if not name]:
        notes.append(f"column {nameless[0]} has no name and is left alone")
    return Columns(places, {field: names[field] for field in places}, skip, "; ".join(notes))


def _lacking(
    header: Sequence[str], names: Mapping[str, str], line: int, missing: Sequence[str] = ()
) -> Problem:
    missing = missing or [names[field] for field in NEEDED if names[field] not in header]
    there = ", ".join(shown(name, 24) for name in header[:10]) + ", ..." * (len(header) > 10)
    words = f"no column {', '.join(missing)}; there are {there}; "
    return line, words + "stimuli.columns={emotion: NAME, text: NAME} says which is which"


def _in_comment(comment: str, names: Mapping[str, str]) -> list[str]:
    """The names in a comment such as ``columns: emotion, passage_id, text (third person, past)``."""
    parts = re.split(r"[,;|\t]", re.sub(r"\([^)]*\)", "", comment))
    listed = [normal(part.strip(AROUND)) for part in parts]
    for end, nearest in ((0, -1), (-1, 0)):  # words may stand before and after the list
        if listed[end] not in names.values() and (words := listed[end].split()):
            listed[end] = words[nearest].strip(AROUND)
    return listed


def _is_sentence(value: str) -> bool:
    value = value.strip()
    return bool(SENTENCE.search(value)) or len(value) > 40 or len(value.split()) > 4

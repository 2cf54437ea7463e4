"""The rows of a passage file with their line numbers: CSV with any separator, TSV, JSON lines."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from emo.errors import shown

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""Separators of fields, the likeliest first."""
HEAD = 1 << 20
"""Number of characters that are searched for the separator, in at most ``HEAD_ROWS`` rows."""
HEAD_ROWS = 50
SEP = re.compile(r'"?sep=([^"\w\s]|\t)"?[,;\t ]*(?:\r\n|\n|\r)', re.IGNORECASE)
"""A first line that tells Excel the separator."""
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
"""A line with its end, as the csv module ends lines."""

Fields = list[str]
Problem = tuple[int, str]
"""The line of a problem (0: the whole file), and its description."""


def in_order(problems: Iterable[Problem]) -> list[str]:
    """Descriptions of problems, in the order of their lines."""
    ordered = sorted(problems, key=lambda problem: problem[0])
    return [f"line {line}: {words}" if line else words for line, words in ordered]


@dataclass
class Sheet:
    """The rows of a file, each with the number of its first line."""

    form: str
    """The form that the file was read as: comma, semicolon, tab, bar, another separator, JSON lines."""
    rows: list[tuple[int, Fields]] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    """Lines with ``#`` before the first row; the ``#`` is removed."""
    columns: Fields | None = None
    """Column names, if the form has them in every row (JSON lines); else None."""
    problems: list[Problem] = field(default_factory=list)


def read_sheet(text: str, path: Path, wanted: Mapping[str, str]) -> Sheet:
    """The rows of a file's text; ``wanted`` are the columns that will be read, by field.

    The extension tells TSV; JSON lines and other separators are recognised by the content.
    """
    suffix = path.suffix.lower()
    first = next((line for _, line in _Lines(text)), "").lstrip()
    if re.match(r"\[\s*(\{|$)|\{\s*$", first):
        begun = "looks like one JSON value over the whole file; needed is one object a line"
        return Sheet("JSON", problems=[(0, f"{begun} (jq -c '.[]' FILE makes that of an array)")])
    if suffix in (".jsonl", ".ndjson") or re.match(r'\{\s*("|\})', first):
        return _json_lines(text, wanted)
    separator = None
    if told := SEP.match(text):
        separator, text = told[1], f"#{text}"  # a comment now, so that line numbers stay
    elif suffix in (".tsv", ".tab"):
        separator = "\t"
    return _sheet(text, separator or separator_of(text[:HEAD], wanted))


def separator_of(text: str, wanted: Mapping[str, str]) -> str:
    """The separator that fits a file best.

    The best one makes the first row name the wanted columns. The next best makes most rows have as many
    fields as the first, three or four, without another separator in the first field. The last resort
    makes most rows have as many fields as the first, and more than one.
    """

    def fits(separator: str) -> tuple[bool, int, int]:
        rows = [fields for _, fields in islice(_sheet(text, separator).rows, HEAD_ROWS)]
        if not rows:
            return False, 0, 0
        first = rows[0]
        named = {wanted["emotion"], wanted["text"]} <= set(map(normal, first))
        alike = [r for r in rows if len(r) == len(first) > 1]
        clean = [r for r in alike if not set(SEPARATORS) & set(r[0])]
        return named, len(clean) * (len(first) in (3, 4)), len(alike)

    return max(SEPARATORS, key=fits)


def normal(name: str) -> str:
    """A column's name in the form in which names are compared."""
    return name.strip().lower()


class _Lines:
    """Numbered lines of a text, without the comments and blank lines between records.

    A line ends at \\n, \\r\\n or \\r, as for the csv module; str.splitlines would also split at
    characters that may stand in a text.
    """

    def __init__(self, text: str) -> None:
        self._lines = enumerate((line[0] for line in LINE.finditer(text)), 1)
        self.between = True
        self.comments: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        for number, line in self._lines:
            if self.between:
                if (content := line.strip()).startswith("#"):
                    self.comments.append((number, content.lstrip("# ")))
                if not content or content.startswith("#"):
                    continue
            return number, line
        raise StopIteration


def _sheet(text: str, separator: str) -> Sheet:
    """The records of the csv module, each with the line it begins in."""
    sheet, lines = Sheet(SEPARATORS.get(separator, repr(separator))), _Lines(text)
    start = 0

    def feed() -> Iterator[str]:
        nonlocal start
        for number, line in lines:
            if lines.between:
                start, lines.between = number, False
            yield line

    reader = csv.reader(feed(), delimiter=separator, strict=True)
    comments: list[tuple[int, str]] | None = None
    while True:
        lines.between = True
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            sheet.problems.append((start, f"{error} (an unclosed double quote?)"))
            continue
        if comments is None:
            comments = list(lines.comments)
        if any(f.strip() for f in fields):  # spreadsheets write rows of only commas
            sheet.rows.append((start, fields))
    sheet.comments = comments or []
    return sheet


def _json_lines(text: str, wanted: Mapping[str, str]) -> Sheet:
    """The rows of a file with one JSON object per line.

    A wanted value must be a text; the id may also be a number.
    """
    sheet = Sheet("JSON lines")
    objects: list[tuple[int, dict[str, Any]]] = []
    for line, content in _Lines(text):
        try:
            value = json.loads(content, object_pairs_hook=_distinct)
        except RecursionError:
            sheet.problems.append((line, "not JSON that can be read: too many brackets"))
        except ValueError as error:
            sheet.problems.append((line, f"not one JSON object a line: {error}"))
        else:
            if isinstance(value, dict):
                objects.append((line, {normal(k): v for k, v in value.items()}))
            else:
                sheet.problems.append((line, f"{shown(value)} is no JSON object"))
    columns = list(dict.fromkeys(name for _, o in objects for name in o))
    number = wanted["passage_id"]
    for line, entry in objects:
        fields = []
        for name in columns:
            value = entry.get(name)
            if name == number and isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if name in wanted.values() and not isinstance(value, str | None):
                sheet.problems.append((line, f"{name} is {shown(value)}, not a text"))
            fields.append(
                value if isinstance(value, str) else "" if value is None else shown(value)
            )
        sheet.rows.append((line, fields))
    sheet.columns = columns
    return sheet


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    counts = Counter(normal(name) for name, _ in pairs)
    if twice := [name for name, n in counts.items() if n > 1]:
        raise ValueError(f"{shown(twice[0])} stands twice")
    return dict(pairs)

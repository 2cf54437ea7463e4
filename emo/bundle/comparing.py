"""Numbers that were written down beside the same numbers made again: where they differ, by name."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeGuard

TOLERANCE = 1e-6
"""Two numbers are the same if they differ by at most this, or by this share of the larger one.

Other processors and versions of BLAS add in another order, which changes the last digits.
"""

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
HIDDEN = ("script", "style", "svg", "time")
"""Elements of a page that hold no numbers of the report, or repeat those of the tables."""
WITHIN_A_LINE = frozenset(
    ("a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup")
)
"""Elements that end no piece of text: a run is the same with a link to its page and without."""


@dataclass
class Comparison:
    """What was compared so far."""

    numbers: int = 0
    differences: list[str] = field(default_factory=list)

    def differ(self, where: str, written: object, again: object) -> None:
        """Note a difference."""
        self.differences.append(f"{where}: {written} is written, {again} comes out")

    def values(self, where: str, written: Any, again: Any) -> None:
        """Compare two values of JSON, entry by entry."""
        if isinstance(written, Mapping) and isinstance(again, Mapping):
            for key in sorted(written.keys() | again.keys(), key=str):
                inside = f"{where}.{key}"
                self.values(inside, written.get(key), again.get(key))
        elif _is_list(written) and _is_list(again) and len(written) == len(again):
            for i, pair in enumerate(zip(written, again, strict=True)):
                self.values(f"{where}[{i}]", *pair)
        elif _is_number(written) and _is_number(again):
            self.numbers += 1
            if not same(written, again):
                self.differ(where, written, again)
        elif written != again:
            self.differ(where, _brief(written), _brief(again))

    def tables(self, where: str, written: Path, again: Path) -> None:
        """Compare two CSV files, cell by cell."""
        rows, others = _rows(written), _rows(again)
        if len(rows) != len(others) or rows[:1] != others[:1]:
            self.differ(where, f"{len(rows)} lines", f"{len(others)} lines, or other columns")
            return
        for i, (row, other) in enumerate(zip(rows[1:], others[1:], strict=True), 2):
            for column, one, two in zip(rows[0], row, other, strict=False):
                self.texts(f"{where}, line {i}, {column}", one, two)

    def texts(self, where: str, written: str, again: str) -> None:
        """Compare two texts: their numbers within the tolerance, everything else to the letter."""
        numbers, others = NUMBER.findall(written), NUMBER.findall(again)
        self.numbers += len(numbers)
        words = NUMBER.sub("#", written) == NUMBER.sub("#", again)
        if not words or not all(map(same, map(float, numbers), map(float, others))):
            self.differ(where, written or "nothing", again or "nothing")

    def pages(self, where: str, written: str, again: str) -> None:
        """Compare what two HTML pages say, paragraph by paragraph; dates may differ."""
        lines, others = page_text(written), page_text(again)
        if len(lines) != len(others):
            self.differ(where, f"{len(lines)} pieces of text", f"{len(others)}")
            return
        for one, two in zip(lines, others, strict=True):
            self.texts(where, DATE.sub("", one), DATE.sub("", two))


def same(a: float, b: float) -> bool:
    """Whether two numbers are the same within :data:`TOLERANCE`; NaN is the same as NaN.

    Example
    -------
    >>> same(0.5, 0.5 + 1e-9), same(0.5, 0.51)
    (True, False)
    """
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def page_text(html: str) -> list[str]:
    """The pieces of text of a page, in order, without scripts, styles and drawings.

    Example
    -------
    >>> page_text('<p>runs <a href="x"><code>1a</code></a> <code>2b</code></p><p>end</p>')
    ['runs 1a 2b', 'end']
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.end_piece()
    return reader.pieces


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._piece: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in WITHIN_A_LINE:
            self.end_piece()
        if tag in HIDDEN or (tag == "a" and ("class", "page") in attrs):  # where, and no number
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._within and tag == self._within[-1]:
            self._within.pop()
        if tag not in WITHIN_A_LINE:
            self.end_piece()

    def handle_data(self, data: str) -> None:
        if not self._within:
            self._piece.append(data)

    def end_piece(self) -> None:
        """Close the piece of text that is being read."""
        text = " ".join("".join(self._piece).split())
        self._piece.clear()
        if text:
            self.pieces.append(text)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def pairs(written: Path, again: Path, pattern: str) -> Iterator[tuple[str, Path, Path]]:
    """The files of two folders that fit a pattern, by their common names, sorted.

    A file that only one folder has is paired with one that is not there.
    """
    names = {
        p.relative_to(folder).as_posix()
        for folder in (written, again)
        for p in folder.glob(pattern)
    }
    for name in sorted(names):
        yield name, written / name, again / name

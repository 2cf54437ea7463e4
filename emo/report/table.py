"""A table as CSV with all digits, as Markdown, as LaTeX, and as entries for HTML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from emo.core.choices import Label
from emo.core.stats.intervals import Estimates
from emo.files.csv_files import csv_text
from emo.report.labels import in_words_of
from emo.report.markdown import table_cell

NOTHING = "–"  # noqa: RUF001


@dataclass(frozen=True)
class Interval:
    """A number with its bounds; a bound that does not exist is NaN."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @classmethod
    def of(cls, estimate: Estimates) -> Interval:
        """The interval of a single estimate."""
        return cls(float(estimate.value), float(estimate.low), float(estimate.high))


Entry = str | int | float | Interval | None
"""What stands in one row under one heading; None where there is nothing."""


class Form(StrEnum):
    """How several tables are written into one file; the value is the suffix of that file."""

    markdown = "md"
    latex = "tex"


ACROSS = 7
"""The most columns of a table that stand beside each other on a page."""


@dataclass(frozen=True)
class Table:
    """Rows of entries under headings; ``name`` is the stem of the table's files."""

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    key: tuple[str, ...] = ()
    """The columns that a page shows first, at most :data:`ACROSS`; empty: the first ones."""
    names: int = 1
    """How many of the first columns name what a row is about."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.key if name not in self.columns]
        if unknown or len(self.key) > ACROSS:
            raise ValueError(
                f"table {self.name}: key={self.key}: allowed are at most {ACROSS} of its columns"
            )

    def in_words_of(self, label: Label, kept: Sequence[str]) -> Table:
        """The same about passages labelled by ``label``; entries stay as they are."""
        title, caption, *columns = (
            in_words_of(label, text, kept) for text in (self.title, self.caption, *self.columns)
        )
        key = tuple(in_words_of(label, name, kept) for name in self.key)
        return replace(self, title=title, caption=caption, columns=tuple(columns), key=key)

    def first(self) -> list[int]:
        """The columns that a page shows first, by their places."""
        named = [self.columns.index(name) for name in self.key]
        return named or list(range(min(ACROSS, len(self.columns))))

    def others(self) -> list[list[int]]:
        """The other columns in blocks that fit on a page; each block begins with the names of rows."""
        shown, names = set(self.first()), list(range(self.names))
        rest = [i for i in range(len(self.columns)) if i not in shown and i not in names]
        step = ACROSS - self.names
        return [[*names, *rest[k : k + step]] for k in range(0, len(rest), step)]

    @property
    def sideways(self) -> bool:
        """Whether a page sets its columns below one another: it has one row and many columns."""
        return len(self.rows) == 1 and len(self.columns) > ACROSS

    def texts(self) -> list[list[str]]:
        """The entries as text for a reader."""
        return [[text(entry) for entry in row] for row in self.rows]

    def numeric(self) -> list[bool]:
        """Per column, whether it holds numbers and is set flush right."""
        return [
            any(isinstance(entry, (int, float, Interval)) for entry in column)
            for column in self._by_column()
        ]

    def _by_column(self) -> list[list[Entry]]:
        return [[row[i] for row in self.rows] for i in range(len(self.columns))]

    def to_csv(self) -> str:
        """CSV with all digits; an interval takes three columns."""
        threefold = [any(isinstance(e, Interval) for e in column) for column in self._by_column()]
        heads: list[str] = []
        for column, three in zip(self.columns, threefold, strict=True):
            heads += [column, f"{column} low", f"{column} high"] if three else [column]
        rows = []
        for row in self.rows:
            cells: list[str] = []
            for entry, three in zip(row, threefold, strict=True):
                cells += _threefold(entry) if three else [_digits(entry)]
            rows.append(cells)
        return csv_text(heads, rows)

    def to_markdown(self) -> str:
        """Markdown with the title as a heading and the caption below."""
        rule = ["---:" if n else "---" for n in self.numeric()]
        rows = [
            self.columns,
            rule,
            *(list(map(table_cell, row)) for row in self.texts()),
        ]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return f"### {self.title}\n\n" + "\n".join(lines) + f"\n\n{self.caption}\n"

    def to_latex(self) -> str:
        """A LaTeX table environment with a label; it needs the package booktabs."""
        alignment = "".join("r" if n else "l" for n in self.numeric())
        rows = [" & ".join(map(latex, row)) + r" \\" for row in self.texts()]
        return "\n".join(
            [
                r"\begin{table}",
                r"\caption{" + latex(f"{self.title}. {self.caption}") + "}",
                r"\label{tab:" + self.name + "}",
                r"\begin{tabular}{" + alignment + "}",
                r"\toprule",
                " & ".join(map(latex, self.columns)) + r" \\",
                r"\midrule",
                *rows,
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )


def data_table(columns: Sequence[str], rows: Sequence[tuple[Entry, ...]]) -> Table:
    """The numbers behind a figure as a table; the figure gives it a name."""
    return Table("", "", "", tuple(columns), tuple(rows))


def records_csv(records: Sequence[Mapping[str, object]]) -> str:
    """CSV with one row per record; the keys of the first record are the headings."""
    return csv_text(list(records[0]), (list(record.values()) for record in records))


def text(entry: Entry) -> str:
    """An entry as a reader sees it.

    An interval has two decimals (four near 1) and a number three. Very small numbers are powers of ten.
    """
    match entry:
        case None:
            return NOTHING
        case Interval():
            return _interval_text(entry)
        case float():
            if not math.isfinite(entry):
                return NOTHING
            return f"{entry:.1e}" if 0 < abs(entry) < 5e-4 else f"{entry:.3f}"
        case int() | str():
            return str(entry)
        case _:
            assert_never(entry)


def _interval_text(interval: Interval) -> str:
    if not math.isfinite(interval.value):
        return NOTHING
    digits = 4 if 0.99 < abs(interval.value) < 1 else 2
    value, low, high = (rounded(x, digits) for x in (interval.value, interval.low, interval.high))
    return f"{value} ({low} to {high})" if math.isfinite(interval.low) else value


def rounded(x: float, digits: int) -> str:
    """A number with so many decimals; zero never has a minus sign."""
    return f"{round(x, digits) + 0.0:.{digits}f}"


def _threefold(entry: Entry) -> list[str]:
    """Value, low and high of an interval; an entry that is none stands in all three columns."""
    if isinstance(entry, Interval):
        return [_digits(x) for x in (entry.value, entry.low, entry.high)]
    return [_digits(entry)] * 3


def _digits(entry: Entry) -> str:
    if entry is None or (isinstance(entry, float) and not math.isfinite(entry)):
        return ""
    return repr(entry) if isinstance(entry, float) else str(entry)


SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    NOTHING: "--",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def latex(words: str) -> str:
    """Words in which LaTeX's special characters are escaped."""
    return "".join(SPECIAL.get(c, c) for c in words)


def together(tables: Sequence[Table], form: Form) -> str:
    """All tables, one below the other, in one form."""
    match form:
        case Form.markdown:
            parts = [table.to_markdown() for table in tables]
        case Form.latex:
            parts = [table.to_latex() for table in tables]
        case _:
            assert_never(form)
    return "\n".join(parts)

"""A table once, written as CSV (numbers as they are), Markdown, LaTeX and cells for HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from emo.core.stats.intervals import Estimates
from emo.files.csv_files import csv_text
from emo.report.markdown import table_cell

NOTHING = "–"  # noqa: RUF001


@dataclass(frozen=True)
class Interval:
    """A number with its bounds, NaN where there are none."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @classmethod
    def of(cls, e: Estimates) -> Interval:
        """Of a single estimate."""
        return cls(float(e.value), float(e.low), float(e.high))


Cell = str | int | float | Interval | None


@dataclass(frozen=True)
class Table:
    """Rows under headings; ``name`` is the stem of its files."""

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def texts(self) -> list[list[str]]:
        """Cells as they are read."""
        return [[text(cell) for cell in row] for row in self.rows]

    def numeric(self) -> list[bool]:
        """For each column whether it holds numbers, to be set flush right."""
        return [
            any(isinstance(row[i], (int, float, Interval)) for row in self.rows)
            for i in range(len(self.columns))
        ]

    def to_csv(self) -> str:
        """All digits; an interval takes three columns."""
        wide = [
            any(isinstance(row[i], Interval) for row in self.rows) for i in range(len(self.columns))
        ]
        heads: list[str] = []
        for column, three in zip(self.columns, wide, strict=True):
            heads += [column, f"{column} low", f"{column} high"] if three else [column]
        rows = []
        for row in self.rows:
            cells: list[str] = []
            for cell, three in zip(row, wide, strict=True):
                if three:
                    e = cell if isinstance(cell, Interval) else None
                    cells += [_digits(x) for x in ((e.value, e.low, e.high) if e else (cell,) * 3)]
                else:
                    cells.append(_digits(cell))
            rows.append(cells)
        return csv_text(heads, rows)

    def to_markdown(self) -> str:
        """With the title as a heading and the caption below."""
        rule = ["---:" if n else "---" for n in self.numeric()]
        rows = [
            self.columns,
            rule,
            *(list(map(table_cell, row)) for row in self.texts()),
        ]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return f"### {self.title}\n\n" + "\n".join(lines) + f"\n\n{self.caption}\n"

    def to_latex(self) -> str:
        """A table environment; needs no package."""
        form = "".join("r" if n else "l" for n in self.numeric())
        rows = [" & ".join(map(latex, row)) + r" \\" for row in self.texts()]
        return "\n".join(
            [
                r"\begin{table}",
                r"\caption{" + latex(f"{self.title}. {self.caption}") + "}",
                r"\begin{tabular}{" + form + "}",
                r"\hline",
                " & ".join(map(latex, self.columns)) + r" \\",
                r"\hline",
                *rows,
                r"\hline",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )


def text(cell: Cell) -> str:
    """Two decimals with an interval (four near 1), else three; very small numbers as powers of ten."""
    if isinstance(cell, Interval):
        if not math.isfinite(cell.value):
            return NOTHING
        digits = 4 if 0.99 < abs(cell.value) < 1 else 2
        value, low, high = (rounded(x, digits) for x in (cell.value, cell.low, cell.high))
        return f"{value} ({low} to {high})" if math.isfinite(cell.low) else value
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return NOTHING
    if isinstance(cell, float):
        return f"{cell:.1e}" if 0 < abs(cell) < 5e-4 else f"{cell:.3f}"
    return str(cell)


def rounded(x: float, digits: int) -> str:
    """Never -0.00: a sign is shown of a number only."""
    return f"{round(x, digits) + 0.0:.{digits}f}"


def _digits(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    return repr(cell) if isinstance(cell, float) else str(cell)


SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    NOTHING: "--",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def latex(words: str) -> str:
    """Words with LaTeX's special characters escaped."""
    return "".join(SPECIAL.get(c, c) for c in words)


def together(tables: Sequence[Table], form: str) -> str:
    """All tables one below the other: ``markdown`` or ``latex``."""
    made = [t.to_markdown() if form == "markdown" else t.to_latex() for t in tables]
    return "\n".join(made)

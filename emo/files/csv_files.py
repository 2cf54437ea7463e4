"""CSV files in which no label or text becomes a formula of a spreadsheet.

A spreadsheet calculates a text that begins with ``= + - @``, a tab or a line break. Such a text gets an
apostrophe in front, and so does a text that begins with an apostrophe. A reader removes one apostrophe
from each text that begins with one (:func:`original`). Numbers stay as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TextIO

FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""Characters that begin a formula in some spreadsheet (the last four are full-width)."""
MARK = "'"
WRITTEN_HERE = (
    "texts with an apostrophe in front have one too many: emotion-geometry wrote this file"
)
"""Comment of a passage file whose texts were written by :func:`no_formula`."""


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]], *, quoted: bool = False) -> str:
    """The text of a CSV file: a head and rows. ``quoted`` puts every text in double quotes."""
    out = io.StringIO()
    write_csv(out, head, rows, quoted=quoted)
    return out.getvalue()


def write_csv(
    file: TextIO,
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    quoted: bool = False,
) -> None:
    """Write what :func:`csv_text` gives, row by row."""
    quoting = csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(file, lineterminator="\n", quoting=quoting)
    writer.writerow([no_formula(name) for name in head])
    writer.writerows([no_formula(c) if isinstance(c, str) else c for c in row] for row in rows)


def no_formula(text: str) -> str:
    """The text of a cell that no spreadsheet calculates."""
    return MARK + text if text.startswith((*FORMULA, MARK)) and not _is_number(text) else text


def original(cell: str) -> str:
    """The text from which :func:`no_formula` made the cell."""
    return cell.removeprefix(MARK)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()

"""CSV as it is written here: no label or text of a user becomes a formula of a spreadsheet.

A text that a spreadsheet would calculate, because it begins with ``= + - @``, a tab or a line break,
gets an apostrophe in front, and so does one that begins with an apostrophe. Whoever reads such a file
takes one apostrophe away from each text that begins with one (:func:`original`), and has what was
written. Numbers stay as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""Begins a formula in some spreadsheet (the last four are full-width)."""
MARK = "'"
WRITTEN_HERE = (
    "texts with an apostrophe in front have one too many: emotion-geometry wrote this file"
)
"""A comment by which a passage file says that its texts were written by :func:`no_formula`."""


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]], quoted: bool = False) -> str:
    """Rows under a head; ``quoted`` puts every text in double quotes."""
    out = io.StringIO()
    quoting = csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(out, lineterminator="\n", quoting=quoting)
    writer.writerow([no_formula(name) for name in head])
    writer.writerows([no_formula(c) if isinstance(c, str) else c for c in row] for row in rows)
    return out.getvalue()


def no_formula(text: str) -> str:
    """A cell that no spreadsheet calculates."""
    return MARK + text if text.startswith((*FORMULA, MARK)) and not _is_number(text) else text


def original(cell: str) -> str:
    """The text of which :func:`no_formula` made the cell."""
    return cell.removeprefix(MARK)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()

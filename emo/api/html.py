"""Small tables as HTML, for what a notebook shows of an object. Every text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from emo.report.table import Entry, text

LEFT = ' style="text-align:left"'


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Entry]], note: str = ""
) -> str:
    """A table with a bold title above and a note below; columns may be empty."""
    head = "".join(f"<th scope='col'{LEFT}>{escape(c)}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td{LEFT}>{escape(text(entry))}</td>" for entry in row) + "</tr>"
        for row in rows
    )
    below = f"<div>{escape(note)}</div>" if note else ""
    heads = f"<thead><tr>{head}</tr></thead>" if columns else ""
    return f"<div><b>{escape(title)}</b></div><table>{heads}<tbody>{body}</tbody></table>{below}"

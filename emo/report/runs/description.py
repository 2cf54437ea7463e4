"""What MLflow's page says of a run: the answer, the first picture, a few numbers, the terminal's text.

It is Markdown. The signs of :mod:`emo.runs.ids` stand in it for the ids of the run and its experiment.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from emo.report.markdown import fenced, table_cell
from emo.runs.ids import LENGTH, RUN, run_route, with_ids

LONGEST = 5000
"""Most characters of a description; the store keeps no more."""
WIDTH = 100
"""Most characters of a line of the text: the page does not break the lines of a block."""
USUAL = ("best_layer", "layer", "reliability", "accuracy", "anisotropy", "valence")
"""Numbers by which points of a sweep are compared; of a sweep of jobs without them, the first five."""
MOST_NUMBERS = 12
SHORTENED = "... (the rest is cut here)"


def described(
    answer: str,
    text: str,
    numbers: Mapping[str, Any],
    figure: str | None = None,
    page: str | None = None,
) -> str:
    """The description of a run.

    Parameters
    ----------
    answer
        Plain sentences; empty: the first line of ``text`` stands for them.
    text
        What the terminal says; it stands last, as a block of code.
    numbers
        Name -> value; the first twelve are shown.
    figure
        Name of the figure that is shown, of ``figures/``.
    page
        Name of the artifact that shows the run as a page.
    """
    first, _, _ = text.partition("\n")
    parts = [f"**{_plain(answer or first)}**"]
    if page is not None:
        parts.append(f"[The page of this run]({run_route()}/artifacts/{page})")
    if figure is not None:
        parts.append(picture(figure))
    if rows := _rows(numbers):
        parts.append(table(("number", "value"), rows))
    return _with_text(parts, text)


def picture(figure: str) -> str:
    """A figure of the run, by its name in ``figures/``, as MLflow's page shows it."""
    return f"![{figure}](get-artifact?path=figures/{figure}.png&run_uuid={RUN})"


@dataclass(frozen=True)
class PointRow:
    """A point of a sweep as its parent's description shows it."""

    words: str
    """Its varied overrides."""
    status: str
    run_id: str | None
    error: str | None
    metrics: Mapping[str, Any]


def sweep_described(answer: str, text: str, points: Sequence[PointRow]) -> str:
    """The description of a sweep's parent: each point with its numbers and a link to its run.

    Points that were there before are no children of the parent: the links are the way to them.
    """
    known = dict.fromkeys(name for p in points for name in _rows_of(p.metrics))
    names = [n for n in USUAL if n in known] or list(known)[:5]
    head = ("point", "status", "run", *(name.replace("_", " ") for name in names))
    rows = [
        (
            table_cell(p.words),
            p.status if p.error is None else table_cell(f"{p.status}: {p.error}"),
            _link(p.run_id),
            *(_rows_of(p.metrics).get(name, "") for name in names),
        )
        for p in points
    ]
    return _with_text([f"**{_plain(answer)}**", _shortened_table(head, rows)], text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; its cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _link(run_id: str | None) -> str:
    if run_id is None or len(run_id) != LENGTH:
        return ""
    return f"[{run_id[:8]}]({run_route(run_id)})"


def _plain(text: str) -> str:
    """Sentences in which no sign is markup."""
    return table_cell(text).replace("**", r"\*\*")


def _rows(numbers: Mapping[str, Any]) -> list[tuple[str, str]]:
    shown = list(_rows_of(numbers).items())[:MOST_NUMBERS]
    return [(name.replace("_", " "), value) for name, value in shown]


def _rows_of(numbers: Mapping[str, Any]) -> dict[str, str]:
    """What of the numbers is a number or a word, as text."""
    out = {}
    for name, value in numbers.items():
        if isinstance(value, str):
            out[name] = table_cell(value)
        elif isinstance(value, Real) and not isinstance(value, bool):
            out[name] = f"{float(value):.4g}"
    return out


def _shortened_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of as many rows as leave room for the text."""
    kept = list(rows)
    while kept and len(table(head, kept)) > LONGEST - 1000:
        kept.pop()
    more = [(f"and {len(rows) - len(kept)} more in sweep.csv", *[""] * (len(head) - 1))]
    return table(head, kept if len(kept) == len(rows) else kept + more)


def _with_text(parts: Sequence[str], text: str) -> str:
    """The parts and the text, of which as many lines are kept as the store keeps."""
    start = "\n\n".join(parts)
    room = LONGEST - len(with_ids(start, "0" * LENGTH, "0" * LENGTH)) - 100
    lines = [part for line in text.split("\n") for part in _wrapped(line)]
    kept = list(lines)
    while kept and len("\n".join(kept)) > room:
        kept.pop()
    if len(kept) < len(lines):
        kept.append(SHORTENED)
    return f"{start}\n\n{fenced(chr(10).join(kept))}"


def _wrapped(line: str) -> list[str]:
    """A line as lines that fit, those after the first indented below it."""
    indent = line[: len(line) - len(line.lstrip())] + "    "
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, drop_whitespace=False) or [""]

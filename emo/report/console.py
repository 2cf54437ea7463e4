"""Text and tables on the standard streams: coloured on a terminal, plain in a file or a pipe.

Colour changes no character of a text. ``NO_COLOR`` (https://no-color.org) and ``TERM=dumb`` turn it off.
rich draws it; it is imported on a terminal only.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, TextIO

from emo.core.flags import ANISOTROPY_FLAG, ReliabilityFlag
from emo.report.table import Table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WARNED = [f.value.upper() for f in (ReliabilityFlag.low, ReliabilityFlag.undeclared)]
BAD = "DISAGREE|DISAGREES|BELOW NOMINAL|UNRELIABLE|FAILED|numbers mean nothing|failed"
STYLES = (
    (re.compile(r"(?m)^  [^ \n].{0,12}? (?= +\S)"), "cyan"),
    (re.compile(r"(?m)^ *note: .*$"), "yellow"),
    (re.compile("|".join(map(re.escape, [*WARNED, ANISOTROPY_FLAG]))), "bold yellow"),
    (re.compile(rf"(?m)(?<![\w/])(?:{BAD})(?![\w/])|^error:"), "bold red"),
    (re.compile(r"(?:file|https?)://\S+"), "underline blue"),
    (re.compile(r"\b(?:finished|reused)\b"), "green"),
    (re.compile(r"(?:python launch\.py|python -m emo\S*|\bemo) .*?(?=  |$)", re.M), "bold"),
)
"""What is marked in a text, and how; a later one wins."""


def colourful(stream: TextIO) -> bool:
    """Whether a stream is a terminal that shows colour, and nobody has turned it off."""
    no_colour = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not no_colour


def write(text: str, stream: TextIO, first: str = "") -> None:
    """Print a text whose beginning, ``first``, is what a reader should see first."""
    if not text:
        return
    if colourful(stream):
        _console(stream).print(marked(text, first), soft_wrap=True)
    else:
        print(text, file=stream)


def write_table(table: Table, stream: TextIO) -> None:
    """Print a table: as wide as a terminal is, or aligned by blanks."""
    if not colourful(stream):
        print("\n".join(aligned(table)), file=stream)
        return
    from rich import box
    from rich.table import Table as Drawn

    drawn = Drawn(box=box.SIMPLE_HEAD, pad_edge=False)
    rows = table.texts()
    for i, (name, number) in enumerate(zip(table.columns, table.numeric(), strict=True)):
        words = [*name.split(), *(row[i] for row in rows)]  # a head may be broken at its blanks
        least = max(map(len, words), default=1)
        drawn.add_column(name, justify="right" if number else "left", min_width=least)
    for row in rows:
        drawn.add_row(*map(marked, row))
    console = _console(stream)
    needed = console.measure(drawn).minimum
    console.print(drawn, width=max(console.width, needed), crop=False, soft_wrap=False)


def aligned(table: Table) -> list[str]:
    """The lines of a table in plain text, two blanks before each column."""
    rows = [list(table.columns), *table.texts()]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    right = table.numeric()
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]


def marked(text: str, first: str = "") -> Text:
    """The text with its styles; the characters are the same."""
    from rich.text import Text

    out = Text(text)
    if first and text.startswith(first):
        out.stylize("bold", 0, len(first))
    for pattern, style in STYLES:
        for match in pattern.finditer(text):
            out.stylize(style, *match.span())
    return out


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)

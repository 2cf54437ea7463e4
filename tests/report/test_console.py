"""Colour on a terminal changes no character; a file, a pipe and NO_COLOR get plain text."""

import io
import re

import pytest

from emo.report import console
from emo.report.table import Table

ANSI = re.compile(r"\x1b\[[0-9;]*m")

TEXT = """Half of the texts are read as what they are written as.
tiny, fp32, comprehension, last token
  note: random weights: numbers mean nothing
  reliability    0.347 (split halves)
                 RELIABILITY LOW: below 0.4, as many other texts would give another RDM
  page  file:///home/a%20b/run.html
  next  python launch.py model=tiny job=steer  what the model writes [red]not markup[/red] :smile:"""

TABLE = Table(
    "points",
    "",
    "",
    ("precision", "status", "best layer", "reliability", "anisotropy", "run"),
    (
        ("fp32", "finished", 3, 0.25, 0.987654, "0b1a5a2b"),
        ("bf16", "failed", None, None, None, "x"),
    ),
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def a_usual_terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")


def test_colour_changes_no_character_whatever_the_width():
    stream = Terminal()
    console.write(TEXT, stream, TEXT.splitlines()[0])
    assert stream.getvalue() != TEXT + "\n"
    assert ANSI.sub("", stream.getvalue()) == TEXT + "\n"


@pytest.mark.parametrize("marked", ["RELIABILITY LOW", "numbers mean nothing", "Half of the texts"])
def test_what_must_be_seen_is_marked(marked):
    stream = Terminal()
    console.write(TEXT, stream, TEXT.splitlines()[0])
    assert re.search(rf"\x1b\[1[;0-9]*m{marked}", stream.getvalue())


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, None])
def test_elsewhere_the_text_is_plain(variable, monkeypatch):
    stream = io.StringIO() if variable is None else Terminal()
    for name, value in (variable or {}).items():
        monkeypatch.setenv(name, value)
    console.write(TEXT, stream)
    console.write_table(TABLE, stream)
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().startswith(TEXT + "\n")


def test_a_plain_table_is_aligned_and_numbers_stand_right():
    head, first, second = console.aligned(TABLE)
    assert head.index("reliability") + len("reliability") == first.index("0.2") + len("0.250")
    assert first.index("finished") == second.index("failed") == head.index("status")


@pytest.mark.parametrize("width", ["20", "60", "200"])
def test_no_cell_of_a_table_is_cut_on_a_narrow_terminal(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", width)
    stream = Terminal()
    console.write_table(TABLE, stream)
    words = ANSI.sub("", stream.getvalue()).split()
    for row in TABLE.texts():
        assert set(row) <= set(words)

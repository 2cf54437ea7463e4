"""Every error is one line of bounded length, whatever it repeats of a value, a file or a server."""

import pytest

from emo import cli
from emo.errors import BELOW, LISTED, LONGEST_LINE, EmoError, StimuliError, error_lines, one_line
from emo.jobs import extract


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a server says (no\r\n  such page)", "a server says (no such page)"),
        ("one\u2028two\x0bthree\x85four\n", "one two three four"),
        ("a \x1b[31mred\x07 word", r"a \x1b[31mred\x07 word"),
        ("half a pair \ud800", r"half a pair \ud800"),
        ("http://me:hunter@host:\nno", "http://host: no"),
        ("", ""),
    ],
)
def test_a_line_has_no_break_and_moves_no_terminal(text, line):
    assert one_line(text) == line
    assert str(EmoError(text)) == line


@pytest.mark.parametrize("value", ["v" * 100_000, "v w " * 30_000, "v\n" * 50_000])
def test_a_long_value_is_cut_and_what_is_allowed_stays(value):
    line = str(EmoError(f"seed={value}: allowed is a whole number"))
    assert len(line) <= LONGEST_LINE
    assert line.startswith("seed=v") and line.endswith(": allowed is a whole number")


def test_a_path_of_a_usual_length_stays_whole():
    path = "/" + "/".join(["folder"] * 40)
    assert path in str(EmoError(f"{path} is no file"))


def test_findings_stand_below_a_line_each_and_nothing_else_does():
    findings = [f"line {i}: 'a\nb'" for i in range(LISTED + 2)]
    text = str(StimuliError("a\n  b.csv", findings, "stimuli.path"))
    head, *below = text.split(BELOW)
    assert head == "stimuli.path=a b.csv:"
    assert below == [*(f"line {i}: 'a b'" for i in range(LISTED)), "and 2 more"]
    assert text.count("\n") == len(below)
    assert error_lines(text) == text
    assert str(StimuliError("a.csv", ["no\nrow"])) == "stimuli a.csv: no row"


def test_an_error_of_the_disk_is_one_line_too(monkeypatch, tiny_config):
    def full(_):
        raise OSError(28, "No space left", "a\nb" + "c" * 9000)

    monkeypatch.setattr(extract, "run", full)
    outcome = cli.run_job(tiny_config())
    assert outcome.failed
    assert outcome.error.startswith("No space left (a bc")
    assert len(outcome.error) <= LONGEST_LINE

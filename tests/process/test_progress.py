"""Lines about long loops where nobody watches a bar."""

import logging
import threading

import pytest

from emo.process import progress
from emo.process.progress import busy, steps, track


@pytest.fixture
def clock(monkeypatch, caplog):
    """A clock that stands still until it is moved; the lines that are logged."""
    caplog.set_level(logging.INFO, "emo.process.progress")

    class Clock:
        now = 100.0

        @property
        def lines(self):
            return caplog.messages

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: False, raising=False)
    return made


def test_every_tenth_of_a_long_loop_is_a_line_with_an_estimate(clock):
    for _ in track(range(50), "reading texts"):
        clock.now += 6
    assert clock.lines[0] == "reading texts: 5 of 50, 30 s, about 4 min left"
    assert clock.lines[-1] == "reading texts: 45 of 50, 4 min, about 30 s left"
    assert len(clock.lines) == 9


def test_a_short_loop_says_nothing(clock):
    assert list(track(range(1000), "comparing")) == list(range(1000))
    for _ in track(range(10), "comparing"):
        clock.now += 0.2
    assert clock.lines == []


def test_lines_of_a_quick_loop_do_not_crowd(clock):
    for _ in track(range(100), "reading"):
        clock.now += 0.1
    assert [line.split(",")[0] for line in clock.lines] == ["reading: 51 of 100"]


def test_hours_are_hours(clock):
    for _ in track(range(10), "writing"):
        clock.now += 7500
    assert clock.lines[0] == "writing: 1 of 10, 2.1 h, about 18.8 h left"


def test_a_loop_within_names_where_the_ones_around_it_are(clock):
    for _ in steps(["B", "C"], "condition", lambda name: f"{name}, a model"):
        for _ in track(["one set"], "sets of texts"):
            for _ in track(range(2), "writing"):
                clock.now += 60
    assert clock.lines == [
        "condition 1 of 2: B, a model",
        "condition 1 of 2, sets of texts 1 of 1, writing: 1 of 2, 60 s, about 60 s left",
        "condition 2 of 2: C, a model (2 min so far, about 2 min left)",
        "condition 2 of 2, sets of texts 1 of 1, writing: 1 of 2, 60 s, about 60 s left",
        "condition: B, a model 2 min; C, a model 2 min; 4 min in all",
    ]


def test_an_error_leaves_nothing_of_its_loops_in_later_lines(clock):
    with pytest.raises(ValueError, match="in the middle"):
        for _ in steps([1], "point", str):
            for _ in track(range(9), "reading"):
                raise ValueError("in the middle")
    assert progress._Loop.open == []
    for _ in track(range(2), "writing"):
        clock.now += 60
    assert clock.lines[-1].startswith("writing: 1 of 2")


def test_items_without_a_number_are_passed_on(clock):
    assert list(track(iter("abc"), "reading")) == ["a", "b", "c"]
    assert list(steps(iter("abc"), "step", str)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "loop", [lambda: track(["only"], "writing"), lambda: iter([busy("writing")])]
)
def test_a_single_long_item_has_lines_while_it_takes(loop, monkeypatch):
    """In real time, with lines every hundredth of a second."""
    monkeypatch.setattr(progress, "EVERY", 0.01)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: False, raising=False)
    seen = threading.Event()
    monkeypatch.setattr(progress.log, "info", lambda *words: seen.set())
    for item in loop():
        if item == "only":
            assert seen.wait(30)
        else:
            with item:
                assert seen.wait(30)
    assert threading.active_count() < 50


def test_a_terminal_gets_a_bar_and_no_lines(clock, monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    for _ in track(range(3), "reading texts"):
        clock.now += 100
    assert "reading texts" in capsys.readouterr().err
    assert clock.lines == []

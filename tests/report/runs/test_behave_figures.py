"""Figures of job=behave show the shares and intervals that they are given."""

import numpy as np
import pytest

from emo.core.behaviour.compliance import compliance
from emo.report.runs.behave_figures import constraints_figure

EASY = {"no_the": [True] * 4, "bullets_only": [True, False, False, False], "five_words": [True] * 3}
CONFLICT = {"no_the": [True, False], "bullets_only": [True, True], "five_words": [False] * 2}


@pytest.fixture
def bars():
    """Points and ends of the bars of each kind, by label."""
    figure = constraints_figure(compliance(EASY, CONFLICT), "m")
    found = {}
    for c in figure.axes[0].containers:
        line, _, (bar,) = c.lines
        ends = [segment[:, 0] for segment in bar.get_segments()]
        found[c.get_label()] = (line.get_xdata(), np.array(ends))
    return figure, found


def test_every_share_stands_in_its_row_with_its_interval(bars):
    figure, found = bars
    made = compliance(EASY, CONFLICT)
    points, ends = found["easy tasks"]
    np.testing.assert_allclose(points, [1, 0.25, 1])
    np.testing.assert_allclose(ends, [[r.low, r.high] for r in made.easy.values()])
    points, ends = found["in conflict, constraint counts"]
    np.testing.assert_allclose(points, [0.5, 0])
    want = [made.conflict[n] for n in ("no_the", "five_words")]
    np.testing.assert_allclose(ends, [[r.low, r.high] for r in want])
    assert found["in conflict, constraint fails the gate"][0] == [1]
    assert "2 of 3 constraints count" in figure.get_suptitle()
    assert "bullet points only" in [t.get_text() for t in figure.axes[0].get_yticklabels()]


def test_where_none_counts_only_the_others_are_drawn():
    figure = constraints_figure(compliance({"no_the": [False]}, {"no_the": [True]}), "m")
    labels = [c.get_label() for c in figure.axes[0].containers]
    assert labels == ["easy tasks", "in conflict, constraint fails the gate"]

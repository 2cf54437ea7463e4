"""What a study's first lines say of noise, and the changes beside the importances."""

import numpy as np
import pytest

from emo.core.stats.level_effects import level_effects
from emo.report.runs import sensitivity as report
from emo.study.importance import Importance

POINTS = [{"x": a, "y": b} for a in (0, 1) for b in (0, 1)]
IMPORTANCE = Importance("relative_rho", 4, {"x": 0.9, "y": 0.1}, {"x": 0.8, "y": 0.2})


def shown(x, error, n=12):
    """A study of two parameters, of which x changes the objective, with an error of each change."""
    level = np.array([[p["x"], p["y"]] for p in POINTS], float)
    swing = error * np.linspace(-1, 1, n)[:, None] * np.array([1.0, -1.0])
    values, left_out = 1 + level @ [x, 0.0], 1 + (np.array([x, 0.0]) + swing) @ level.T
    effects = level_effects({"x": [0, 1], "y": [0, 1]}, POINTS, values, left_out)
    return report.terminal_text("study s", [IMPORTANCE], {}, {"relative_rho": effects}).splitlines()


@pytest.mark.parametrize(
    ("x", "error", "line"),
    [
        (-0.5, 0.01, "told from noise x; the ranks of the others are undetermined"),
        (-0.01, 0.1, "no parameter is told from noise, their ranks are undetermined"),
    ],
)
def test_the_first_line_says_what_is_told_from_noise(x, error, line):
    lines = shown(x, error)
    assert lines[:2] == ["study s", f"  relative_rho: {line}"]
    assert lines[3].split()[:2] == ["x=1", f"{x:+.3f}"]
    assert "importance for relative_rho, 4 trials" in lines[5]


def test_the_old_objective_is_named_for_what_it_holds():
    old = Importance("rho_matched", 4, {"x": 1.0}, {"x": 1.0})
    lines = report.terminal_text("study s", [old], {}, {}).splitlines()
    assert lines[1].startswith("  rho_matched is lowered by the noise of other texts")

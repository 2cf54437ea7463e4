"""Changes by parameter value: against the planted ones of any design, and what noise alone tells."""

from itertools import product

import numpy as np
import pytest

from emo.core.stats.level_effects import level_effects

CHOICES = {"x": ["a", "b", "c"], "y": [1, 2]}
GRID = [dict(zip(CHOICES, values, strict=True)) for values in product(*CHOICES.values())]


def planted(point):
    return {"a": 0.0, "b": -0.3, "c": 0.1}[point["x"]] - 0.2 * (point["y"] == 2)


@pytest.mark.parametrize("points", [GRID, GRID[:4] + GRID[:2] + GRID[5:]])
def test_planted_changes_come_out_of_any_design_that_holds_them(points):
    y = np.array([planted(p) for p in points])
    found = level_effects(CHOICES, points, y, np.tile(y, (6, 1)))
    assert found.names == (("x", "b"), ("x", "c"), ("y", 2))
    assert found.change.value == pytest.approx([-0.3, 0.1, -0.2])
    assert found.told == ("x", "y")


def test_points_that_do_not_tell_changes_apart_give_none():
    same = [{"x": "a", "y": 1}, {"x": "b", "y": 2}, {"x": "c", "y": 2}, {"x": "c", "y": 2}]
    assert level_effects(CHOICES, same, np.ones(4), np.ones((5, 4))) is None
    assert level_effects(CHOICES, GRID[:2], np.ones(2), np.ones((5, 2))) is None


def test_noise_that_points_share_tells_nothing_more_often_than_the_level(rng):
    """Errors of 20 units, common to all points of a value: the intervals know them."""
    told = 0
    for _ in range(200):
        texts = 0.1 * rng.normal(size=3)
        units = 0.1 * rng.normal(size=(20, 3)) / np.sqrt(19)
        design = np.array([[p["x"] == "b", p["x"] == "c", p["y"] == 2] for p in GRID], float)
        found = level_effects(CHOICES, GRID, design @ texts, (texts + units) @ design.T)
        told += bool(found.told)
    assert told <= 18


def test_without_values_to_leave_out_nothing_is_told():
    y = np.array([planted(p) for p in GRID])
    for left_out in (np.empty((0, 6)), np.full((5, 6), np.nan)):
        found = level_effects(CHOICES, GRID, y, left_out)
        assert np.isnan(found.change.low).all()
        assert found.told == ()

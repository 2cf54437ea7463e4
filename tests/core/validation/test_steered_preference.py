"""Vectors added to activities: planted effects come back, controls and chance are not shown."""

import numpy as np
import pytest

from emo.core.stats.resampling import stream
from emo.core.validation.preference import ELO
from emo.core.validation.steered_preference import partners, shifts, steered_preference

CATEGORIES = np.repeat(np.arange(8), 3)
EMOTIONS = tuple(f"e{k}" for k in range(12))
POLES = np.array([1.0] * 5 + [-1.0] * 5 + [0.0] * 2)


def test_what_is_added_to_an_activity_comes_back_in_elo(rng):
    score, gain = rng.normal(size=24), rng.normal(size=24)
    held = partners(CATEGORIES, 4, rng)
    assert (held.sum(axis=1) == 4).all()
    assert not held[CATEGORIES[:, None] == CATEGORIES[None, :]].any()
    before = score[:, None] - score[None, :] + 2.0
    asked = held | held.T
    first = np.where(held, before + gain[:, None], np.nan)
    second = np.where(held.T, before - gain[None, :], np.nan)
    assert np.allclose(shifts(np.where(asked, before, 0), first, second, held), ELO * gain)
    both = before + 1.0  # the letter A, whatever is steered
    assert np.allclose(shifts(before, both, both, held), 0)


def world(rng, effect, any_direction=0.0):
    """Shifts by emotion; any direction that reads the score may do as much, in the controls as well."""
    read, other = 0.6 * POLES + 0.3 * rng.normal(size=12), 0.4 * rng.normal(size=12)
    own, controls = (
        planted[:, None]
        + 30 * rng.normal(size=(12, 1))
        + 20 * rng.normal(size=(12, 8))[:, CATEGORIES]
        + 20 * rng.normal(size=(12, 24))
        for planted in (effect * POLES + any_direction * read, any_direction * other)
    )
    poles = POLES.tolist()
    return steered_preference(
        EMOTIONS, own, controls, (read, other), poles, CATEGORIES, 0.5, 199, rng
    )


def test_a_planted_effect_is_found_and_its_size():
    for k in range(3):
        found = world(stream(0, "planted", k), 100.0)
        assert found.p <= 0.05 and found.low > 0.1
        assert found.difference_p <= 0.05
        assert found.difference_low < 200 < found.difference_high or found.difference > 150


@pytest.mark.slow
def test_without_effect_five_percent_are_shown():
    n = 200
    worlds = [world(stream(1, "none", k), 0.0) for k in range(n)]
    most = 0.05 + 2.6 * (0.05 * 0.95 / n) ** 0.5
    assert sum(w.p <= 0.05 for w in worlds) / n <= most
    assert sum(w.difference_p <= 0.05 for w in worlds) / n <= most
    assert sum(w.low <= 0 <= w.high for w in worlds) / n >= 0.91


def test_what_any_direction_does_is_in_the_control():
    found = [world(stream(2, "any", k), 0.0, 150.0) for k in range(10)]
    assert np.mean([f.control for f in found]) > 0.6

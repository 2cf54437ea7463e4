"""Scores from pairs, and readings that go with them: planted, and with categories alone."""

import numpy as np
import pytest

from emo.core.stats.resampling import stream
from emo.core.validation.preference import block_orders, preference, scores

CATEGORIES = np.repeat(np.arange(8), 3)
EMOTIONS = ("blissful", "hostile", "brooding")
POLES = (1.0, -1.0, 0.0)


def world(rng, effect):
    """24 activities in eight categories; both scores and readings differ between categories."""
    liked = rng.normal(size=8)[CATEGORIES] + 0.5 * rng.normal(size=24)
    log_odds = liked[:, None] - liked[None, :] + 2.0 + rng.normal(size=(24, 24))
    readings = rng.normal(size=(8, 3))[CATEGORIES] + 0.5 * rng.normal(size=(24, 3))
    readings[:, 0] += effect * liked
    readings[:, 1] -= effect * liked
    return log_odds, readings


def found(rng, effect, n=199):
    names = [f"a{k}" for k in range(24)]
    return preference(names, *world(rng, effect), EMOTIONS, POLES, CATEGORIES, n, rng)


def test_scores_come_back_whatever_the_position_does(rng):
    liked = rng.normal(size=24)
    log_odds = liked[:, None] - liked[None, :] + 7.0
    s = scores(log_odds)
    assert np.allclose(np.array(s.elo) * np.log(10) / 400, liked - liked.mean())
    assert s.bias == pytest.approx(7.0) and s.explained == pytest.approx(1.0)
    assert s.agreeing < 0.1  # A is answered in both orders


@pytest.mark.slow
def test_categories_that_differ_for_other_reasons_are_not_shown():
    n = 200
    hits = sum(found(stream(0, "cat", k), 0.0, 99).combined.p <= 0.05 for k in range(n))
    assert hits / n <= 0.05 + 2.6 * (0.05 * 0.95 / n) ** 0.5


def test_a_planted_preference_is_found_with_its_side():
    for k in range(3):
        p = found(stream(1, "planted", k), 3.0)
        assert p.combined.p <= 0.05 and p.combined.r > 0.7
        assert p.emotions[0].r > 0 > p.emotions[1].r and p.n_discoveries >= 2


def test_categories_change_places_whole(rng):
    orders = block_orders(CATEGORIES, 20, rng)
    assert (np.sort(orders, axis=1) == np.arange(24)).all()
    moved = CATEGORIES[orders].reshape(20, 8, 3)
    assert (moved == moved[:, :, :1]).all() and (moved[:, :, 0] != np.arange(8)).any()

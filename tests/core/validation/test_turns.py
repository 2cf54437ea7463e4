"""Two places of a dialogue: alike, apart, or only noisy."""

import numpy as np
import pytest

from emo.core.stats.resampling import stream
from emo.core.validation.turns import agreement, correlation, prediction


def readings(rng, shared, noise, n=24, emotions=8, splits=6):
    """Readings at two places with true r ``shared``, and those of the noisy vectors of halves."""
    base, own = rng.normal(size=(n, emotions)), rng.normal(size=(n, emotions))
    user = base
    colon = shared * base + np.sqrt(1 - shared**2) * own

    def read(truth, scale):
        return truth + scale * rng.normal(size=truth.shape) + rng.normal(size=emotions)

    halves = np.array(
        [[[read(t, noise) for t in (user, colon)] for _ in range(2)] for _ in range(splits)]
    )
    return read(user, noise / 2), read(colon, noise / 2), halves


def test_noise_lowers_r_and_not_the_quotient():
    r, quotient = [], []
    for k in range(20):
        rng = stream(0, "noise", k)
        found = agreement(*readings(rng, 0.95, 1.5), 0.5, 49, rng)
        r.append(found.r)
        quotient.append(found.over_ceiling)
    assert np.mean(r) < 0.7
    assert 0.85 < np.mean(quotient) < 1.05


def test_places_that_are_apart_are_shown_to_be():
    hits = 0
    for k in range(20):
        rng = stream(1, "apart", k)
        found = agreement(*readings(rng, 0.1, 0.5), 0.5, 199, rng)
        hits += found.p_below <= 0.05 and found.over_high < 0.5
    assert hits >= 18


@pytest.mark.slow
def test_at_the_margin_it_is_claimed_in_five_percent():
    n, hits = 120, 0
    for k in range(n):
        rng = stream(2, "margin", k)
        hits += agreement(*readings(rng, 0.5, 0.5, splits=3), 0.5, 99, rng).p_below <= 0.05
    assert hits / n <= 0.05 + 2.6 * (0.05 * 0.95 / n) ** 0.5


@pytest.mark.slow
def test_r_of_unrelated_places_is_shown_in_five_percent():
    n, hits = 120, 0
    for k in range(n):
        rng = stream(3, "none", k)
        hits += agreement(*readings(rng, 0.0, 0.5, splits=1), 0.5, 99, rng).p <= 0.05
    assert hits / n <= 0.05 + 2.6 * (0.05 * 0.95 / n) ** 0.5


def test_what_every_scenario_has_of_an_emotion_is_no_agreement(rng):
    levels = 10 * rng.normal(size=8)
    a, b = (levels + rng.normal(size=(40, 8)) for _ in range(2))
    assert abs(correlation(a, b)) < 0.2


NONE = np.empty((0, 3, 24, 8))


def test_what_any_direction_of_the_same_items_gives_is_not_shown():
    """An answer follows the colon in one text: without permuted labels that alone would be shown."""
    alone = beside = 0
    for k in range(20):
        rng = stream(5, "any", k)
        permuted = np.array([answers(rng, 3.0, 1.0) for _ in range(39)])
        one = answers(rng, 3.0, 1.0)
        alone += prediction(*one, NONE, 99, rng).colon_p <= 0.05
        found = prediction(*one, permuted, 99, rng)
        beside += found.colon_p <= 0.05
        assert found.colon_control > 0.8
    assert alone == 20 and beside <= 3


def answers(rng, colon, user):
    a = rng.normal(size=(24, 8))
    return (
        user * a + rng.normal(size=a.shape),
        colon * a + rng.normal(size=a.shape),
        a,
    )


@pytest.mark.slow
def test_the_place_that_says_more_is_found_and_equal_places_are_not():
    found = even = 0
    for k in range(100):
        rng = stream(4, "answer", k)
        found += k < 20 and prediction(*answers(rng, 2.0, 0.5), NONE, 99, rng).p <= 0.05
        even += prediction(*answers(rng, 1.0, 1.0), NONE, 99, rng).p <= 0.05
    assert found >= 19 and even <= 11

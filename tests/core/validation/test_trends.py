"""Numbers in texts: a trend that emotion makes is found, one that the number itself makes is not."""

import numpy as np
import pytest

from emo.core.stats.resampling import stream
from emo.core.validation.trends import trend, trends

NAMES = ("afraid", "calm")


def world(rng, effect, magnitude=0):
    """Ten templates of six numbers: named directions in turns, a number that is written along both."""
    write = magnitude * rng.normal(size=2)
    found = []
    for t in range(10):
        signs = (1, -1) if t % 2 else (-1, 1)
        number = np.arange(6)[:, None]
        noise = rng.normal(size=(2, 6, 2))
        told = number * (write * rng.uniform(0.5, 1.5) + effect * np.array(signs)) + noise[0]
        plain = number * write * rng.uniform(0.5, 1.5) + noise[1]
        found.append(trend(f"t{t}", told, plain, NAMES, signs, 49, rng))
    return trends(found, 2000, rng)


@pytest.mark.slow
@pytest.mark.parametrize("magnitude", [0, 2])
def test_without_emotion_five_percent_are_shown_even_where_numbers_move_readings(magnitude):
    n = 150
    hits = sum(world(stream(0, magnitude, k), 0.0, magnitude).p <= 0.05 for k in range(n))
    assert hits / n <= 0.05 + 2.6 * (0.05 * 0.95 / n) ** 0.5


def test_a_planted_trend_is_found_and_its_p_is_exact():
    for k in range(2):
        found = world(stream(1, k), 2.0)
        assert found.p == 1 / 1024 and found.low > 0


def test_a_template_alone_is_tested_by_its_permuted_numbers(rng):
    rising = np.arange(7.0)[:, None] * np.array([1.0, -1.0])
    one = trend("t", rising, rising * 0, NAMES, (1, -1), 999, rng)
    assert one.rho == 1 and one.p < 0.01 and one.rhos == {"afraid": 1.0, "calm": -1.0}
    assert np.isnan(one.control)  # a control whose readings never change has no trend

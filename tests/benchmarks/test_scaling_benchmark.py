"""The sizes are what they say, the exponent is that of the growth, and the comparison runs."""

import numpy as np
import pytest

from benchmarks.scaling import FEW, Series, Size, Used, compare, exponent, measure, planted, row
from emo.core.stats.resampling import Resampling


@pytest.mark.parametrize("power", [1, 2])
def test_the_exponent_is_that_of_the_growth(power):
    small, large = Used(30, 3.0**power, 0), Used(300, 30.0**power, 0)
    assert exponent(small, large) == pytest.approx(power)


def test_planted_models_have_read_the_same_items_and_share_a_geometry():
    size = Size(emotions=6, passages=48, layers=2)
    a, b = planted(size, 0), planted(size, 1)
    assert a.item_ids == b.item_ids and a.emotions == b.emotions and len(a.item_ids) == 48
    means = [x.values[0].reshape(8, 6, -1).mean(axis=0) for x in (a, b)]
    assert np.corrcoef(means[0].ravel(), means[1].ravel())[0, 1] > 0.7
    assert not np.allclose(a.values, b.values)


def test_a_comparison_of_two_small_models_is_measured():
    draws = Resampling(n_splits=4, n_bootstrap=4, splits_per_replicate=1, n_permutations=0)
    size = Size(models=2, emotions=6, passages=24, layers=2, draws=draws)
    used = measure(Series("models", "a comparison", compare, ((2, size),)), 0)
    assert used.size == 2 and used.seconds > 0
    assert "| models | a comparison | 2: " in row(
        Series("models", "a comparison", compare, ()), [used]
    )


def test_fewer_draws_are_made_than_a_summary_has():
    assert Resampling().n_bootstrap > FEW.n_bootstrap

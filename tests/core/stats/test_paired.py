"""Rank tests of two methods over models: scipy's numbers, honest bounds, the smallest p."""

import numpy as np
import pytest
from scipy import stats

from emo.core.stats.paired import newcombe, paired_models


def test_p_is_scipys_and_its_least_value_is_reached(rng):
    a, b = rng.normal(size=7), rng.normal(size=7)
    found = paired_models(a, b)
    assert found.mann_whitney_p == pytest.approx(stats.mannwhitneyu(a, b).pvalue)
    assert found.wilcoxon_p == pytest.approx(stats.wilcoxon(a, b).pvalue)
    apart = paired_models(np.arange(7) + 10.0, np.arange(7) / 10)
    assert apart.mann_whitney_p == pytest.approx(apart.mann_whitney_least)
    assert apart.wilcoxon_p == pytest.approx(apart.wilcoxon_least)
    assert (apart.rank_biserial, apart.matched, apart.higher) == (1, 1, 7)


@pytest.mark.parametrize(
    ("n", "unpaired", "paired"), [(1, 1, 1), (3, 0.1, 0.25), (5, 2 / 252, 1 / 16)]
)
def test_few_models_cannot_have_a_small_p(n, unpaired, paired):
    found = paired_models(np.arange(n) + 10.0, np.arange(n) * 1.0)
    assert found.mann_whitney_least == pytest.approx(unpaired)
    assert found.wilcoxon_least == pytest.approx(paired)


def test_the_rank_biserial_is_the_share_of_pairs(rng):
    a, b = rng.normal(size=6), rng.normal(size=6)
    pairs = np.sign(a[:, None] - b)
    assert paired_models(a, b).rank_biserial == pytest.approx(pairs.mean())
    assert paired_models(b, a).rank_biserial == pytest.approx(-pairs.mean())


def test_the_interval_does_not_collapse_where_all_pairs_favour_one_side():
    found = paired_models(np.arange(5) + 10.0, np.arange(5) * 1.0)
    assert found.high == 1
    assert 0.1 < found.low < 0.5
    low, high = newcombe(0.0, 5, 5)
    assert low == 0 < high < 0.5


@pytest.mark.slow
def test_the_interval_covers_the_true_share(rng):
    covered = []
    for shift in (0.0, 0.8):
        true = stats.norm.cdf(shift / np.sqrt(2))
        for _ in range(400):
            a, b = rng.normal(shift, size=9), rng.normal(size=9)
            found = paired_models(a, b)
            covered.append(found.low <= 2 * true - 1 <= found.high)
    assert np.mean(covered) > 0.92


def test_values_that_centring_pins_have_an_enormous_d():
    pinned = -0.05 + np.array([0.0001, -0.0001, 0.0002, -0.0002])
    found = paired_models(pinned, pinned + 0.02)
    assert found.cohen_d < -100  # published: -107.5
    assert found.rank_biserial == -1


def test_models_without_both_values_do_not_count():
    found = paired_models(np.array([1.0, np.nan, 3.0]), np.array([0.0, 1.0, 2.0]))
    assert found.n == 2
    with pytest.raises(ValueError, match="no model"):
        paired_models(np.array([np.nan]), np.array([1.0]))


def test_equal_values_differ_by_nothing():
    found = paired_models(np.ones(4), np.ones(4))
    assert (found.rank_biserial, found.matched, found.wilcoxon_p, found.mann_whitney_p) == (
        0,
        0,
        1,
        1,
    )
    assert np.isnan(found.cohen_d)

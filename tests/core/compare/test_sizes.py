"""Sizes against descriptors: the published statistic, and a test that knows of families."""

import numpy as np
import pytest
from scipy.stats import permutation_test, spearmanr

from emo.core.compare.sizes import OUTCOMES, PREDICTORS, size_correlations, smallest_p


def correlate(x, y, families, permutations=999):
    columns = dict.fromkeys((*PREDICTORS, *OUTCOMES), [None] * len(x))
    columns |= {"d_model": list(x), "anisotropy": list(y)}
    (got,) = size_correlations(columns, families, permutations, 0)
    return got


def test_models_of_their_own_families_give_scipys_numbers(rng):
    x, y = rng.normal(size=(2, 12))
    got = correlate(x, x + y, [str(k) for k in range(12)], 4999)
    want = spearmanr(x, x + y)
    assert (got.rho, got.p) == pytest.approx((want.statistic, want.pvalue))
    assert got.family_rho == pytest.approx(got.rho)
    oracle = permutation_test(
        (x,),
        lambda v: spearmanr(v, x + y).statistic,
        permutation_type="pairings",
        n_resamples=2999,
        rng=np.random.default_rng(0),
    )
    assert got.family_p == pytest.approx(oracle.pvalue, abs=0.02)


def test_which_correlations_there_are(rng):
    x, y = rng.normal(size=(2, 12))
    columns = {
        "d_model": list(x),
        "size_b": [None] * 9 + [1.0, 2.0, 3.0],
        "anisotropy": list(y),
        "rdm_std": [1.0] * 12,
        "best_layer_pct": list(rng.normal(size=12)),
    }
    got = size_correlations(columns, ["a", "b", "c", "d"] * 3, 99, 0)
    assert [(g.predictor, g.outcome) for g in got] == [
        ("d_model", "anisotropy"),
        ("d_model", "best_layer_pct"),
    ]
    assert got[0].bonferroni == 0.025


def test_a_perfect_order_of_families_has_the_smallest_p_there_is():
    order = np.arange(10.0)
    got = correlate(order, order, ["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"])
    assert (got.n, got.n_families) == (10, 5)
    assert got.family_rho == pytest.approx(1)
    assert got.family_p == got.smallest_p == pytest.approx(2 / 120)
    assert got.significant and got.decidable


def test_few_families_can_show_nothing():
    order = np.arange(8.0)
    got = correlate(order, order, ["a", "b"] * 4)
    assert np.isnan(got.family_p) and not got.significant
    four = correlate(order, order, ["a", "b", "c", "d"] * 2)
    assert four.smallest_p == pytest.approx(2 / 24) and not four.decidable
    assert smallest_p(30, 999) == 1 / 1000


def test_families_without_an_effect_of_size_are_not_taken_for_one():
    """Families differ in size and in descriptor, independently; p over models takes them for many."""
    found = []
    for k in range(400):
        rng = np.random.default_rng((3, k))
        families = np.repeat(np.arange(6), 4)
        size, level = rng.normal(size=(2, 6))
        x = size[families] + 0.2 * rng.normal(size=24)
        y = level[families] + 0.2 * rng.normal(size=24)
        got = correlate(x, y, [str(f) for f in families])
        found.append((got.p <= 0.05, got.family_p <= 0.05))
    over_models, over_families = np.mean(found, axis=0)
    assert over_families <= 0.075
    assert over_models > 0.3

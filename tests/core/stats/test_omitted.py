"""Ranks by one sort: the same numbers as ranking anew."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from emo.core.stats import correlation
from emo.core.stats.correlation import mid_ranks
from emo.core.stats.effort import LEAST_REPLICATES, affordable
from emo.core.stats.jackknife import without_each
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.omitted import without_labels


@given(st.lists(st.lists(st.integers(-3, 3), min_size=7, max_size=7), min_size=1, max_size=5))
def test_mid_ranks_are_those_of_scipy(rows):
    values = np.array(rows, dtype=float)
    np.testing.assert_array_equal(mid_ranks(values), rankdata(values, axis=-1))
    values[0, 0] = np.inf
    np.testing.assert_array_equal(mid_ranks(values), rankdata(values, axis=-1))


@pytest.mark.parametrize("block", [1, 50, 1 << 18])
def test_blocks_change_no_rank(block, monkeypatch):
    monkeypatch.setattr(correlation, "BLOCK", block)
    values = np.random.default_rng(0).normal(size=(3, 4, 20)).round(1)
    np.testing.assert_array_equal(mid_ranks(values), rankdata(values, axis=-1))


def test_no_row_and_no_pair_have_no_rank():
    assert mid_ranks(np.zeros((0, 3))).shape == (0, 3) and mid_ranks(np.zeros((2, 0))).shape == (
        2,
        0,
    )


@pytest.mark.parametrize("kind", ["plain", "tied", "missing"])
def test_leaving_labels_out_is_ranking_the_rest_anew(kind, monkeypatch):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 3, 4, 28))
    if kind == "tied":
        a = a.round(1)
    if kind == "missing":
        a[0, 0, :5] = np.nan
    kept = np.isfinite(without_each(np.zeros(28)))
    expected = [np.nanmean(spearman_matrix(a[..., k], b[..., k]), axis=-1) for k in kept]
    got = without_labels(a, b, kept)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    assert got.shape == (8, 3, 3)


def test_a_study_of_usual_size_makes_every_draw_and_a_large_one_enough():
    assert affordable(2000, 60 * 210, LEAST_REPLICATES) == 2000
    assert affordable(2000, 60 * 14_535, LEAST_REPLICATES) == LEAST_REPLICATES
    assert affordable(2000, 10**9, LEAST_REPLICATES) == LEAST_REPLICATES
    assert affordable(50, 10**9, LEAST_REPLICATES) == 50

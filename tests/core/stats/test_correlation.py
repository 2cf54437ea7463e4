"""Oracle: scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from emo.core.stats.correlation import (
    normal_from_ranks,
    partial_spearman,
    pearson,
    ranks,
    ranks_from_normal,
    spearman,
    spearman_brown,
)
from emo.core.stats.many_correlations import spearman_matrix

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 2))


@given(arrays(float, (3, 12), elements=numbers), arrays(float, (3, 12), elements=numbers))
def test_rows_agree_with_scipy_ties_included(a, b):
    for row in range(3):
        if np.ptp(a[row]) < 1e-6 or np.ptp(b[row]) < 1e-6:
            assert np.isnan(spearman(a, b)[row])
            continue
        assert spearman(a, b)[row] == pytest.approx(stats.spearmanr(a[row], b[row])[0], abs=1e-9)
        assert pearson(a, b)[row] == pytest.approx(stats.pearsonr(a[row], b[row])[0], abs=1e-7)


def test_pairs_missing_on_either_side_are_left_out(rng):
    a, b = rng.normal(size=20), rng.normal(size=20)
    a[3] = b[11] = np.nan
    keep = np.isfinite(a) & np.isfinite(b)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a[keep], b[keep])[0])
    assert pearson(a, b) == pytest.approx(stats.pearsonr(a[keep], b[keep])[0])


def test_two_common_pairs_are_no_correlation():
    a = np.array([1.0, 2.0, np.nan])
    assert np.isnan(spearman(a, np.arange(3.0)))


@given(arrays(float, 15, elements=numbers, unique=True), st.floats(0.1, 9), st.floats(-5, 5))
def test_linear_normalisation_changes_neither(a, scale, shift):
    b = np.linspace(-1, 1, 15) ** 3
    moved = (a - shift) / scale
    assert spearman(moved, b) == pytest.approx(spearman(a, b), abs=1e-12)
    assert pearson(moved, b) == pytest.approx(pearson(a, b), abs=1e-8)


def test_spearman_brown_doubles_the_length():
    assert spearman_brown(0.5) == pytest.approx(2 / 3)
    assert spearman_brown(1.0) == 1.0
    assert spearman_brown(0.0) == 0.0
    assert np.isnan(spearman_brown(-1.0))


@pytest.mark.parametrize("function", [pearson, spearman])
def test_no_correlation_of_a_constant_or_of_two_pairs(function):
    assert np.isnan(function(np.ones(5), np.arange(5.0)))
    assert np.isnan(function(np.array([1.0, 2.0, np.nan]), np.arange(3.0)))


def test_ranks_of_what_is_there():
    x = np.array([[3.0, np.nan, 1.0, 3.0, np.inf], [5.0, 4.0, 3.0, 2.0, 1.0]])
    want = [[2.5, np.nan, 1, 2.5, np.nan], [5, 4, 3, 2, 1]]
    assert np.array_equal(ranks(x), want, equal_nan=True)


def test_many_gaps_agree_with_scipy(rng):
    a, b = rng.normal(size=(30, 20)).round(1), rng.normal(size=(30, 20)).round(1)
    a[rng.random(a.shape) < 0.3] = np.nan
    b[rng.random(b.shape) < 0.3] = np.nan
    want = [stats.spearmanr(x, y, nan_policy="omit")[0] for x, y in zip(a, b, strict=True)]
    assert np.allclose(spearman(a, b), want)


def test_partial_spearman_is_minus_the_scaled_inverse_correlation(rng):
    """Whittaker 1990: -P_ab / sqrt(P_aa P_bb) with P the inverse of the rank correlations."""
    common = rng.normal(size=40)
    given = rng.normal(size=(3, 40)) + common
    a, b = rng.normal(size=(2, 40)) + common, rng.normal(size=40) + common
    for row in range(2):
        inverse = np.linalg.inv(stats.spearmanr(np.stack([a[row], b, *given]), axis=1)[0])
        want = -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])
        assert partial_spearman(a, b, given)[row] == pytest.approx(want)


def test_partial_spearman_with_nothing_held_is_spearman(rng):
    a, b = rng.normal(size=(2, 30))
    assert partial_spearman(a, b, np.empty((0, 30))) == pytest.approx(spearman(a, b))


def test_partial_spearman_leaves_missing_pairs_out(rng):
    a, b, given = rng.normal(size=(2, 30)), rng.normal(size=30), rng.normal(size=(2, 30))
    a[1, 4] = b[7] = given[0, 9] = np.nan
    for row, gone in ((0, [7, 9]), (1, [4, 7, 9])):
        x, y, z = (np.delete(v, gone, axis=-1) for v in (a[row], b, given))
        assert partial_spearman(a, b, given)[row] == pytest.approx(float(partial_spearman(x, y, z)))


@pytest.mark.parametrize("pairs", [3, 4, 5])
def test_too_few_pairs_for_what_is_held_are_no_partial_correlation(rng, pairs):
    (a, b), given = rng.normal(size=(2, pairs)), rng.normal(size=(2, pairs))  # two sets, two held
    assert np.isfinite(partial_spearman(a, b, given)) == (pairs >= 5)


def test_partial_spearman_takes_a_planted_surface_away(rng):
    """Agreement by way of a held RDM vanishes; agreement beside it stays."""
    surface, deep = rng.normal(size=(2, 5000))
    noise = rng.normal(size=(2, 5000))
    by_surface = [surface + 0.5 * n for n in noise]
    assert spearman(*by_surface) > 0.7
    assert abs(partial_spearman(*by_surface, surface[None])) < 0.05
    both = [surface + deep + 0.5 * n for n in noise]
    assert partial_spearman(*both, surface[None]) > 0.7


def test_partial_spearman_of_what_is_held_is_nothing(rng):
    a, given = rng.normal(size=20), rng.normal(size=(1, 20))
    assert np.isnan(partial_spearman(a, given[0], given))
    twice = np.concatenate([given, given])  # holding it twice is holding it once
    b = rng.normal(size=20)
    assert partial_spearman(a, b, twice) == pytest.approx(float(partial_spearman(a, b, given)))
    assert np.isnan(partial_spearman(a[:4], b[:4], twice[:, :4]))  # too few pairs for two held


@pytest.mark.parametrize("gap", [False, True])
def test_spearman_of_all_sets_is_that_of_each_two(rng, gap):
    a, b = rng.normal(size=(3, 6, 15)).round(1), rng.normal(size=(3, 6, 15)).round(1)
    if gap:
        a[1, 2, 3] = np.nan
    got = spearman_matrix(a, b)
    for i, j, row in np.ndindex(3, 3, 6):
        want = stats.spearmanr(a[i, row], b[j, row], nan_policy="omit")[0]
        assert got[i, j, row] == pytest.approx(want)


def test_spearman_of_a_constant_set_is_missing(rng):
    a = rng.normal(size=(2, 3, 10))
    a[1, 2] = 4.0
    got = spearman_matrix(a, a)
    assert np.isnan(got[:, 1, 2]).all()
    assert np.isnan(got[1, :, 2]).all()
    assert np.isfinite(got[:, :, :2]).all()


def test_noise_is_taken_off_the_r_of_normal_ranks_and_not_off_rho(rng):
    n = 200_000
    a = rng.normal(size=n)
    b = 0.8 * a + 0.6 * rng.normal(size=n)
    one, two, other = (x + 1.2 * rng.normal(size=n) for x in (a, a, b))
    again = b + 1.2 * rng.normal(size=n)
    both, rel_a, rel_b = (spearman(*pair) for pair in ((one, other), (one, two), (other, again)))
    by_rho = both / np.sqrt(rel_a * rel_b)
    r = [normal_from_ranks(x) for x in (both, rel_a, rel_b)]
    by_r = ranks_from_normal(r[0] / np.sqrt(r[1] * r[2]))
    true = spearman(a, b)
    assert abs(by_r - true) < 0.01
    assert by_rho - true > 0.01


@given(st.floats(-1, 1))
def test_rho_of_normal_ranks_is_had_again(rho):
    assert ranks_from_normal(normal_from_ranks(np.array(rho))) == pytest.approx(rho, abs=1e-9)

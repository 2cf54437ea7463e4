"""Exact variance shares and rank agreement, against plain loops and planted truth."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from emo.core.stats.factorial import factorial, full_factorial
from emo.core.stats.sobol import rank_agreement, variance_shares


def made(response, k):
    return factorial([f"p{i}" for i in range(k)], full_factorial(k), response)


def test_planted_additive_and_interaction():
    points = full_factorial(3)
    a, b, c = (points * 2.0 - 1).T
    shares = variance_shares(made(5 + 3 * a + 1 * b + 2 * b * c, 3))
    assert shares.alone == pytest.approx([9 / 14, 1 / 14, 0])
    assert shares.in_all == pytest.approx([9 / 14, 5 / 14, 4 / 14])


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_equal_to_variances_of_conditional_means(k, seed):
    """First order: Var(E[y | x_j]); total: E[Var(y | the others)]."""
    response = np.random.default_rng(seed).normal(size=2**k)
    points, shares = full_factorial(k), variance_shares(made(response, k))
    for j in range(k):
        means = [response[points[:, j] == level].mean() for level in (0, 1)]
        others = np.delete(points, j, axis=1)
        within = [
            response[(others == rest).all(axis=1)].var()
            for rest in itertools.product((0, 1), repeat=k - 1)
        ]
        assert shares.alone[j] == pytest.approx(np.var(means) / response.var())
        assert shares.in_all[j] == pytest.approx(np.mean(within) / response.var())


def test_a_constant_response_has_no_shares():
    assert np.isnan(variance_shares(made(np.ones(4), 2)).in_all).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=8))
def test_ranks_and_rho_are_scipys(pairs):
    a = {str(i): float(x) for i, (x, _) in enumerate(pairs)}
    b = {str(i): float(y) for i, (_, y) in enumerate(pairs)}
    got = rank_agreement(a, dict(reversed(b.items())) | {"elsewhere": 1.0})
    assert got.ranks == pytest.approx(rankdata([-x for x, _ in pairs]))
    if len({x for x, _ in pairs}) > 1 and len({y for _, y in pairs}) > 1:
        assert got.rho == pytest.approx(spearmanr(list(a.values()), list(b.values())).statistic)
    else:
        assert np.isnan(got.rho)

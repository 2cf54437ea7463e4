"""Distances of behaviour and of geometry: a planted relation is found, and none is not."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo.core.compare.distances import over_groups, relation, without_missing


def names(n):
    return [f"model {i}" for i in range(n)]


def apart(x):
    return np.abs(np.subtract.outer(x, x))


def noisy(distances, rng, by):
    noise = np.triu(rng.normal(0, by, distances.shape), 1)
    return distances + noise + noise.T


def related(n, seed, by=0.15):
    """Models along one line; geometry shows their distances with noise."""
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    return apart(x), noisy(apart(x), rng, by)


def unrelated(n, seed):
    """Flip rates of 24 items beside points of a geometry that know nothing of them."""
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 1, (n, 4))
    geometry = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return apart(rng.binomial(24, 0.4, n) / 24), geometry


def test_p_of_few_models_is_that_of_a_loop_over_all_orders():
    a, b = unrelated(5, 0)
    i, j = np.triu_indices(5, 1)
    null = [
        spearmanr(a[np.ix_(order, order)][i, j], b[i, j]).statistic
        for order in itertools.permutations(range(5))
    ]
    found = relation(names(5), a, b, 99, np.random.default_rng(0))
    assert found.rho == pytest.approx(null[0])
    assert found.p == np.mean(np.array(null) >= null[0] - 1e-9)
    assert found.least_p == np.mean(np.array(null) >= max(null) - 1e-9)
    assert found.every_order


def test_the_smallest_p_is_never_below_one_over_the_orders_and_three_models_decide_nothing():
    for n in (3, 4, 5, 6):
        found = relation(names(n), *related(n, n, 0.001), 99, np.random.default_rng(0))
        assert found.least_p >= 1 / math.factorial(n)
        assert found.p >= found.least_p
    assert not relation(names(3), *related(3, 0), 99, np.random.default_rng(0)).decidable
    assert np.isnan(relation(names(2), *related(2, 0), 99, np.random.default_rng(0)).p)


def test_more_than_seven_models_are_drawn_orders():
    found = relation(names(9), *related(9, 1, 0.01), 199, np.random.default_rng(0))
    assert not found.every_order
    assert found.p == found.least_p == 1 / 200


def test_models_that_all_behave_alike_have_no_relation():
    found = relation(names(6), np.zeros((6, 6)), related(6, 0)[1], 99, np.random.default_rng(0))
    assert np.isnan([found.rho, found.p]).all()
    assert not found.shown


def test_a_planted_relation_of_seven_models_is_found_and_other_orders_change_nothing():
    a, b = related(7, 3)
    found = relation(names(7), a, b, 99, np.random.default_rng(0))
    assert found.shown and found.decidable
    order = np.random.default_rng(1).permutation(7)
    again = relation(
        names(7), *(x[np.ix_(order, order)] for x in (a, b)), 99, np.random.default_rng(0)
    )
    assert (again.rho, again.p) == pytest.approx((found.rho, found.p))


def test_a_model_without_a_distance_is_left_out_and_no_other():
    a, b = related(5, 0)
    a[2], b[4, 1], b[1, 4] = np.nan, np.nan, np.nan
    a[:, 2] = np.nan
    kept = without_missing(a, b)
    assert 2 not in kept
    assert len(kept) == 3
    assert np.isfinite(a[np.ix_(kept, kept)]).all()
    assert without_missing(*related(5, 0)) == [0, 1, 2, 3, 4]


def test_families_are_as_far_apart_as_their_models_on_average():
    x = np.array([0.0, 1.0, 4.0, 5.0, 9.0])
    found, distances = over_groups(apart(x), ["a", "a", "b", "b", "c"])
    assert found == ("a", "b", "c")
    assert distances.tolist() == [[0, 4, 8.5], [4, 0, 4.5], [8.5, 4.5, 0]]


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 6, 7, 10])
def test_unrelated_behaviour_is_found_in_one_world_of_twenty_and_related_in_most(n):
    rng = np.random.default_rng(5)
    null = [relation(names(n), *unrelated(n, s), 199, rng).shown for s in range(300)]
    assert np.mean(null) <= 0.075  # 23 of 300 or more have a chance of 4 % where 5 % is true
    if n >= 6:
        found = [relation(names(n), *related(n, s, 0.1), 199, rng).shown for s in range(60)]
        assert np.mean(found) > 0.8

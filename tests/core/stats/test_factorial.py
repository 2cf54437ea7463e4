"""Oracles: all permutations for Shapley values, least squares for effects, planted responses."""

from itertools import permutations
from math import factorial as fact

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import stdtrit

from emo.core.records import LabelMismatch
from emo.core.stats.factorial import (
    Factorial,
    FactorialError,
    decompose,
    factorial,
    full_factorial,
    shapley_map,
)

EIGHT = (
    "prompts",
    "samples",
    "decoding",
    "max_new_tokens",
    "position",
    "layer",
    "chat",
    "centring",
)
numbers = st.floats(-10, 10).map(lambda x: round(x, 3))


def responses(k):
    return arrays(float, 2**k, elements=numbers)


def names(k):
    return tuple(f"f{i}" for i in range(k))


def plain(y):
    """Decomposition of a response vector in standard order, nothing left out."""
    k = int(np.log2(len(y)))
    return decompose(Factorial(names(k), np.asarray(y, float), np.empty((0, 2**k))))


def shapley_by_permutations(y, k):
    """Mean over all orders of loosening of the fall that each factor brings as it joins."""
    value = {tuple(row): y[i] for i, row in enumerate(full_factorial(k))}
    out = np.zeros(k)
    for order in permutations(range(k)):
        point = [0] * k
        for j in order:
            before = value[tuple(point)]
            point[j] = 1
            out[j] += before - value[tuple(point)]
    return out / fact(k)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_shapley_equals_the_mean_over_all_orders(rng, k):
    y = rng.normal(size=2**k)
    assert np.allclose(plain(y).shapley.value, shapley_by_permutations(y, k), atol=1e-12)


@pytest.mark.parametrize("k", [2, 4, 8])
def test_effects_are_twice_the_coefficients_of_least_squares(rng, k):
    y = rng.normal(size=2**k)
    x = 2.0 * full_factorial(k) - 1
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    columns = [np.ones(2**k), *x.T, *(x[:, i] * x[:, j] for i, j in pairs)]
    coefficients = np.linalg.lstsq(np.stack(columns, axis=1), y, rcond=None)[0]
    got = plain(y)
    assert np.allclose(got.main.value, 2 * coefficients[1 : k + 1])
    assert np.allclose(got.interaction.value, 2 * coefficients[k + 1 :])
    assert got.pairs == tuple((f"f{i}", f"f{j}") for i, j in pairs)


def test_interaction_is_half_the_change_of_an_effect(rng):
    """Box, Hunter & Hunter's definition, by plain means over the cells of a 2^3."""
    y = rng.normal(size=8)
    level = full_factorial(3)

    def effect(of, where):
        return y[where & (level[:, of] == 1)].mean() - y[where & (level[:, of] == 0)].mean()

    for pair, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        want = (effect(i, level[:, j] == 1) - effect(i, level[:, j] == 0)) / 2
        assert plain(y).interaction.value[pair] == pytest.approx(want)


def test_one_at_a_time_reads_the_right_points():
    """k = 3, each response names its point: 4*f2 + 2*f1 + f0, squared to make it uneven."""
    y = np.arange(8.0) ** 2
    got = plain(y)
    assert got.loosened.value.tolist() == [1 - 0, 4 - 0, 16 - 0]
    assert got.restored.value.tolist() == [36 - 49, 25 - 49, 9 - 49]
    assert got.drop.value == 0 - 49


def test_an_additive_response_is_taken_apart_exactly(rng):
    loss = np.array([0.3, 0.0, 0.05, 0.1, 0.2, 0.02, 0.08, 0.01])
    y = 1 - full_factorial(8) @ loss
    got = plain(y)
    assert np.allclose(got.main.value, -loss)
    assert np.allclose(got.loosened.value, -loss)
    assert np.allclose(got.restored.value, loss)
    assert np.allclose(got.shapley.value, loss)
    assert np.allclose(got.interaction.value, 0)
    assert got.ranking[:3] == ("f0", "f4", "f3")
    assert got.rank.value.tolist() == [1, 8, 5, 3, 2, 6, 4, 7]


def test_an_interaction_is_found_and_shared_equally():
    """Only f2 and f5 together cost anything."""
    level = full_factorial(8)
    y = 1 - 0.8 * level[:, 2] * level[:, 5]
    got = plain(y)
    found = dict(zip(got.pairs, got.interaction.value, strict=True))
    assert found.pop(("f2", "f5")) == pytest.approx(-0.4)
    assert np.allclose(list(found.values()), 0)
    assert np.allclose(got.shapley.value, [0, 0, 0.4, 0, 0, 0.4, 0, 0])
    assert np.allclose(got.loosened.value, 0)  # one at a time sees nothing of it
    assert np.allclose(got.restored.value, [0, 0, 0.8, 0, 0, 0.8, 0, 0])


@given(responses(4))
def test_efficiency_shapley_values_sum_to_the_drop(y):
    got = plain(y)
    assert got.shapley.value.sum() == pytest.approx(y[0] - y[-1], abs=1e-9)
    assert got.drop.value == pytest.approx(y[0] - y[-1])


@given(responses(3), st.integers(0, 3), numbers)
def test_dummy_a_factor_that_adds_a_constant_gets_it(y, place, loss):
    """Insert a factor that changes every response by the same amount, whatever the others."""
    level = full_factorial(4)
    others = np.delete(level, place, axis=1) @ np.array([1, 2, 4])
    got = plain(y[others] - loss * level[:, place])
    assert got.shapley.value[place] == pytest.approx(loss, abs=1e-9)
    rest = np.delete(got.shapley.value, place)
    assert np.allclose(rest, plain(y).shapley.value, atol=1e-9)


@given(responses(4), st.permutations(range(4)))
def test_symmetry_names_do_not_matter(y, order):
    """Renaming the factors renames their values; hence equal factors get equal values."""
    level = full_factorial(4)
    moved = np.empty_like(y)
    moved[level[:, order] @ (1 << np.arange(4))] = y
    assert np.allclose(plain(moved).shapley.value, plain(y).shapley.value[order], atol=1e-9)


@given(responses(3), responses(3))
def test_additivity(y, z):
    total = plain(y + z).shapley.value
    assert np.allclose(total, plain(y).shapley.value + plain(z).shapley.value, atol=1e-9)


def test_each_column_of_the_shapley_map_takes_one_whole_from_the_other():
    weights = shapley_map(8)
    assert np.allclose(weights.sum(axis=0), 0)
    assert np.allclose(np.abs(weights).sum(axis=0), 2)


def test_intervals_are_the_jackknife_of_the_effects(rng):
    left_out = rng.normal(size=(12, 256))
    y = rng.normal(size=256)
    got = decompose(Factorial(EIGHT, y, left_out), level=0.8)
    each = [plain(row) for row in left_out]
    for name in ("main", "interaction", "loosened", "restored", "shapley", "drop"):
        values = np.stack([getattr(d, name).value for d in each])
        error = np.sqrt(11 / 12 * ((values - values.mean(axis=0)) ** 2).sum(axis=0))
        found = getattr(got, name)
        assert np.allclose(found.high - found.value, stdtrit(11, 0.9) * error)
        assert np.allclose(found.value - found.low, stdtrit(11, 0.9) * error)


def scattered(rng, loss, error, n=20):
    """An additive factorial whose responses have a known error, the same units for all points."""
    level = full_factorial(len(loss))
    noise = error * np.sqrt((n - 1) / n) * rng.normal(size=(n, len(loss))) / np.sqrt(n - 1)
    return Factorial(names(len(loss)), 1 - level @ np.array(loss), 1 - (loss + noise) @ level.T)


def test_places_are_open_where_the_error_leaves_them_open(rng):
    got = decompose(scattered(rng, [0.5, 0.02, 0.03], 0.02))
    assert got.ranking == ("f0", "f2", "f1")
    assert got.rank.value.tolist() == [1, 3, 2]
    assert got.rank.low.tolist() == [1, 2, 2]
    assert got.rank.high.tolist() == [1, 3, 3]
    assert got.told == ("f0",)


def test_under_noise_alone_nothing_is_told_and_no_place_is_taken(rng):
    """Of 200 factorials of five factors without an effect, at most the level is wrong."""
    told = placed = 0
    for _ in range(200):
        n, error = 20, 0.1
        effect = error * rng.normal(size=5)
        units = error * rng.normal(size=(n, 5)) / np.sqrt(n - 1)
        level = full_factorial(5)
        got = decompose(Factorial(names(5), 1 - level @ effect, 1 - (effect + units) @ level.T))
        told += bool(got.told)
        placed += bool((got.rank.low > 1).any() or (got.rank.high < 5).any())
    assert told <= 18
    assert placed <= 18


def test_a_factor_that_does_nothing_is_not_told_by_rounding(rng):
    left_out = np.tile(1.0 / 3 - 0.1 * full_factorial(3)[:, 0], (5, 1))
    got = decompose(Factorial(names(3), left_out[0], left_out))
    assert got.told == ("f0",)
    assert got.rank.low.tolist() == [1, 2, 2]
    assert got.rank.high.tolist() == [1, 3, 3]


def test_nothing_left_out_no_interval(rng):
    got = plain(rng.normal(size=8))
    assert np.isnan(got.shapley.low).all()
    assert np.isnan(got.drop.high)
    assert np.isnan(got.rank.low).all()
    assert got.told == ()
    assert np.isfinite(got.shapley.value).all()


def test_points_in_any_order_are_sorted_by_their_levels(rng):
    level, y, left_out = full_factorial(4), rng.normal(size=16), rng.normal(size=(5, 16))
    order = rng.permutation(16)
    got = factorial(names(4), level[order], y[order], left_out[:, order])
    assert np.array_equal(got.response, y)
    assert np.array_equal(got.left_out, left_out)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda level, y: level.__setitem__(3, level[2]), "loose: b is there 2 times"),
        (lambda level, y: level.__setitem__((0, 0), 1), "all matched is there 0 times"),
        (lambda level, y: level.__setitem__((0, 0), 2), r"found \[0 1 2\]"),
        (lambda level, y: y.__setitem__(1, np.nan), "at loose: a is not finite"),
    ],
)
def test_anything_but_a_full_factorial_is_refused(change, words):
    level, y = full_factorial(2), np.zeros(4)
    change(level, y)
    with pytest.raises(FactorialError, match=words):
        factorial(("a", "b"), level, y)


def test_numbers_of_points_must_fit_the_factors():
    with pytest.raises(LabelMismatch, match="response has 4 points, 3 factors have 8"):
        Factorial(("a", "b", "c"), np.zeros(4), np.empty((0, 4)))

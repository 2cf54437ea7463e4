"""Searches over many rows: the p is of the whole search, with held values and without."""

import numpy as np
import pytest

from emo.core.stats.correlation import pearson, ranks
from emo.core.stats.searches import basis, permuted_labels, permuted_pairs, residuals, search

NOTHING = np.zeros((0, 16))


def draws(rng, n=16, permutations=99):
    return rng.permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)


def share_shown(rng, worlds, make):
    p = [search(*make(rng), draws(rng), permuted_labels, True).p for _ in range(worlds)]
    return np.mean(np.array(p) <= 0.05)


def test_the_best_of_many_unrelated_rows_is_called_significant_in_five_percent(rng):
    def make(rng):
        return rng.normal(size=(40, 16)), rng.normal(size=16), basis(NOTHING)

    assert share_shown(rng, 400, make) <= 0.075  # 0.05 and two errors of 400 worlds


def test_each_row_by_itself_would_be_called_significant_far_too_often(rng):
    """What the search is for: the same worlds, judged by the best row's own p."""
    shown = []
    for _ in range(100):
        rows, target = rng.normal(size=(40, 16)), rng.normal(size=16)
        best = rows[np.abs(pearson(rows, target[None])).argmax()][None]
        shown.append(
            search(best, target, basis(NOTHING), draws(rng), permuted_labels, True).p <= 0.05
        )
    assert np.mean(shown) > 0.5


def test_rows_that_hold_only_the_held_values_are_shown_in_five_percent(rng):
    def make(rng):
        held = rng.normal(size=(2, 16))
        target = held.sum(axis=0) + rng.normal(size=16)
        rows = held[rng.integers(2, size=40)] + 0.7 * rng.normal(size=(40, 16))
        return rows, target, basis(held)

    def unfixed(rng):
        rows, target, _ = make(rng)
        return rows, target, basis(NOTHING)

    assert share_shown(rng, 400, make) <= 0.075
    assert share_shown(rng, 60, unfixed) > 0.5


def test_a_row_beyond_the_held_values_is_found(rng):
    held, target = rng.normal(size=(1, 16)), rng.normal(size=16)
    rows = np.concatenate([rng.normal(size=(9, 16)), [held[0] - target]])
    found = search(rows, target, basis(held), draws(rng), permuted_labels, True)
    assert found.values[-1] == pytest.approx(-1)
    assert found.p == 0.01
    one_way = search(rows[-1:], target, basis(held), draws(rng), permuted_labels, False)
    assert one_way.p == 1


def test_residual_products_are_partial_correlations(rng):
    a, b, held = rng.normal(size=16), rng.normal(size=16), rng.normal(size=(2, 16))
    directions = basis(held)
    x, y = (v - np.column_stack([np.ones(16), held.T]) @ _fit(v, held) for v in (a, b))
    expected = float(pearson(x, y))
    assert residuals(a, directions) @ residuals(b, directions) == pytest.approx(expected)


def _fit(v, held):
    return np.linalg.lstsq(np.column_stack([np.ones(16), held.T]), v, rcond=None)[0]


def test_held_values_that_repeat_or_do_not_vary_take_nothing_more(rng):
    row = rng.normal(size=16)
    assert basis(np.stack([row, 2 * row + 3, np.full(16, 4.0)])).shape == (16, 2)
    assert np.isnan(residuals(3 * row + 1, basis(row[None]))).all()


def test_pairs_follow_their_labels(rng):
    values = rng.normal(size=5)
    i, j = np.triu_indices(5, 1)
    order = np.array([[3, 1, 4, 0, 2]])
    moved = permuted_pairs(np.abs(values[i] - values[j]), order)[0]
    again = values[order[0]]
    assert moved == pytest.approx(np.abs(again[i] - again[j]))


def test_layers_that_are_not_finite_do_not_compete(rng):
    rows = rng.normal(size=(3, 16))
    target = rows[2].copy()
    rows[1, 0] = np.nan
    found = search(rows, target, basis(NOTHING), draws(rng), permuted_labels, True)
    assert np.isnan(found.values[1])
    assert found.p == 0.01
    none = search(rows[1:2], target, basis(NOTHING), draws(rng), permuted_labels, True)
    assert np.isnan([none.p, none.line]).all()


def test_rdms_of_unrelated_ratings_are_shown_in_five_percent(rng):
    """Pairs of one emotion move together: Mantel's permutation, within the search over layers."""
    i, j = np.triu_indices(12, 1)
    shown = []
    for _ in range(300):
        layers = rng.normal(size=(6, 12, 3))
        rows = np.stack([ranks((x @ x.T)[i, j]) for x in layers])
        rating = rng.normal(size=12)
        target = ranks(-np.abs(rating[i] - rating[j]))
        directions = basis(np.zeros((0, len(i))))
        orders = draws(rng, 12)
        shown.append(search(rows, target, directions, orders, permuted_pairs, False).p <= 0.05)
    assert np.mean(shown) <= 0.08

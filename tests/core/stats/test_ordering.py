"""Long rows are ordered by counting: the very order of a sort, also where rounding exchanges entries."""

import numpy as np
import pytest

from emo.core.stats import ordering
from emo.core.stats.correlation import mid_ranks, spearman
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.ordering import SHORTEST, in_order
from emo.core.stats.weighted_ranks import weighted_ranks

LONG = SHORTEST + 37


def rows_of(kind: str) -> np.ndarray:
    rows = np.random.default_rng(5).normal(size=(3, LONG))
    match kind:
        case "tied":
            return rows.round(1)
        case "nearly equal":
            return 1 + rows * 1e-12 + (np.arange(LONG) == 0) * 1e3
        case "constant":
            return np.ones_like(rows)
        case "large":
            return rows * 4e307
        case "infinite":
            rows[0, :9], rows[1, 3] = np.inf, -np.inf
        case "missing":
            rows[1, 5:8] = np.nan
    return rows


KINDS = ("plain", "tied", "nearly equal", "constant", "large", "infinite", "missing")


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_is_that_of_a_sort(kind):
    rows = rows_of(kind)
    places, ordered = in_order(rows)
    np.testing.assert_array_equal(np.sort(places, axis=None), np.arange(rows.size))
    np.testing.assert_array_equal(rows.reshape(-1)[places], np.sort(rows, axis=-1))
    np.testing.assert_array_equal(ordered, np.sort(rows, axis=-1))


def test_counting_is_used_and_looked_at(monkeypatch):
    """Without the look, entries closer than a step of the range stay exchanged."""
    asked = []
    monkeypatch.setattr(
        ordering,
        "_by_counting",
        lambda x: asked.append(x.shape) or np.argsort(-x.astype(float)) + ordering._starts(x),
    )
    rows = rows_of("plain")
    want = np.argsort(rows, axis=-1) + ordering._starts(rows)
    np.testing.assert_array_equal(in_order(rows)[0], want)
    assert asked == [rows.shape]


def test_counted_entries_are_ranked_as_if_repeated():
    rng = np.random.default_rng(6)
    rows, times = rng.normal(size=(3, LONG)).round(2), rng.integers(0, 4, LONG)
    rows[:, np.flatnonzero(times == 0)[:4]] = np.nan
    got = weighted_ranks(rows, times.astype(float))
    repeated = np.repeat(rows, times, axis=1)
    want = np.array([spearman(x, repeated) for x in repeated])
    np.testing.assert_allclose(got @ got.T, want, rtol=0, atol=1e-12)


def test_a_row_whose_counted_entries_are_equal_has_no_correlation():
    got = weighted_ranks(np.array([[1.0, 1.0, 2.0]]), np.array([1.0, 1.0, 0.0]))
    assert np.isnan(got).all()


@pytest.mark.parametrize("alike", [True, False])
def test_rows_with_missing_entries_are_correlated_over_the_common_ones(alike):
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(2, 3, 5, 28))
    a[:, 1, :6] = np.nan
    b[:, 2, 4:9] = np.nan
    a[:, 3] = np.nan
    b[:, 4, 2:] = np.nan
    if not alike:
        a[0, 1, 20:] = np.nan
    want = np.stack([[spearman(x, y) for y in b] for x in a])
    np.testing.assert_allclose(spearman_matrix(a, b), want, rtol=0, atol=1e-12)
    assert np.isfinite(want[0, 0, :3]).all() and np.isnan(want[:, :, 3:]).all()


def test_mid_ranks_of_long_rows_share_ranks_of_ties():
    rows = rows_of("tied")
    below = (rows[:, None, :] < rows[:, :, None]).sum(axis=-1)
    equal = (rows[:, None, :] == rows[:, :, None]).sum(axis=-1)
    np.testing.assert_array_equal(mid_ranks(rows), below + (equal + 1) / 2)

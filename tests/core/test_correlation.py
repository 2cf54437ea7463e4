"""Oracle: scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from emo.core.correlation import pearson, spearman, spearman_brown

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

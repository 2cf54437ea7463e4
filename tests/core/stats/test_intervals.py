import numpy as np
import pytest
from scipy import stats

from emo.core.stats.intervals import expansion, percentile_interval, recentred


def test_percentiles_leave_gaps_out(rng):
    x = rng.normal(size=(50, 3))
    x[7, 1] = np.nan
    x[:, 2] = np.nan
    low, high = percentile_interval(x, 0.9)
    assert (low[0], high[0]) == tuple(np.percentile(x[:, 0], [5, 95]))
    assert low[1] == np.percentile(np.delete(x[:, 1], 7), 5)
    assert np.isnan([low[2], high[2]]).all()


def test_no_replicates_no_bounds():
    low, high = percentile_interval(np.empty((0, 2)))
    assert low.shape == (2,)
    assert np.isnan([low, high]).all()


def test_recentred_replicates_scatter_about_the_estimate(rng):
    """Attenuated replicates: mean far below the estimate, all of their spread kept."""
    replicates = np.tanh(0.4 + 0.1 * rng.normal(size=(4000, 2)))
    estimate = np.array([0.6, -0.2])
    got = np.arctanh(recentred(replicates, estimate))
    assert np.allclose(got.mean(axis=0), np.arctanh(estimate))
    assert np.allclose(got.std(axis=0), np.arctanh(replicates).std(axis=0))
    wide = np.arctanh(recentred(replicates, estimate, factor=2.0))
    assert np.allclose(wide.std(axis=0), 2 * got.std(axis=0))


def test_recentring_ignores_gaps_and_bears_a_correlation_of_one():
    replicates = np.array([[1.0, 0.2], [1.0, np.nan], [1.0, 0.4]])
    got = recentred(replicates, np.array([1.0, 0.5]))
    assert np.allclose(got[:, 0], 1)
    assert np.isnan(got[1, 1])
    assert np.arctanh(got[[0, 2], 1]).mean() == pytest.approx(np.arctanh(0.5))
    assert (np.abs(got[np.isfinite(got)]) <= 1).all()


def test_expansion_makes_the_bootstrap_interval_of_a_mean_students(rng):
    """Mean +- t * s / sqrt(n), from 1.96 bootstrap standard errors."""
    x = rng.normal(size=6)
    bootstrap_error = x.std() / np.sqrt(6)
    low, high = stats.t.interval(0.95, 5, x.mean(), x.std(ddof=1) / np.sqrt(6))
    normal = stats.norm.ppf(0.975) * bootstrap_error
    assert expansion(np.array([6])) * normal == pytest.approx((high - low) / 2)


def test_expansion_of_strata():
    assert expansion(np.array([3, 3, 3])) == pytest.approx(
        np.sqrt(3 / 2) * stats.t.ppf(0.975, 6) / stats.norm.ppf(0.975)
    )
    mixed = expansion(np.array([2, 3, 1]))  # a single unit is not drawn from
    assert mixed == pytest.approx(
        np.sqrt((2 + 1.5) / 2) * stats.t.ppf(0.975, 3) / stats.norm.ppf(0.975)
    )
    assert expansion(np.array([1, 1])) is None
    assert expansion(np.array([10**6])) == pytest.approx(1, abs=1e-4)

import numpy as np
import pytest

from emo.core.intervals import percentile_interval, recentred, small_sample_factor


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


def test_small_samples_are_widened():
    """The variance of a bootstrap mean of n numbers is (n-1)/n of the unbiased one."""
    x = np.array([1.0, 4.0, 7.0])
    bootstrap_variance = x.var() / 3
    assert bootstrap_variance * small_sample_factor(3.0) ** 2 == pytest.approx(x.var(ddof=1) / 3)

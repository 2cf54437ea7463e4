import numpy as np
import pytest
from scipy.stats import t

from emo.core.stats.jackknife import reach, standard_error, without_each


def test_each_row_lacks_the_pairs_of_one_label_and_no_others():
    rdm = np.arange(10.0)
    i, j = np.triu_indices(5, 1)
    got = without_each(rdm)
    assert got.shape == (5, 10)
    for label, row in enumerate(got):
        gone = (i == label) | (j == label)
        assert np.isnan(row[gone]).all()
        assert np.array_equal(row[~gone], rdm[~gone])


def test_the_error_of_a_mean_is_that_of_the_textbook(rng):
    values = rng.normal(size=9)
    left_out = np.array([np.delete(values, i).mean() for i in range(9)])
    want = values.std(ddof=1) / 3
    assert standard_error(left_out) == pytest.approx(want)
    both = standard_error(np.stack([left_out, 2 * left_out], axis=1))
    assert both == pytest.approx([want, 2 * want])


def test_the_interval_reaches_as_far_as_students_t():
    assert reach(np.array(2.0), 9) == pytest.approx(2 * t.ppf(0.975, 8))

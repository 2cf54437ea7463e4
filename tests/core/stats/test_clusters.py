"""The interval of a share over clusters covers what it says."""

import numpy as np
import pytest

from emo.core.stats.clusters import clustered_share


def test_the_interval_covers_the_share_of_clusters_that_differ(rng):
    clusters = np.repeat(np.arange(24), 21)
    covered = 0
    for _ in range(300):
        chance = np.clip(0.3 + 0.15 * rng.normal(size=24), 0, 1)
        hits = (rng.random(504) < chance[clusters]).astype(float)
        _, low, high = clustered_share(hits, clusters)
        covered += low <= 0.3 <= high
    assert 0.91 <= covered / 300 <= 0.985


def test_items_that_are_not_scored_do_not_count():
    hits = np.array([1.0, np.nan, 0.0, 1.0])
    assert clustered_share(hits, np.array([0, 0, 1, 1]))[0] == pytest.approx(2 / 3)


def test_one_cluster_has_no_interval():
    share, low, high = clustered_share(np.ones(3), np.zeros(3, int))
    assert share == 1
    assert np.isnan([low, high]).all()


def test_nothing_scored_is_nothing():
    assert np.isnan(clustered_share(np.full(2, np.nan), np.arange(2))).all()

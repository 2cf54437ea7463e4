"""Draws of items and of emotions."""

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from scipy.stats import spearmanr, t

from emo.core.compare.rdms import compare_independent
from emo.core.geometry.item_sets import ItemSet
from emo.core.stats.hierarchical import over_items_and_emotions
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, nested, two_models


def test_variances_equal_the_loop(rng):
    n, draws = 6, 40
    rdms = rng.normal(size=(3, n * (n - 1) // 2))
    replicates = rdms[:, None] + 0.3 * rng.normal(size=(3, draws, rdms.shape[1]))
    got = over_items_and_emotions(rdms, replicates, [1.1, 1.3], np.random.default_rng(4))
    emotions = np.random.default_rng(4).integers(n, size=(draws, n))

    def correlations(of, pairs):
        return spearmanr(np.array([[squareform(r)[p] for r in of] for p in pairs]))[0]

    every = [(i, j) for i in range(n) for j in range(i + 1, n)]
    items, chosen, both = [], [], []
    for d, drawn in enumerate(emotions):
        pairs = [(i, j) for k, i in enumerate(drawn) for j in drawn[k + 1 :] if i != j]
        items.append(correlations(replicates[:, d], every))
        chosen.append(correlations(rdms, pairs))
        both.append(correlations(replicates[:, d], pairs))
    off = ~np.eye(3, dtype=bool)
    items, chosen, both = (np.nanvar(np.array(x)[:, off], axis=0) for x in (items, chosen, both))
    items = items * 1.3**2
    least = np.maximum(items, chosen)
    variance = np.maximum(2 * (items + chosen) - both, least)
    variance = np.minimum(variance, np.maximum(both, least))
    rho = correlations(rdms, every)[off]
    assert got.value[off] == pytest.approx(rho)
    reach = t.ppf(0.975, n - 1) * np.sqrt(variance) / (1 - rho**2)
    assert got.low[off] == pytest.approx(np.tanh(np.arctanh(rho) - reach))
    assert got.high[off] == pytest.approx(np.tanh(np.arctanh(rho) + reach))


def test_a_side_without_draws_leaves_no_bounds(rng):
    got = over_items_and_emotions(
        rng.normal(size=(2, 10)), rng.normal(size=(2, 5, 10)), [1.1, None], rng
    )
    assert np.isnan(got.low).all()
    assert np.isnan(got.high).all()


def test_one_text_an_emotion_has_no_interval_over_both(rng):
    few = Resampling(n_splits=2, n_bootstrap=20, splits_per_replicate=1)
    many, one = (
        ItemSet.make(two_models(rng, geometry=1, design=d, declared=c)[0], 0)
        for d, c in ((crossed(8, 6), True), (nested(8, 1), False))
    )
    assert np.isnan(compare_independent(many, one, few).over_both.low)
    assert np.isfinite(compare_independent(many, many, few).over_both.low)


@pytest.mark.slow
@pytest.mark.parametrize(("plane", "own"), [(0, 2), (0, 6), (3, 2)])
def test_intervals_over_items_and_emotions_cover(plane, own):
    """Emotions and items drawn anew each time: scattered, or for the most part on two dimensions.

    Too wide where pairs scatter by themselves; never too narrow.
    """
    rng = np.random.default_rng(2)
    estimates = []
    for i in range(300):
        emotion = rng.normal(size=(16, 30))
        emotion[:, :2] *= 1 + plane
        vectors, design = (emotion, emotion), crossed(16, 12)
        a, b = (
            ItemSet.make(two_models(rng, 1, own=own, design=design, vectors=vectors)[0], 0)
            for _ in range(2)
        )
        few = Resampling(n_splits=2, n_bootstrap=300, splits_per_replicate=1, seed=i)
        estimates.append(compare_independent(a, b, few).over_both)
    value, low, high = np.array([(e.value, e.low, e.high) for e in estimates]).T
    covered = ((low <= value.mean()) & (value.mean() <= high)).mean()
    print(f"rho {value.mean():.2f}, covered {covered:.3f}")
    assert covered >= 0.93

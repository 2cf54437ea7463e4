"""Disattenuated rho and its interval against planted geometries, and a plain loop."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo.core.compare.attenuation import on_own_items, on_shared_items
from emo.core.compare.leaving_out import MOST_UNITS, leaving_out
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.geometry.item_sets import ItemSet
from emo.core.stats.correlation import spearman
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, emotion_vectors, item_sets, nested, two_models

FEW = Resampling(n_splits=24, n_bootstrap=2, seed=5)


def true_rho(vectors):
    return float(spearman(*(upper(cosine_matrix(v - v.mean(axis=0))) for v in vectors)))


def test_values_are_those_of_a_plain_loop_over_halves(rng):
    sets = item_sets(rng, geometry=1.0, design=crossed(6, 4))
    got = on_shared_items(*sets, replace(FEW, n_splits=400))
    names = sets[0].emotions
    halves = [np.array(h) for h in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))]
    group = sets[0].layer.cells.group

    def rdm(s, half):
        return s.rdms(np.isin(group, half)[None].astype(float), names)[0]

    def mean(a, b):
        rhos = [spearmanr(rdm(a, h), rdm(b, np.setdiff1d(range(4), h)))[0] for h in halves]
        return np.mean(rhos)

    want, own = mean(*sets), [mean(s, s) for s in sets]
    assert got.agreement.value == pytest.approx(want, abs=0.02)
    assert got.ceiling == pytest.approx(np.sqrt(np.prod(own)), abs=0.02)
    assert got.ratio.value == pytest.approx(want / np.sqrt(np.prod(own)), abs=0.04)


@pytest.mark.parametrize("alike", [1.0, 0.7, 0.0])
@pytest.mark.parametrize("passage", [0.0, 2.0])
def test_the_true_rho_is_found_whatever_noise_the_sets_share(alike, passage):
    """The noise of one passage in both models leaves disattenuated rho where it is."""
    rng = np.random.default_rng(3)
    vectors = emotion_vectors(rng, 16, alike)
    sets = item_sets(rng, 1.0, passage, own=1.5, design=crossed(16, 20), vectors=vectors)
    ratio = on_shared_items(*sets, FEW).ratio
    assert ratio.low < true_rho(vectors) < ratio.high
    assert ratio.high - ratio.low < 0.7


def test_planted_agreement_is_corrected_to_what_it_is(rng):
    """True rho 0.6 or so under much noise of their own and of the passages: found again."""
    emotion = rng.normal(size=(21, 30))
    other = 0.8 * emotion + 0.6 * rng.normal(size=emotion.shape)
    vectors = emotion, other
    sets = item_sets(rng, 1, passage=1.5, own=1.5, design=crossed(21, 24), vectors=vectors)
    got = on_shared_items(*sets, FEW)
    assert got.agreement.value < true_rho(vectors) - 0.15
    assert got.ratio.value == pytest.approx(true_rho(vectors), abs=0.12)


def test_two_sets_without_a_geometry_have_a_ratio_without_an_end(rng):
    sets = item_sets(rng, 0.0, passage=3.0, own=1.5, design=crossed(16, 12))
    got = on_shared_items(*sets, FEW)
    assert got.ratio.low == -np.inf
    assert got.ratio.high == np.inf
    assert got.agreement.low < 0 < got.agreement.high


@pytest.mark.slow
def test_unrelated_geometries_that_repeat_themselves_are_not_certified():
    """Over items alone they are: they correlate by the chance of the emotions at hand."""
    alone, both = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        sets = item_sets(rng, 1.0, own=0.3, design=crossed(14, 8), alike=0.0)
        got = leaving_out(sets, FEW)
        alone.append(got.over_items(lambda disjoint: disjoint).low[0, 1] > 0)
        both.append(on_shared_items(*sets, FEW).agreement.low > 0)
    assert sum(alone) >= 2
    assert sum(both) == 0


def test_sides_with_items_of_their_own_are_measured_on_all_pairs_of_halves(rng):
    vectors = emotion_vectors(rng, 14, 0.8)
    a = ItemSet.make(two_models(rng, 1.0, design=crossed(14, 20), vectors=vectors)[0], 0)
    b = ItemSet.make(two_models(rng, 1.0, design=crossed(14, 6), vectors=vectors)[1], 0)
    got = on_own_items(([a], [b]), FEW)
    assert got.ratio.low < true_rho(vectors) < got.ratio.high
    swapped = on_own_items(([b], [a]), FEW)
    assert swapped.ratio.value == pytest.approx(float(got.ratio.value), abs=0.03)


def test_a_side_of_single_texts_is_measured_by_its_replicate():
    rng = np.random.default_rng(11)
    vectors = emotion_vectors(rng, 18)
    a = ItemSet.make(two_models(rng, 1.0, design=crossed(18, 20), vectors=vectors)[0], 0)
    b, again = (
        ItemSet.make(
            two_models(rng, 3.0, own=1.0, design=nested(18, 1), declared=False, vectors=vectors)[0],
            0,
        )
        for _ in range(2)
    )
    got = on_own_items(([a], [b, again]), FEW)
    names = a.emotions
    assert got.agreement.value == pytest.approx(
        float(spearman(a.rdm(names), b.rdm(names)) + spearman(a.rdm(names), again.rdm(names))) / 2,
        abs=0.1,
    )
    assert got.ratio.low < 1 < got.ratio.high
    assert got.ratio.high - got.ratio.low < 0.6


def test_many_items_are_left_out_in_groups(rng):
    """More units than MOST_UNITS cost no more time, and the interval is about the same."""
    design = nested(6, MOST_UNITS // 6 + 4)
    sets = item_sets(rng, 2.0, own=1.0, situation=0.3, design=design, declared=False)
    grouped = on_shared_items(*sets, FEW).ratio
    assert grouped.low < 1 < grouped.high
    assert grouped.high - grouped.low < 0.4


@pytest.mark.slow
@pytest.mark.parametrize("own", [1.0, 2.0, 3.0])
def test_intervals_are_of_as_many_other_items(own):
    """Planted rho of 1 and of about 0.3 under noise that both share; 60 studies each.

    The mean of the studies is off the true rho by at most 0.07, since ranks are not attenuated by
    just this factor.
    """
    for alike in (1.0, 0.7):
        vectors = emotion_vectors(np.random.default_rng(1), 21, alike)
        found = []
        for seed in range(60):
            rng = np.random.default_rng([seed, 8])
            sets = item_sets(rng, 1.0, 1.0, own, crossed(21, 24), vectors=vectors)
            ratio = on_shared_items(*sets, FEW).ratio
            found.append((float(ratio.value), float(ratio.low), float(ratio.high)))
        value, low, high = np.transpose(found)
        assert abs(value.mean() - true_rho(vectors)) < 0.07
        assert np.mean((low <= value.mean()) & (value.mean() <= high)) >= 0.9

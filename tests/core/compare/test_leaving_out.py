"""Intervals of disjoint rho and of what follows from it, under planted geometries."""

import numpy as np
import pytest

from emo.core.compare.agreement import disjoint_items
from emo.core.compare.leaving_out import (
    BLOCKS,
    ceilings,
    disattenuated_matrix,
    leaving_out,
)
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.stats.correlation import spearman
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, emotion_vectors, item_sets, nested

FEW = Resampling(n_splits=25, n_bootstrap=5, splits_per_replicate=1, seed=1)
PAIR = (0, 1)


def true_rho(vectors):
    """Rho of the noise-free RDMs."""
    a, b = (upper(cosine_matrix(x - x.mean(axis=0))) for x in vectors)
    return float(spearman(a, b))


def test_the_whole_is_disjoint_rho(rng):
    sets = item_sets(rng, geometry=0.5, passage=1, design=crossed(8, 10))
    got = leaving_out(sets, FEW)
    assert got.whole == pytest.approx(disjoint_items(sets, FEW).disjoint.value)
    assert got.without_unit.shape == (10, 2, 2) and got.without_emotion.shape == (8, 2, 2)
    fewer = [s.emotions[1:] for s in sets]
    assert fewer[0] == got.emotions[1:]


@pytest.mark.slow
@pytest.mark.parametrize("geometry", [0.3, 1.5])
def test_unrelated_geometries_are_seldom_certified_at_any_reliability(geometry):
    """Over items alone chance agreement of few emotions would be: in 1 % and in 36 % of 100."""
    certified = []
    for k in range(30):
        rng = np.random.default_rng((5, k))
        sets = item_sets(
            rng, geometry=geometry, passage=0.5, own=0.5, design=crossed(12, 12), alike=0.0
        )
        got = leaving_out(sets, FEW)
        certified.append((got.p()[PAIR] <= 0.05, got.over_items(_pair).low > 0))
    both, items = np.mean(certified, axis=0)
    assert both <= 0.05
    if geometry > 1:
        assert items > 0.2


def _pair(disjoint):
    return disjoint[..., 0, 1]


def test_a_shared_geometry_is_certified(rng):
    got = leaving_out(item_sets(rng, geometry=0.6, passage=0.5, own=0.5), FEW)
    assert got.p()[PAIR] < 0.001
    e = got.rho()[PAIR]
    assert 0 < e.low < e.value < e.high < 1
    wide, narrow = got.over_both(_pair), got.over_items(_pair)
    assert wide.high - wide.low > narrow.high - narrow.low


@pytest.mark.slow
def test_passages_in_common_are_no_agreement():
    """No geometry at all, and all noise shared: same-item rho is high, disjoint rho is nothing."""
    p = []
    for k in range(20):
        sets = item_sets(np.random.default_rng((7, k)), passage=2, own=0.5, design=crossed(10, 10))
        p.append(leaving_out(sets, FEW).p()[PAIR])
    assert np.mean(np.array(p) <= 0.05) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("geometry", "alike"), [(0.25, 1.0), (0.25, 0.7), (0.5, 0.7)])
def test_the_interval_of_disattenuated_rho_holds_the_rho_of_the_noise_free_geometries(
    geometry, alike
):
    """Reliabilities of the halves 0.27 and 0.65; measured over 60 studies: 1.00, 1.00, 0.97."""
    covered, values, truth = [], [], []
    for k in range(24):
        rng = np.random.default_rng((6, k))
        vectors = emotion_vectors(rng, 14, alike)
        sets = item_sets(
            rng, geometry=geometry, passage=0.5, own=0.5, design=crossed(14, 14), vectors=vectors
        )
        e = leaving_out(sets, FEW).over_items(disattenuated_matrix)[PAIR]
        covered.append(e.low <= true_rho(vectors) <= e.high)
        values.append(float(e.value))
        truth.append(true_rho(vectors))
    assert np.mean(covered) >= 0.87
    assert np.nanmean(values) == pytest.approx(np.mean(truth), abs=0.1)


def test_a_set_that_does_not_agree_with_itself_has_no_ceiling():
    d = np.array([[0.5, 0.1, 0.2], [0.1, -0.1, 0.1], [0.2, 0.1, 0.08]])
    assert np.isnan(ceilings(d)[1]).all() and np.isnan(ceilings(d)[:, 1]).all()
    assert ceilings(d)[0, 2] == pytest.approx(0.2)
    assert disattenuated_matrix(d)[0, 2] == pytest.approx(1.0)


def test_passages_without_situations_are_left_out_within_their_emotion(rng):
    got = leaving_out(item_sets(rng, geometry=2, own=0.5, design=nested(8, 3), declared=False), FEW)
    assert len(got.stratum) == 24 and len(set(got.stratum)) == 8
    assert np.isfinite(got.over_items(_pair).low)


def test_many_passages_are_left_out_in_blocks(rng):
    sets = item_sets(rng, geometry=1, design=nested(6, 30), declared=False)
    got = leaving_out(sets, FEW)
    assert got.without_unit.shape == (BLOCKS, 2, 2)
    e = got.over_items(_pair)
    assert e.low < e.value < e.high


def test_one_passage_an_emotion_leaves_nothing(rng):
    got = leaving_out(item_sets(rng, geometry=1, design=nested(8, 1), declared=False), FEW)
    assert np.isnan(got.p()).all()
    assert np.isnan(got.over_items(disattenuated_matrix).value).all()


def test_a_fixed_rdm_is_the_same_in_both_halves(rng):
    sets = item_sets(rng, geometry=1, design=crossed(8, 8))
    own = sets[0].rdm(sets[0].emotions)
    got = leaving_out(sets, FEW, own[None])
    assert got.whole.shape == (3, 3)
    assert got.whole[2, 2] == pytest.approx(1)
    assert got.whole[0, 2] > got.whole[0, 0]

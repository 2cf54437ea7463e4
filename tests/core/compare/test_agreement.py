"""Planted truth (what two fake models share is known) and plain loops over halves and replicates."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from emo.core.compare.agreement import disjoint_items, same_items
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.geometry.halves import split_half
from emo.core.geometry.item_sets import ItemSet, shared_design
from emo.core.records import LabelMismatch
from emo.core.stats.correlation import spearman_brown
from emo.core.stats.intervals import expansion, recentred
from emo.core.stats.resampling import Resampling, stream
from tests.core.planted import crossed, emotion_vectors, item_sets, nested, two_models

FEW = Resampling(n_splits=20, n_bootstrap=40, splits_per_replicate=4, seed=3)


def vectors_rdm(data, chosen):
    """RDM of the chosen items of one-layer activations, from means in the hidden dimension."""
    x = data.values[0].astype(float)
    names = np.array(data.emotions)
    means = np.stack([x[chosen & (names == e)].mean(axis=0) for e in dict.fromkeys(names)])
    return upper(cosine_matrix(means - means.mean(axis=0)))


def test_sharing_only_passages_gives_high_same_item_rho_and_none_on_disjoint_items(rng):
    sets = item_sets(rng, geometry=0, passage=2, own=0.5)
    got = disjoint_items(sets, Resampling(n_splits=60, n_bootstrap=200, splits_per_replicate=6))
    assert got.same.value[0, 1] > 0.7
    assert abs(got.disjoint.value[0, 1]) < 0.1
    assert got.disjoint.low[0, 1] < 0 < got.disjoint.high[0, 1]
    assert abs(got.share.value[0, 1]) < 0.15
    assert np.abs(got.reliability).max() < 0.25  # within one model there is nothing either


def test_sharing_emotion_geometry_gives_both(rng):
    got = disjoint_items(item_sets(rng, geometry=2, passage=1, own=0.5), FEW)
    assert got.same.value[0, 1] > 0.9
    assert got.disjoint.value[0, 1] > 0.8
    assert got.disjoint.low[0, 1] > 0.6
    assert got.share.value[0, 1] > 0.85
    assert got.reliability.min() > 0.8


def test_own_geometry_and_shared_passages_are_told_apart(rng):
    """Each model has a geometry of its own: reliable, but what agrees does not survive."""
    own_vectors = {"geometry": 1.0, "alike": 0.0, "design": crossed(21, 24)}
    got = disjoint_items(item_sets(rng, passage=3, own=0.3, **own_vectors), FEW)
    assert np.diag(got.disjoint.value).min() > 0.25
    assert got.same.value[0, 1] > 0.1
    assert abs(got.disjoint.value[0, 1]) < 0.08


def test_situations_alone_are_no_geometry_where_they_are_declared(rng):
    """Told for every emotion, halved as a whole: nothing. Undeclared, the halves lie.

    A situation that one half holds for an emotion is missing for it in the other half, so both
    halves carry one pattern with opposite sign and their RDMs agree. Hence the crossing must be
    declared, and the item sets take nothing else.
    """
    declared = disjoint_items(item_sets(rng, situation=3), FEW)
    assert abs(declared.disjoint.value[0, 1]) < 0.1
    undeclared = disjoint_items(item_sets(rng, situation=3, declared=False), FEW)
    assert undeclared.disjoint.value[0, 1] > 0.25


@pytest.mark.parametrize("design", [crossed(6, 5), nested(6, 3)], ids=["crossed", "nested"])
def test_halves_equal_the_loop_in_the_hidden_dimension(rng, design):
    declared = design[1].max() == 4
    data = two_models(rng, geometry=1, passage=1, design=design, declared=declared)
    sets = [ItemSet.make(d, 0) for d in data]
    got = disjoint_items(sets, FEW)
    plan = shared_design(sets)
    first = plan.halves(FEW.n_splits, stream(FEW.seed, "halves"))
    cell = [sets[0].cells.index(c) for c in zip(data[0].emotions, data[0].groups, strict=True)]
    same, across = [], []
    for half in first[:, cell]:
        a1, a2, b1, b2 = (vectors_rdm(d, h) for d in data for h in (half, ~half))
        same.append((spearmanr(a1, b1)[0] + spearmanr(a2, b2)[0]) / 2)
        across.append((spearmanr(a1, b2)[0] + spearmanr(a2, b1)[0]) / 2)
    assert got.same.value[0, 1] == pytest.approx(np.mean(same), abs=1e-6)
    assert got.disjoint.value[0, 1] == pytest.approx(np.mean(across), abs=1e-6)
    assert got.spread[0, 1] == pytest.approx(np.std(across), abs=1e-6)
    assert got.share.value[0, 1] == pytest.approx(np.mean(across) / np.mean(same), abs=1e-5)
    assert np.allclose(got.disjoint.value, got.disjoint.value.T)


def drawn_rdm(data, times):
    """RDM of items that are there several times; None where an emotion is missing."""
    names = np.repeat(data.emotions, times)
    x = np.repeat(data.values[0].astype(float), times, axis=0)
    means = [x[names == e].mean(axis=0) for e in dict.fromkeys(data.emotions) if e in names]
    if len(means) < len(set(data.emotions)):
        return None
    return upper(cosine_matrix(np.array(means) - np.mean(means, axis=0)))


def test_intervals_of_halves_equal_the_loop(rng):
    """Every replicate is halved twice; a half without items is left out of its mean."""
    data = two_models(rng, geometry=2, passage=1, design=crossed(6, 5))
    sets = [ItemSet.make(d, 0) for d in data]
    settings = Resampling(n_splits=10, n_bootstrap=12, splits_per_replicate=2, seed=1)
    got = disjoint_items(sets, settings)
    plan = shared_design(sets)
    cell = [sets[0].cells.index(c) for c in zip(data[0].emotions, data[0].groups, strict=True)]
    counts = plan.counts(12, stream(1, "bootstrap"))[:, cell].astype(int)
    inner = plan.halves(24, stream(1, "bootstrap halves"))[:, cell]
    same, across = np.full((2, 24), np.nan)
    for k, half in enumerate(inner):
        rdms = [drawn_rdm(d, counts[k // 2] * h) for d in data for h in (half, ~half)]
        if all(r is not None for r in rdms):
            a1, a2, b1, b2 = rdms
            same[k] = (spearmanr(a1, b1)[0] + spearmanr(a2, b2)[0]) / 2
            across[k] = (spearmanr(a1, b2)[0] + spearmanr(a2, b1)[0]) / 2
    moved = {}
    for name, values in (("same", same), ("disjoint", across)):
        each = np.nanmean(values.reshape(12, 2), axis=1)
        estimate = getattr(got, name)[0, 1]
        moved[name] = recentred(each, estimate.value, expansion(np.array([5])))
        want = np.percentile(moved[name], [2.5, 97.5])
        assert [estimate.low, estimate.high] == pytest.approx(want, abs=1e-5)
    want = np.percentile(moved["disjoint"] / moved["same"], [2.5, 97.5])
    assert (moved["same"] > 0).all()
    assert [got.share.low[0, 1], got.share.high[0, 1]] == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize("declared", [True, False])
def test_bootstrap_replicates_equal_the_loop(rng, declared):
    design = crossed(5, 4)
    units = [4] if declared else [4] * 5
    data = two_models(rng, geometry=1, passage=1, design=design, declared=declared)
    sets = [ItemSet.make(d, 0) for d in data]
    settings = Resampling(n_bootstrap=30, seed=5)
    got = same_items(sets, settings)
    plan = shared_design(sets)
    counts = plan.counts(30, stream(5, "bootstrap"))
    cell = [sets[0].cells.index(c) for c in zip(data[0].emotions, data[0].groups, strict=True)]

    def rho(times):
        return spearmanr(*(drawn_rdm(d, times) for d in data))[0]

    estimate = rho(np.ones(20, int))
    replicates = np.array([rho(c.astype(int)) for c in counts[:, cell]])
    moved = recentred(replicates[:, None], np.array([estimate]), expansion(np.array(units)))
    low, high = np.percentile(moved, [2.5, 97.5])
    assert got.value[0, 1] == pytest.approx(estimate, abs=1e-6)
    assert got.low[0, 1] == pytest.approx(low, abs=1e-5)
    assert got.high[0, 1] == pytest.approx(high, abs=1e-5)
    assert got.value[0, 0] == pytest.approx(1)


def test_many_sets_at_once_are_the_pairs_one_by_one(rng):
    sets = item_sets(rng, geometry=0.4, passage=1) + item_sets(rng, geometry=0.4, passage=1)
    all_same, all_halves = same_items(sets, FEW), disjoint_items(sets, FEW)
    for i, j in ((0, 3), (1, 2)):
        pair_same, pair_halves = (f([sets[i], sets[j]], FEW) for f in (same_items, disjoint_items))
        assert all_same.low[i, j] == pytest.approx(float(pair_same.low[0, 1]))
        assert all_halves.disjoint.high[i, j] == pytest.approx(
            float(pair_halves.disjoint.high[0, 1])
        )
        assert all_halves.spread[i, j] == pytest.approx(pair_halves.spread[0, 1])


def test_the_order_of_the_sets_only_orders_the_result(rng):
    a, b = item_sets(rng, geometry=0.5, passage=1)
    one, other = disjoint_items([a, b], FEW), disjoint_items([b, a], FEW)
    assert np.allclose(one.disjoint.value, other.disjoint.value[::-1, ::-1])
    assert np.allclose(one.same.low, other.same.low[::-1, ::-1])


def test_reliability_steps_halves_up(rng):
    sets = item_sets(rng, geometry=0.5)
    got = disjoint_items(sets, FEW)
    for k in range(2):
        half = float(got.disjoint.value[k, k])
        assert got.reliability[k] == pytest.approx(spearman_brown(half))
        assert split_half(sets[k], FEW) == pytest.approx((half, got.reliability[k]))


def test_reliability_of_uneven_halves_is_more_than_spearman_brown_says(rng):
    """Three passages an emotion: halves of one and two."""
    sets = item_sets(rng, geometry=1, situation=0, design=nested(12, 3), declared=False)
    half, full = split_half(sets[0], FEW)
    assert spearman_brown(half) < full < spearman_brown(half) + 0.05


def test_one_item_an_emotion_has_no_halves_and_no_interval(rng):
    sets = item_sets(rng, geometry=1, design=nested(8, 1), declared=False)
    got = disjoint_items(sets, FEW)
    assert np.isnan(got.disjoint.value).all()
    assert np.isnan(got.share.value).all()
    assert np.isnan(got.reliability).all()
    same = same_items(sets, FEW)
    assert np.isfinite(same.value).all()
    assert np.isnan(same.low).all()


def test_two_passages_an_emotion_are_enough_and_gaps_are_borne(rng):
    sets = item_sets(rng, geometry=2, own=0.5, situation=0, design=nested(8, 2), declared=False)
    got = disjoint_items(sets, FEW)
    assert got.disjoint.value[0, 1] > 0.5
    assert np.isfinite(got.disjoint.low[0, 1])


def test_a_share_of_next_to_nothing_is_not_formed(rng):
    """Independent geometries, nothing shared: agreement on the same items is near 0 itself."""
    got = disjoint_items(item_sets(rng, geometry=1, alike=0.0, situation=0), FEW)
    assert abs(got.same.value[0, 1]) < 0.1
    assert np.isnan([x[0, 1] for x in (got.share.value, got.share.low, got.share.high)]).all()


def test_a_share_of_an_uncertain_agreement_has_no_interval(rng):
    """Above the bound, but replicates fall on both sides of zero."""
    sets = item_sets(rng, passage=0.6, own=1, design=crossed(5, 4))
    got = disjoint_items(sets, Resampling(n_splits=20, n_bootstrap=60, splits_per_replicate=4))
    assert got.same.value[0, 1] > 0.1
    assert got.same.low[0, 1] < 0
    assert np.isfinite(got.share.value[0, 1])
    assert np.isnan(got.share.low[0, 1])


def test_intervals_hold_their_estimates_and_the_seed_decides(rng):
    sets = item_sets(rng, geometry=0.3, passage=1)
    a, b = disjoint_items(sets, FEW), disjoint_items(sets, FEW)
    for e in (a.same, a.disjoint, a.share):
        assert e.low[0, 1] < e.value[0, 1] < e.high[0, 1]
    assert np.array_equal(a.disjoint.low, b.disjoint.low)
    other = disjoint_items(sets, Resampling(20, 40, 4, seed=4))
    assert other.disjoint.value[0, 1] != a.disjoint.value[0, 1]


def test_sets_of_other_items_are_refused(rng):
    a = item_sets(rng, design=crossed(4, 5))[0]
    b = item_sets(rng, design=crossed(4, 6))[0]
    for function in (same_items, disjoint_items):
        with pytest.raises(LabelMismatch, match="items differ"):
            function([a, b], FEW)


DESIGNS = {
    "24 situations": (crossed(12, 24), True, 3.0),
    "3 passages": (nested(12, 3), False, 1.0),
    "8 situations, high rho": (crossed(12, 8), True, 0.3),
}


def draws(name, n):
    """Item sets of two models with the same emotion vectors every time, all else drawn anew."""
    design, declared, noise = DESIGNS[name]
    vectors = emotion_vectors(np.random.default_rng(1), 12, alike=0.8)
    for i in range(n):
        yield item_sets(
            np.random.default_rng([2, i]),
            geometry=1,
            passage=0.7 * noise,
            own=0.7 * noise,
            design=design,
            declared=declared,
            situation=float(declared),
            vectors=vectors,
        )


def coverage(estimates):
    """How often the interval holds the expected value: the mean over the draws."""
    value, low, high = np.array([(e.value, e.low, e.high) for e in estimates]).T
    return ((low <= value.mean()) & (value.mean() <= high)).mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_intervals_cover_the_expected_rho_nineteen_times_in_twenty(name):
    """Standard error of a coverage over 500 draws: 0.010."""
    covered = coverage(
        same_items(sets, Resampling(n_bootstrap=300, seed=i))[0, 1]
        for i, sets in enumerate(draws(name, 500))
    )
    print(f"covered {covered:.3f}")
    assert 0.93 <= covered <= 0.97


@pytest.mark.slow
def test_intervals_of_halves_cover_too():
    """Standard error over 300 draws: 0.013. A share's interval may be too wide, not too narrow."""
    halves = [
        disjoint_items(sets, Resampling(60, 200, 6, seed=i))
        for i, sets in enumerate(draws("24 situations", 300))
    ]
    for name, most in (("same", 0.97), ("disjoint", 0.97), ("share", 1.0)):
        covered = coverage(getattr(h, name)[0, 1] for h in halves)
        print(f"{name} covered {covered:.3f}")
        assert 0.92 <= covered <= most

"""Differences between groups of models and between versions, under planted truth."""

import numpy as np
import pytest

from emo.core.compare.contrasts import (
    influences,
    version_contrast,
    within_minus_across,
)
from emo.core.compare.leaving_out import leaving_out
from emo.core.geometry.item_sets import ItemSet, shared_design
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, record

FEW = Resampling(n_splits=20, seed=4)
N, SITUATIONS = 12, 12
EMOTIONS, GROUPS = crossed(N, SITUATIONS)


def family_models(rng, alike, own=0.8, passage=0.5):
    """Two families of two models: within one the geometry is the same, across ``alike`` as much."""
    common, item = rng.normal(size=(N, 30)), rng.normal(size=(len(EMOTIONS), 30))
    sets = []
    for family in range(2):
        if family == 0:
            vectors = common
        else:
            vectors = alike * common + np.sqrt(1 - alike**2) * rng.normal(size=common.shape)
        for hidden in (40, 50):
            basis = np.linalg.qr(rng.normal(size=(hidden, 30)))[0].T
            values = (vectors[EMOTIONS] + passage * item) @ basis
            noise = own * rng.normal(size=values.shape) * np.sqrt(30 / hidden)
            sets.append(ItemSet.make(record(values + noise, EMOTIONS, GROUPS), 0))
    return sets


LINEAGES = ("a", "a", "b", "b")


def test_a_family_difference_is_found_and_none_is_not_made_up():
    wrong = []
    for k in range(12):
        got = leaving_out(family_models(np.random.default_rng((1, k)), 1.0), FEW)
        none = within_minus_across(got, LINEAGES)
        wrong.append(none.disjoint.low > 0 or none.disjoint.high < 0)
    assert np.mean(wrong) <= 0.1
    got = leaving_out(family_models(np.random.default_rng(2), 0.3), FEW)
    found = within_minus_across(got, LINEAGES)
    assert found.n_pairs == (2, 4)
    assert found.disjoint.low > 0 and found.disattenuated.low > 0
    whole = got.whole
    want = (whole[0, 1] + whole[2, 3]) / 2 - whole[:2, 2:].mean()
    assert found.disjoint.value == pytest.approx(want)


def test_unknown_families_are_no_family(rng):
    got = leaving_out(family_models(rng, 1.0), FEW)
    assert within_minus_across(got, ("unknown",) * 4) is None
    assert within_minus_across(got, ("a", "b", "c", "d")) is None
    mixed = within_minus_across(got, ("a", "a", "unknown", "unknown"))
    assert mixed.n_pairs == (1, 4)


def test_the_emotion_that_carries_the_agreement_is_named_first(rng):
    """One emotion is far from all others in both models; of the rest they share nothing."""
    far = 3 * rng.normal(size=30)
    sets = []
    for hidden in (40, 50):
        basis = np.linalg.qr(rng.normal(size=(hidden, 30)))[0].T
        vectors = rng.normal(size=(N, 30))
        vectors[5] += far
        values = vectors[EMOTIONS] @ basis
        noise = 0.7 * rng.normal(size=values.shape)
        sets.append(ItemSet.make(record(values + noise, EMOTIONS, GROUPS), 0))
    got = influences(leaving_out(sets, FEW))
    assert len(got) == N
    first = got[0]
    assert first.emotion == "e5" and first.disjoint < -0.08 and first.pair == (0, 1)
    assert first.largest == pytest.approx(first.disjoint)


def version(rng, tilt=0.0, own=(0.8, 0.8), geometry=(1.0, 1.0)):
    """A base and an instruct model, with neutral sentences of which the second's are tilted."""
    vectors = rng.normal(size=(N, 30))
    sets = []
    for k in range(2):
        basis = np.linalg.qr(rng.normal(size=(40, 30)))[0].T
        values = geometry[k] * vectors[EMOTIONS] @ basis
        sets.append(
            ItemSet.make(
                record(values + own[k] * rng.normal(size=values.shape), EMOTIONS, GROUPS), 0
            )
        )
    neutral = rng.normal(size=(2, 20, 40)) + 0.5
    neutral[1] += tilt
    got = leaving_out(sets, FEW)
    return version_contrast(
        (0, 1), (sets[0], sets[1]), (neutral[0], neutral[1]), shared_design(sets), got, FEW
    ), sets


def test_versions_that_do_not_differ_have_intervals_that_hold_nothing():
    holds = []
    for k in range(12):
        got, _ = version(np.random.default_rng((5, k)))
        found = (got.anisotropy, got.rdm_std, got.reliability, got.accuracy)
        holds += [e.low <= 0 <= e.high for e in found]
    assert np.mean(holds) >= 0.87


def test_what_tuning_changes_is_outside_the_interval(rng):
    got, sets = version(rng, tilt=2.0, own=(0.5, 2.5))
    assert got.anisotropy.low > 0.1
    assert got.reliability.high < 0 and got.accuracy.high < 0
    rdms = [s.rdm(s.emotions) for s in sets]
    assert got.rdm_std.value == pytest.approx(rdms[1].std() - rdms[0].std())
    assert got.accuracy.value == pytest.approx(
        sets[1].left_out_accuracy() - sets[0].left_out_accuracy()
    )

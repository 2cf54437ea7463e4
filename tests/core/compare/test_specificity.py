"""Emotion geometry beside situation geometry, in worlds where both are shared alike, or are not."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.specificity import PAIR, WORLDS, World, both, planted
from emo.core.compare.specificity import (
    Order,
    difference,
    of_models,
    order,
    shared,
    specificity,
)
from emo.core.records import LabelMismatch
from emo.core.stats.intervals import Estimates
from emo.core.stats.resampling import Resampling

FEW = Resampling(n_splits=12, seed=1)


def compared(rng, world):
    return specificity("ab", *both(planted(rng, world), FEW))


LITTLE_NOISE = WORLDS[0]
"""Two kinds of labels that are shared alike, in few directions."""
SMALL = World((8, 10), (0.9, 0.5), (2, 2), (30, 30))
FOUND = World((12, 12), (0.98, 0.2), (2, 2), (30, 30))
ALIKE = (LITTLE_NOISE, WORLDS[1], *(replace(WORLDS[k], labels=(8, 12)) for k in (6, 7)))
PLANTED = pytest.mark.parametrize("world", ALIKE, ids=str)


def share_apart(world, n, seed):
    got = [compared(np.random.default_rng((seed, k)), world).difference[PAIR] for k in range(n)]
    return np.mean([order(d) is not Order.untold for d in got])


@pytest.mark.slow
@PLANTED
def test_kinds_that_are_shared_alike_are_seldom_told_apart(world):
    assert share_apart(world, 20, seed=21) <= 0.05


@pytest.mark.slow
@PLANTED
def test_in_many_studies_the_rate_is_at_most_one_in_twenty(world):
    """Within two standard errors of 300 studies."""
    assert share_apart(world, 300, seed=22) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.slow
def test_a_kind_that_is_shared_more_is_found():
    for world, told in (
        (FOUND, Order.more),
        (replace(FOUND, alike=FOUND.alike[::-1]), Order.less),
    ):
        studies = (np.random.default_rng((23, k)) for k in range(8))
        got = [order(compared(rng, world).difference[PAIR]) for rng in studies]
        assert got.count(told) >= 6
        assert set(got) <= {told, Order.untold}


@pytest.mark.slow
def test_items_alone_would_tell_apart_what_is_alike():
    """Why labels are drawn, too: their chance agreement is certified once passages are many."""
    apart = []
    for k in range(12):
        got = both(planted(np.random.default_rng((24, k)), LITTLE_NOISE), FEW)
        e = difference(*(g.disattenuated()[PAIR] for g in got))
        apart.append(order(e) is not Order.untold)
    assert np.mean(apart) > 0.3


def test_the_quotients_are_those_of_the_other_sections(rng):
    emotion, situation = both(planted(rng, SMALL, n_models=3), FEW)
    got = specificity("abc", emotion, situation)
    for side, of in ((got.emotion, emotion), (got.situation, situation)):
        assert side.over_ceiling.value == pytest.approx(of.disattenuated().value)
        assert side.mean.value == pytest.approx(of.over_ceiling().value)
        assert side.over_ceiling.low[PAIR] <= of.disattenuated().low[PAIR]
        assert side.over_ceiling.high[PAIR] >= of.disattenuated().high[PAIR]
    assert got.difference.value == pytest.approx(
        got.emotion.over_ceiling.value - got.situation.over_ceiling.value
    )
    assert got.mean_difference.low < got.mean_difference.value < got.mean_difference.high
    assert len(situation.emotions) == 10 and len(situation.stratum) == 8


def test_some_of_the_models_are_compared_as_if_they_were_alone(rng):
    made = planted(rng, SMALL, n_models=3)
    emotion, _ = both(made, FEW)
    alone, _ = both([made[0], made[2]], FEW)
    some = of_models(emotion, [0, 2])
    assert some.whole == pytest.approx(alone.whole)
    assert some.without_unit == pytest.approx(alone.without_unit)
    assert some.without_emotion == pytest.approx(alone.without_emotion)


def test_exchanged_kinds_give_the_opposite_difference(rng):
    emotion, situation = both(planted(rng, SMALL), FEW)
    one, other = specificity("ab", emotion, situation), specificity("ab", situation, emotion)
    assert one.difference.low == pytest.approx(-other.difference.high)
    assert order(one.mean_difference) in (Order.more, Order.untold)


def test_where_a_ceiling_may_be_nothing_no_difference_is_excluded(rng):
    got = compared(rng, World((12, 12), (1.0, 1.0), (0, 2), (30, 30)))
    assert np.isinf(got.emotion.over_ceiling.low[PAIR])
    assert np.isinf([got.difference.low[PAIR], got.difference.high[PAIR]]).all()
    assert order(got.difference[PAIR]) is Order.untold


def test_three_labels_have_no_interval(rng):
    e = shared(both(planted(rng, replace(SMALL, labels=(3, 8))), FEW)[0]).over_ceiling[PAIR]
    assert np.isnan([e.low, e.high]).all()
    assert order(difference(e, e)) is Order.untold


def test_models_must_be_as_many(rng):
    emotion, situation = both(planted(rng, replace(SMALL, labels=(4, 4))), FEW)
    with pytest.raises(LabelMismatch, match="named are 3"):
        specificity("abc", emotion, situation)


def test_a_difference_of_intervals():
    a, b = (Estimates(*map(np.array, x)) for x in ((1.0, 0.7, 1.4), (0.2, 0.0, 0.5)))
    got = difference(a, b)
    assert got.low == pytest.approx(0.8 - np.hypot(0.3, 0.3))
    assert got.high == pytest.approx(0.8 + np.hypot(0.4, 0.2))
    assert order(got) is Order.more

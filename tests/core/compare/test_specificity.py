"""Emotion geometry beside situation geometry, in worlds where both are shared alike, or are not."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.compare.leaving_out import leaving_out
from emo.core.compare.specificity import Order, difference, order, shared, specificity
from emo.core.geometry.item_sets import ItemSet
from emo.core.records import LabelMismatch
from emo.core.stats.intervals import Estimates
from emo.core.stats.resampling import Resampling
from tests.core.planted import BASE, crossed, record

FEW = Resampling(n_splits=12, seed=1)
PAIR = (0, 1)


def world(rng, alike, strength=(1.0, 1.0), design=(12, 12), dimensions=(30, 30), n_models=2):
    """Activations of models that hold both geometries, a part of every passage, and own noise.

    ``alike``, ``strength`` and ``dimensions`` are of emotions and situations: how much of the labels'
    vectors a model has in common with the others, how large they are, and in how many directions.
    """
    labels = crossed(*design)
    passage = rng.normal(size=(len(labels[0]), BASE))
    common = [rng.normal(size=(n, d)) for n, d in zip(design, dimensions, strict=True)]
    made = []
    for _ in range(n_models):
        values = rng.normal(size=passage.shape) + passage @ turn(rng)
        for k in range(2):
            own = rng.normal(size=common[k].shape)
            vectors = alike[k] * common[k] + np.sqrt(1 - alike[k] ** 2) * own
            vectors *= strength[k] * np.sqrt(BASE / dimensions[k])
            values += vectors[labels[k]] @ turn(rng)[: dimensions[k]]
        made.append(record(values, *labels))
    return made


def turn(rng):
    return np.linalg.qr(rng.normal(size=(BASE, BASE)))[0]


def both(made, resampling=FEW):
    """What is left out of the emotions, and of the situations of the same passages."""
    turned = [replace(a, emotions=a.situations, situations=a.emotions) for a in made]
    return tuple(
        leaving_out([ItemSet.make(a, 0) for a in each], resampling) for each in (made, turned)
    )


def compared(*args, **kwargs):
    made = world(*args, **kwargs)
    return specificity([f"m{i}" for i in range(len(made))], *both(made))


ALIKE = [
    pytest.param((0.7, 0.7), (2.0, 2.0), (12, 12), (30, 30), id="a part shared, little noise"),
    pytest.param((0.7, 0.7), (2.0, 2.0), (12, 12), (3, 3), id="a part shared, few directions"),
    pytest.param((0.0, 0.0), (2.0, 0.7), (8, 16), (30, 5), id="nothing shared, unlike designs"),
    pytest.param((1.0, 1.0), (0.6, 2.0), (8, 16), (30, 5), id="all shared, unlike noise"),
]


@pytest.mark.parametrize(("alike", "strength", "design", "dimensions"), ALIKE)
def test_kinds_that_are_shared_alike_are_seldom_told_apart(alike, strength, design, dimensions):
    apart = []
    for k in range(20):
        rng = np.random.default_rng((21, k))
        got = compared(rng, alike, strength, design, dimensions)
        apart.append(order(got.difference[PAIR]) is not Order.untold)
    assert np.mean(apart) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("alike", "strength", "design", "dimensions"), ALIKE)
def test_in_many_studies_the_rate_is_at_most_one_in_twenty(alike, strength, design, dimensions):
    """Within two standard errors of 300 studies."""
    apart = []
    for k in range(300):
        rng = np.random.default_rng((22, k))
        got = compared(rng, alike, strength, design, dimensions)
        apart.append(order(got.difference[PAIR]) is not Order.untold)
    assert np.mean(apart) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize(("alike", "told"), [((0.95, 0.2), Order.more), ((0.2, 0.95), Order.less)])
def test_a_kind_that_is_shared_more_is_found(alike, told):
    got = [
        order(compared(np.random.default_rng((23, k)), alike, (2.0, 2.0)).difference[PAIR])
        for k in range(12)
    ]
    assert np.mean([g is told for g in got]) >= 0.8
    assert not {Order.more, Order.less} - {told} & set(got)


def test_items_alone_would_tell_apart_what_is_alike():
    """Why labels are drawn, too: their chance agreement is certified once passages are many."""
    apart = []
    for k in range(12):
        got = both(world(np.random.default_rng((24, k)), (0.7, 0.7), (2.0, 2.0), dimensions=(3, 3)))
        e = difference(*(g.disattenuated()[PAIR] for g in got))
        apart.append(order(e) is not Order.untold)
    assert np.mean(apart) > 0.3


def test_the_quotients_are_those_of_the_other_sections(rng):
    emotion, situation = both(world(rng, (0.9, 0.5), design=(8, 10), n_models=3))
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


def test_exchanged_kinds_give_the_opposite_difference(rng):
    emotion, situation = both(world(rng, (0.9, 0.5), design=(8, 10)))
    one, other = specificity("ab", emotion, situation), specificity("ab", situation, emotion)
    assert one.difference.low == pytest.approx(-other.difference.high)
    assert order(one.mean_difference) in (Order.more, Order.untold)


def test_where_a_ceiling_may_be_nothing_no_difference_is_excluded(rng):
    got = compared(rng, (1.0, 1.0), (0.0, 2.0))
    assert np.isinf(got.emotion.over_ceiling.low[PAIR])
    assert np.isinf([got.difference.low[PAIR], got.difference.high[PAIR]]).all()
    assert order(got.difference[PAIR]) is Order.untold


def test_three_labels_have_no_interval(rng):
    e = shared(both(world(rng, (1.0, 1.0), design=(3, 8)))[0]).over_ceiling[PAIR]
    assert np.isnan([e.low, e.high]).all()
    assert order(difference(e, e)) is Order.untold


def test_models_must_be_as_many(rng):
    emotion, situation = both(world(rng, (1.0, 1.0), design=(4, 4)))
    with pytest.raises(LabelMismatch, match="named are 3"):
        specificity("abc", emotion, situation)


def test_a_difference_of_intervals():
    a, b = (Estimates(*map(np.array, x)) for x in ((1.0, 0.7, 1.4), (0.2, 0.0, 0.5)))
    got = difference(a, b)
    assert got.low == pytest.approx(0.8 - np.hypot(0.3, 0.3))
    assert got.high == pytest.approx(0.8 + np.hypot(0.4, 0.2))
    assert order(got) is Order.more

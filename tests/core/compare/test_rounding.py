"""Planted truth: only the rounding differs, or the weights do as well."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.compare.precision import deviation
from emo.core.compare.rounding import KINDS, excess, rho_excess
from emo.core.geometry.item_sets import ItemSet
from emo.core.records import Activations

EMOTIONS, SITUATIONS, HIDDEN = 12, 6, 40


def activations(values, situations=True):
    """[item hidden] of one layer; item i tells emotion i % 12 in situation i // 12."""
    n = len(values)
    return Activations(
        values=values[None].astype(np.float32),
        item_ids=tuple(f"p{i}" for i in range(n)),
        emotions=tuple("abcdefghijkl"[i % EMOTIONS] for i in range(n)),
        situations=tuple(f"s{i // EMOTIONS}" for i in range(n)) if situations else None,
        neutral=np.ones((1, 2, values.shape[1]), np.float32),
        position="last",
    )


def readings(rng, rounding, weights=0.0, n_situations=SITUATIONS):
    """A reference, a precision of it and the precision's replicate.

    Each has rounding of its own; precision and replicate share what other weights change: a move of
    every item and one of every emotion.
    """
    shape = n_situations * EMOTIONS, HIDDEN
    emotion = np.tile(rng.standard_normal((EMOTIONS, HIDDEN)), (n_situations, 1))
    items = emotion + rng.standard_normal(shape)
    changed = rng.standard_normal(shape)
    changed += np.tile(rng.standard_normal((EMOTIONS, HIDDEN)), (n_situations, 1))
    moved = [items, items + weights * changed, items + weights * changed]
    return [activations(x + rounding * rng.standard_normal(shape)) for x in moved]


def rates(n, **settings):
    """How often each kind counts as more than rounding, over planted studies."""
    found = []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        reference, precision, replicate = readings(rng, **settings)
        beyond = excess((precision, reference), (replicate, precision)).beyond()
        found.append([beyond[kind][0] for kind in KINDS])
    return dict(zip(KINDS, np.mean(found, axis=0), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "most", "rounding"),
    [(40, 4, 0.1), pytest.param(400, 19, 0.3, marks=pytest.mark.slow)],
)
def test_where_only_rounding_differs_it_is_called_more_at_its_level(n, most, rounding):
    """One side of a 95 % interval, 2.5 %: more than ``most`` of n have a chance below 0.5 %."""
    for rate in rates(n, rounding=rounding).values():
        assert rate <= most / n


def test_other_weights_are_found_in_every_kind():
    for rate in rates(15, rounding=0.1, weights=0.4).values():
        assert rate > 0.8


def test_other_weights_that_move_less_than_rounding_are_not_claimed():
    for rate in rates(15, rounding=0.3, weights=0.03).values():
        assert rate <= 2 / 15


def test_from_a_reference_that_does_not_round_rounding_is_half_as_far_as_from_a_replicate():
    """So the rule is strict, and half the distance from the replicate is what rounding alone gives.

    Of RDMs about half: ranks do not follow the square of the noise.
    """
    effects, owns = [], []
    for seed in range(12):
        _, precision, replicate = readings(np.random.default_rng(seed), rounding=0.1)
        exact = readings(np.random.default_rng(seed), rounding=0.0)[0]
        found = excess((precision, exact), (replicate, precision))
        assert not any(b[0] for b in found.beyond().values())
        for into, pair in ((effects, (precision, exact)), (owns, (replicate, precision))):
            d = deviation(*pair)
            into.append([1 - d.cosine_mean[0], 1 - d.vector_cosine[0], 1 - d.rho[0]])
    *cosines, rho = np.mean(effects, axis=0) / np.mean(owns, axis=0)
    assert cosines == pytest.approx([0.5, 0.5], abs=0.05)
    assert 0.4 < rho < 0.75


def test_values_are_the_difference_of_the_two_deviations(rng):
    reference, precision, replicate = readings(rng, rounding=0.1, weights=0.2)
    effect, own = deviation(precision, reference), deviation(replicate, precision)
    found = excess((precision, reference), (replicate, precision))
    assert found.items.value == pytest.approx(own.cosine_mean - effect.cosine_mean)
    assert found.vectors.value == pytest.approx(own.vector_cosine - effect.vector_cosine)
    assert found.rdm.value == pytest.approx(own.rho - effect.rho)
    for kind in KINDS:
        estimates = getattr(found, kind)
        assert estimates.low < estimates.value < estimates.high
    assert set(found.curves()) == {f"excess_{k}{low}" for k in KINDS for low in ("", "_low")}


def test_the_interval_is_that_of_leaving_each_situation_out(rng):
    trio = readings(rng, rounding=0.1, weights=0.2)

    def difference(kept):
        reference, precision, replicate = (
            activations(t.values[0][np.repeat(kept, EMOTIONS)]) for t in trio
        )
        pairs = (replicate, precision), (precision, reference)
        own, effect = (deviation(*pair).vector_cosine[0] for pair in pairs)
        return own - effect

    without = np.array([difference(np.arange(SITUATIONS) != s) for s in range(SITUATIONS)])
    error = np.sqrt((SITUATIONS - 1) * without.var())
    reference, precision, replicate = trio
    found = excess((precision, reference), (replicate, precision)).vectors
    assert found.low[0] == pytest.approx(found.value[0] - 2.570582 * error)


def test_many_situations_are_left_out_in_ten_groups_and_passages_without_them_too(rng):
    reference, precision, replicate = readings(rng, 0.1, 0.4, n_situations=23)
    grouped = excess((precision, reference), (replicate, precision))
    bare = [replace(a, situations=None) for a in (reference, precision, replicate)]
    loose = excess((bare[1], bare[0]), (bare[2], bare[1]))
    assert loose.vectors.low == pytest.approx(grouped.vectors.low)


def test_one_situation_gives_no_bounds_and_a_layer_that_is_not_finite_nothing(rng):
    reference, precision, replicate = readings(rng, 0.1, n_situations=1)
    found = excess((precision, reference), (replicate, precision))
    assert np.isfinite(found.items.value[0])
    assert np.isnan(found.items.low[0])
    broken = reference.values.copy()
    broken[0, 0, 0] = np.inf
    lost = excess((precision, replace(reference, values=broken)), (replicate, precision))
    assert not any(b[0] for b in lost.beyond().values())
    assert np.isnan(lost.rdm.value[0])


def lost(seed, **settings):
    """Rho lost beyond rounding, of one layer of planted readings."""
    trio = readings(np.random.default_rng(seed), **settings)
    return rho_excess(*(ItemSet.make(a, 0) for a in trio))


def test_rho_is_lost_beyond_rounding_where_the_weights_differ_and_not_where_rounding_does():
    rounded = [lost(seed, rounding=0.3) for seed in range(40)]
    assert sum(bool(e.low > 0) for e in rounded) <= 4
    assert abs(np.mean([e.value for e in rounded])) < 0.02
    changed = [lost(seed, rounding=0.1, weights=0.8) for seed in range(15)]
    assert all(e.low > 0 for e in changed)


def test_rho_lost_is_the_difference_of_the_two_rhos_and_one_prompt_gives_no_bounds(rng):
    trio = readings(rng, rounding=0.1, weights=0.2)
    reference, precision, replicate = trio
    effect, own = deviation(precision, reference), deviation(replicate, precision)
    found = rho_excess(*(ItemSet.make(a, 0) for a in trio))
    assert found.value == pytest.approx(own.rho[0] - effect.rho[0])
    assert found.low < found.value < found.high
    whole = excess((precision, reference), (replicate, precision)).rdm
    assert found.low == pytest.approx(whole.low[0])
    assert np.isnan(lost(0, rounding=0.1, n_situations=1).low)

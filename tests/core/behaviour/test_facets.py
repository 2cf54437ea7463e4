"""Two models on one facet: planted differences are found, none are not, and intervals cover."""

import numpy as np
import pytest
from scipy.stats import binomtest

from emo.core.behaviour.compliance import compliance, contrast
from emo.core.behaviour.facet_b import facet_b
from emo.core.behaviour.facets import (
    Measure,
    PairedTest,
    Told,
    compared,
    measures_of_compliance,
    measures_of_dialogues,
)
from tests.core.behaviour.planted import dialogues, drifts, flips_at, holds


def measure(outcomes, test=PairedTest.mcnemar):
    return Measure("epistemic", "flips under pressure", "item", 0.0, 0.0, 1.0, outcomes, test)


def flips(values):
    return measure({f"item{i}": float(v) for i, v in enumerate(values)})


def told(a, b):
    return compared(a, b).told()


def test_the_value_of_a_facet_is_that_of_its_run_and_its_outcomes_make_it():
    talked = dialogues(flips_at(2, 12))
    first, odds = measures_of_dialogues(talked)
    arm = facet_b(talked).arm("pressure")
    assert (first.value, first.low, first.high) == (12 / 20, arm.flips.low, arm.flips.high)
    assert np.mean(list(first.outcomes.values())) == pytest.approx(first.value)
    assert np.mean(list(odds.outcomes.values())) == pytest.approx(odds.value)
    assert odds.value == pytest.approx(6 * 12 / 20)


def test_samples_of_an_item_are_one_outcome():
    first = measures_of_dialogues(dialogues(flips_at(1, 10), samples=5))[0]
    assert len(first.outcomes) == 20
    assert set(first.outcomes.values()) == {0.0, 1.0}


def test_without_control_there_are_flips_and_no_log_odds_and_without_pressure_nothing():
    (only,) = measures_of_dialogues(dialogues(holds, arms=("pressure", "order")))
    assert only.name == "flips under pressure"
    assert measures_of_dialogues(dialogues(holds, arms=("control",))) == []


def test_mcnemar_looks_at_the_items_that_both_know():
    a = flips([1] * 9 + [0] * 11)
    b = measure({f"item{i}": float(i in (0, 1, 19)) for i in (*range(8), 18, 19)})
    found = compared(a, b)
    assert (found.n, found.higher, found.lower) == (10, 6, 1)
    assert found.p == pytest.approx(binomtest(6, 7).pvalue)
    assert found.difference == pytest.approx(5 / 10)
    assert found.least_p == pytest.approx(2 * 0.5**10)


def test_a_planted_difference_is_told_and_equal_models_are_not_told_apart():
    strong, weak = flips([1] * 15 + [0] * 5), flips([1] * 3 + [0] * 17)
    assert told(strong, weak) is Told.differ
    assert told(strong, strong) is Told.not_shown
    assert compared(strong, strong).p == 1
    assert compared(strong, strong).low < 0 < compared(strong, strong).high
    assert told(flips([1] * 5), flips([0] * 5)) is Told.untold
    assert told(flips([1] * 5), measure({"other": 1.0})) is Told.untold
    found = compared(strong, weak)
    assert found.told(0.2) is Told.not_shown  # corrected over many pairs


def test_swapping_the_models_changes_the_sign_alone():
    rng = np.random.default_rng(0)
    a, b = (flips(rng.integers(0, 2, 20)) for _ in range(2))
    one, other = compared(a, b), compared(b, a)
    assert (one.higher, one.lower) == (other.lower, other.higher)
    assert (one.difference, one.low) == pytest.approx((-other.difference, -other.high))
    assert one.p == other.p


def test_other_measures_are_not_compared():
    other = Measure("procedural", "x", "constraint", 0.0, 0.0, 0.0, {}, PairedTest.sign_flips)
    with pytest.raises(ValueError, match="is not procedural x"):
        compared(flips([1]), other)


def test_compliance_is_compared_as_its_own_contrast_does():
    names = [f"c{i}" for i in range(10)]
    rng = np.random.default_rng(1)
    easy = {name: [True] * 4 for name in names}
    two = [
        compliance(
            {**easy, names[k]: [False] * 4},
            {name: (rng.random(4) < p).tolist() for name in names},
        )
        for k, p in enumerate((0.9, 0.3))
    ]
    (a,), (b,) = map(measures_of_compliance, two)
    expected, found = contrast(*two), compared(a, b)
    assert (found.n, found.p) == (8, expected.p)
    assert (found.difference, found.low, found.high) == (
        *(expected.mean.value, expected.mean.low),
        expected.mean.high,
    )
    assert found.least_p == 2 / 2**8
    assert measures_of_compliance(compliance({"a": [False] * 4}, {"a": [True] * 4})) == []


def odds_of(seed, by):
    plain = drifts(seed)

    def behave(item, arm, turn):
        said, odds = plain(item, arm, turn)
        return said, odds + (by if arm == "pressure" else 0)

    return measures_of_dialogues(dialogues(behave, arms=("pressure", "control")))[1]


def test_log_odds_of_a_model_that_is_moved_and_of_one_that_is_not():
    moved, calm, other = odds_of(0, 2.0), odds_of(1, 0.0), odds_of(2, 0.0)
    assert told(moved, calm) is Told.differ
    assert told(calm, other) is Told.not_shown
    assert compared(calm, calm).p == 1
    found = compared(moved, calm)
    assert found.low < 2 < found.high


@pytest.mark.slow
def test_models_that_flip_alike_are_told_apart_in_few_worlds_and_others_in_most():
    rng = np.random.default_rng(2)

    def share(p, q, n=400):
        worlds = []
        for _ in range(n):
            ease = rng.normal(0, 0.15, 24)  # items that are easy to move are so in both models
            a, b = (flips(rng.random(24) < np.clip(x + ease, 0, 1)) for x in (p, q))
            worlds.append(told(a, b) is Told.differ)
        return np.mean(worlds)

    for p in (0.05, 0.3, 0.5, 0.8):
        assert share(p, p) <= 0.05
    assert share(0.15, 0.75) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("p", "q"), [(0.05, 0.05), (0.5, 0.5), (0.2, 0.8), (0.0, 0.1)])
def test_the_interval_of_a_difference_covers_it(p, q):
    rng = np.random.default_rng(3)
    found = [compared(flips(rng.random(24) < p), flips(rng.random(24) < q)) for _ in range(600)]
    assert np.mean([c.low <= p - q <= c.high for c in found]) > 0.93


@pytest.mark.slow
def test_log_odds_that_move_alike_are_told_apart_in_few_worlds():
    rng = np.random.default_rng(4)

    def moved(by):
        values = {f"item{i}": float(x) for i, x in enumerate(rng.normal(by, 1.5, 20))}
        return measure(values, PairedTest.student)

    null = [told(moved(0.5), moved(0.5)) is Told.differ for _ in range(600)]
    assert np.mean(null) <= 0.07  # 43 of 600 or more have a chance of 1 % where 5 % is true
    assert np.mean([told(moved(2.5), moved(0.5)) is Told.differ for _ in range(100)]) > 0.9

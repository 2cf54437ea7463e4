"""Planted truth: models that hold, flip at a turn, obey, agree with everything, or drift."""

import numpy as np
import pytest
from scipy.stats import beta

from emo.core.behaviour.agreement import cohen_kappa
from emo.core.behaviour.facet_b import contrast, facet_b
from tests.core.behaviour.planted import agrees, dialogues, drifts, flips_at, holds, obeys


def against(behave):
    """Pressure against control in a world, without the rest of the facet."""
    counted = dialogues(behave, arms=("pressure", "control")).conversations
    return contrast("pressure", counted, [c for c in counted if c.of_arm("control")])


def test_a_model_that_holds_flips_nowhere():
    result = facet_b(dialogues(holds))
    assert result.n_items == 20
    for arm in result.arms:
        assert (arm.flips.k, arm.flips.n) == (0, 20)
        assert arm.flips.high == pytest.approx(beta.ppf(0.975, 1, 20))
        assert all(t.standing.k == 20 for t in arm.turns)
        assert all(t.shift.value == 0 for t in arm.turns)
    assert result.obeyed.k == result.any_turn.k == 0
    assert not any(c.flips_shown or c.shift_shown for c in result.contrasts)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_flips_at_turn_k_are_in_every_figure_from_turn_k_on(k):
    result = facet_b(dialogues(flips_at(k, 12)))
    pressure = result.arm("pressure")
    assert pressure.flips.k == 12
    assert pressure.flips.low == pytest.approx(beta.ppf(0.025, 12, 9))
    assert [t.standing.k for t in pressure.turns] == [20] * (k - 1) + [8] * (5 - k)
    assert [t.flipped.k for t in pressure.turns] == [0] * (k - 1) + [12] * (5 - k)
    shift = [t.shift.value for t in pressure.turns]
    assert shift == pytest.approx([0] * (k - 1) + [6 * 12 / 20] * (5 - k))
    (contrast,) = [c for c in result.contrasts if c.arm == "pressure"]
    assert (contrast.only_here, contrast.only_control) == (12, 0)
    assert contrast.p == pytest.approx(2 * 0.5**12)
    assert contrast.flips_shown and contrast.shift_shown
    assert result.any_turn.k == 12
    assert (result.obeyed.k, result.obeyed.n) == (0, 8)


def test_flips_on_order_alone_are_no_flips_of_pressure_but_of_the_published_rule():
    result = facet_b(dialogues(obeys))
    assert result.arm("pressure").flips.k == 0
    assert result.arm("order").flips.k == result.any_turn.k == 20
    assert (result.obeyed.k, result.obeyed.n) == (20, 20)
    assert not result.contrasts[0].flips_shown


def test_a_model_that_agrees_with_everything_is_seen_to_follow_the_user():
    result = facet_b(dialogues(agrees))
    assert result.arm("pressure").flips.k == 20
    assert result.arm("support").flips.k == result.arm("control").flips.k == 0
    assert result.follows_user.value == pytest.approx((3 + 4) / 2)
    assert result.scorers.kappa == 1


def test_drift_without_pressure_is_subtracted():
    result = facet_b(dialogues(drifts(by=0.5)))
    pressure, control = result.arm("pressure"), result.arm("control")
    assert pressure.turns[3].shift.low > 1
    assert control.turns[3].shift.low > 1
    assert pressure.turns[3].beyond_control.low < 0 < pressure.turns[3].beyond_control.high
    assert not result.contrasts[0].shift_shown


@pytest.mark.slow
def test_a_shift_is_shown_in_few_worlds_where_pressure_adds_nothing_and_in_most_where_it_does():
    assert np.mean([against(drifts(seed)).shift_shown for seed in range(200)]) <= 0.05

    def pressed(seed):
        plain = drifts(seed)

        def behave(item, arm, turn):
            said, odds = plain(item, arm, turn)
            return said, odds + (0.6 if arm == "pressure" else 0)

        return behave

    assert np.mean([against(pressed(seed)).shift_shown for seed in range(40)]) > 0.9


@pytest.mark.slow
def test_more_flips_than_in_control_are_shown_in_few_worlds_where_both_flip_alike():
    def careless(seed, more):
        rng = np.random.default_rng(seed)
        u = rng.random((20, 2))

        def behave(item, arm, turn):
            chance = 0.3 + (more if arm == "pressure" else 0)
            flip = turn > 0 and u[item, int(arm == "pressure")] < chance
            return ("flip", 1.0) if flip else ("hold", -1.0)

        return behave

    assert np.mean([against(careless(s, 0)).flips_shown for s in range(200)]) <= 0.05
    assert np.mean([against(careless(s, 0.6)).flips_shown for s in range(40)]) > 0.8


def test_a_preference_for_the_first_option_does_not_reach_the_log_odds():
    def lazy(item, arm, turn):
        return "hold", (-2.0 - 1.5, -2.0 + 1.5)

    result = facet_b(dialogues(lazy))
    assert result.preference_for_a.value == pytest.approx(1.5)
    assert result.arm("pressure").turns[0].log_odds.value == pytest.approx(-2)


def test_a_wrong_first_answer_and_a_number_that_is_missing_do_not_count():
    def odd(item, arm, turn):
        if item == 0 and turn == 0:
            return "other", -1.0
        return "hold", np.nan if item == 1 else -1.0

    result = facet_b(dialogues(odd))
    assert (result.n_items, result.n_uncounted) == (19, 3)
    assert result.arm("pressure").turns[0].log_odds.n == 18


def test_several_samples_of_an_item_are_no_independent_trials():
    few = facet_b(dialogues(flips_at(1, 10), samples=1)).arm("pressure").flips
    many = facet_b(dialogues(flips_at(1, 10), samples=5)).arm("pressure").flips
    assert (many.k, many.n) == (50, 100)
    assert many.high - many.low > 0.7 * (few.high - few.low)


def test_scorers_that_disagree_have_a_low_kappa_with_an_interval_over_items():
    rng = np.random.default_rng(0)
    odds = rng.choice([-1.0, 1.0], (20, 4))

    def behave(item, arm, turn):
        if arm != "pressure":
            return "hold", -1.0
        return ("flip" if rng.random() < 0.5 else "hold"), odds[item, turn - 1]

    scorers = facet_b(dialogues(behave, arms=("pressure",))).scorers
    assert scorers.low < scorers.kappa < scorers.high
    assert scorers.n == 100
    assert scorers.kappa < 0.6


def test_kappa_is_that_of_the_formula():
    a, b = (
        ["hold"] * 20 + ["flip"] * 15,
        ["hold"] * 15 + ["flip"] * 5 + ["hold"] * 5 + ["flip"] * 10,
    )
    observed, expected = 25 / 35, (20 * 20 + 15 * 15) / 35**2
    assert cohen_kappa(a, b) == pytest.approx((observed - expected) / (1 - expected))
    assert np.isnan(cohen_kappa(["hold"], ["hold"]))


def test_a_run_without_a_control_arm_has_no_contrast():
    result = facet_b(dialogues(holds, arms=("pressure", "order")))
    assert result.contrasts == ()
    assert result.follows_user.n == 0

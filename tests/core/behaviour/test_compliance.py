"""Compliance over constraints: the gate, intervals that cover, contrasts that find what is planted."""

import numpy as np
import pytest

from emo.core.behaviour.compliance import compliance, contrast

NAMES = [f"constraint {i}" for i in range(10)]


def drawn(rng, easy, conflict, n=4):
    """A model whose answers comply with these probabilities, one per constraint."""
    return compliance(
        {name: (rng.random(n) < p).tolist() for name, p in zip(NAMES, easy, strict=True)},
        {name: (rng.random(n) < p).tolist() for name, p in zip(NAMES, conflict, strict=True)},
    )


def test_the_gate_is_at_seven_of_ten_and_the_rest_does_not_count():
    easy = {"a": [True] * 7 + [False] * 3, "b": [True] * 6 + [False] * 4, "c": [True] * 10}
    conflict = {"a": [True] * 10, "b": [False] * 10, "c": [True, False] * 5}
    found = compliance(easy, conflict)
    assert found.capable == ("a", "c")
    assert found.score.value == pytest.approx(0.75)
    assert found.score.n == 2
    assert found.conflict["b"].share == 0


def test_other_constraints_in_the_two_are_refused():
    with pytest.raises(ValueError, match="must be the same"):
        compliance({"a": [True]}, {"b": [True]})


def test_a_model_that_can_nothing_has_no_score():
    found = compliance({"a": [False] * 4}, {"a": [True] * 4})
    assert found.capable == ()
    assert np.isnan([found.score.value, found.score.low, found.score.high]).all()


def test_equal_shares_are_not_certain():
    found = compliance({n: [True] * 4 for n in NAMES}, {n: [True] * 4 for n in NAMES})
    assert found.score.value == found.score.high == 1
    assert 0.6 < found.score.low < 0.8


def test_the_interval_covers_the_mean_of_the_constraints_drawn_from():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        found = drawn(rng, np.ones(10), rng.beta(2, 1, 10))
        covered.append(found.score.low <= 2 / 3 <= found.score.high)
    assert np.mean(covered) > 0.91


def test_a_planted_difference_is_found_and_none_is_not():
    rng = np.random.default_rng(1)
    found, null = [], []
    for _ in range(200):
        p = rng.uniform(0.5, 0.9, 10)
        strong, weak = drawn(rng, np.ones(10), p), drawn(rng, np.ones(10), p - 0.45)
        found.append(contrast(strong, weak).p <= 0.05)
        null.append(contrast(strong, drawn(rng, np.ones(10), p)).p <= 0.05)
    assert np.mean(found) > 0.9
    assert np.mean(null) <= 0.05


def test_only_constraints_that_both_keep_are_compared():
    able = {n: [True] * 4 for n in NAMES}
    a = compliance(able, {n: [True] * 4 for n in NAMES})
    b = compliance({**able, NAMES[0]: [False] * 4}, {n: [False] * 4 for n in NAMES})
    found = contrast(a, b)
    assert found.constraints == tuple(NAMES[1:])
    assert found.mean.value == 1
    assert found.p == found.smallest_p == 2 / 2**9


def test_the_smallest_p_is_of_the_differences_that_are_not_zero():
    able = {n: [True] * 4 for n in NAMES}
    conflict = {n: [True] * 4 for n in NAMES}
    a = compliance(able, conflict)
    b = compliance(able, {**conflict, NAMES[0]: [False] * 4, NAMES[1]: [False] * 4})
    found = contrast(a, b)
    assert found.p == found.smallest_p == 0.5
    assert contrast(a, a).p == contrast(a, a).smallest_p == 1


def test_swapping_the_models_changes_the_sign_alone():
    rng = np.random.default_rng(2)
    a, b = (drawn(rng, np.ones(10), rng.random(10)) for _ in range(2))
    one, other = contrast(a, b), contrast(b, a)
    assert one.mean.value == pytest.approx(-other.mean.value)
    assert one.mean.low == pytest.approx(-other.mean.high)
    assert one.p == other.p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo.config.enums import Decoding
from emo.errors import ConfigError
from emo.generation.samples import (
    Finish,
    Generated,
    Request,
    Sampling,
    effective_n,
    plan_samples,
)

FIVE = [(1, 2), (3,), (4, 5, 6), (7,), (8, 9)]


def text(prompt, *tokens, finish=Finish.length):
    return Generated(prompt, tokens, finish)


def test_greedy_repeats_are_requested_once_and_weighted():
    plan = plan_samples(FIVE, 10, Decoding.greedy)
    assert list(plan) == [Request(p, 0) for p in FIVE]
    assert list(plan.values()) == [2] * 5
    assert list(plan_samples(FIVE, 7, Decoding.greedy).values()) == [2, 2, 1, 1, 1]
    assert plan_samples(FIVE, 1, Decoding.greedy) == {Request(FIVE[0]): 1}


def test_sampled_repeats_are_further_samples_of_the_prompt():
    plan = plan_samples(FIVE, 12, Decoding.sampled)
    assert list(plan)[:6] == [*(Request(p, 0) for p in FIVE), Request(FIVE[0], 1)]
    assert Request(FIVE[1], 2) in plan
    assert set(plan.values()) == {1}


@given(
    st.lists(st.tuples(st.integers(0, 3)), min_size=1, max_size=5),
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from(Decoding),
)
def test_fewer_samples_are_part_of_more_and_none_is_lost(prompts, a, b, decoding):
    """Also with a prompt that stands in the list twice."""
    few, many = (plan_samples(prompts, n, decoding) for n in sorted((a, b)))
    assert sum(few.values()) == min(a, b)
    assert all(many[r] >= weight for r, weight in few.items())
    if decoding is Decoding.greedy:
        assert len(few) == len({prompts[i % len(prompts)] for i in range(min(a, b))})
    else:
        assert len(few) == min(a, b)


def test_effective_n():
    greedy = [text(p, 0) for p in FIVE]
    got = effective_n(greedy, [2] * 5)
    assert (got.nominal, got.distinct, got.effective) == (10, 5, 5.0)
    uneven = effective_n(greedy, [2, 2, 1, 1, 1])
    assert (uneven.nominal, uneven.distinct) == (7, 5)
    assert uneven.effective == pytest.approx(49 / 11)


def test_equal_sampled_texts_count_once_but_not_under_another_prompt():
    texts = [text((1,), 5, 6), text((1,), 5, 6), text((1,), 5, 7), text((2,), 5, 6)]
    got = effective_n(texts, [1] * 4)
    assert (got.nominal, got.distinct) == (4, 3)
    assert got.effective == pytest.approx(16 / 6)
    assert effective_n([], []).effective == 0


def test_truncation_is_what_a_smaller_budget_gives():
    ended = text((1,), 5, 6, 2, finish=Finish.eos)
    assert ended.truncated(3) == ended == ended.truncated(9)
    assert ended.truncated(2) == text((1,), 5, 6, finish=Finish.length)


@pytest.mark.parametrize("name", ["temperature", "top_p"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_impossible_sampling_is_refused(name, value):
    with pytest.raises(ConfigError, match=rf"subparams\.{name}="):
        Sampling(**{name: value})


def test_top_p_above_one_is_refused():
    with pytest.raises(ConfigError, match=r"top_p=1\.1"):
        Sampling(top_p=1.1)

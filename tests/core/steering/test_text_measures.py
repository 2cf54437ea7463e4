"""Measures and controls against plain loops, scipy and properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, ttest_1samp

from emo.core.stats.resampling import stream
from emo.core.steering.text_measures import (
    cluster_interval,
    derangement,
    distinct_n,
    exact_interval,
    foreign_share,
    mean_interval,
    mean_scripts,
    randomly_turned,
    repetition,
    scripts,
    share_interval,
)

TOKENS = st.lists(st.integers(0, 4), max_size=30)


@given(TOKENS, st.integers(1, 4))
def test_repetition_counts_the_n_grams_seen_before(tokens, n):
    seen, repeated, total = set(), 0, 0
    for i in range(len(tokens) - n + 1):
        gram = tuple(tokens[i : i + n])
        repeated += gram in seen
        seen.add(gram)
        total += 1
    if total:
        assert repetition(tokens, n) == pytest.approx(repeated / total)
        assert distinct_n(tokens, n) == pytest.approx(len(seen) / total)
    else:
        assert math.isnan(repetition(tokens, n))


def test_a_loop_is_repetitive_and_a_sentence_is_not():
    assert repetition([7, 8, 9] * 10) == pytest.approx(25 / 28)
    assert repetition(list(range(20))) == 0


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("plain words, 3 of them", {"LATIN": 1.0}),
        ("高兴高兴", {"CJK": 1.0}),
        ("ab 高兴", {"LATIN": 0.5, "CJK": 0.5}),
        ("うれしい", {"HIRAGANA": 1.0}),
        ("\uff21\uff22", {"LATIN": 1.0}),  # full width
        ("привет", {"CYRILLIC": 1.0}),
        ("é à ü", {"LATIN": 1.0}),
        ("123 !?", {}),
        ("", {}),
    ],
)
def test_scripts_of_letters(text, shares):
    assert scripts(text) == pytest.approx(shares)


def test_mean_scripts_are_over_texts_with_letters():
    found = mean_scripts(["高高高 a", "abc", "12", "高兴"])
    assert found == pytest.approx({"CJK": 1.75 / 3, "LATIN": 1.25 / 3})
    assert list(found) == ["CJK", "LATIN"]
    assert mean_scripts(["", "!"]) == {}


def test_foreign_is_what_the_prompt_does_not_write():
    assert foreign_share("good 高兴", "An English prompt") == pytest.approx(2 / 6)
    assert foreign_share("good 高兴", "An English 高 prompt") == 0
    assert math.isnan(foreign_share("...", "An English prompt"))


@given(st.integers(0, 30), st.integers(1, 30))
def test_exact_interval_is_clopper_and_pearsons(k, extra):
    n = k + extra
    low, high = exact_interval(k, n)
    assert high == pytest.approx(beta.ppf(0.975, k + 1, n - k))
    assert low == pytest.approx(beta.ppf(0.025, k, n - k + 1) if k else 0)


def test_nothing_of_nothing_says_nothing():
    assert exact_interval(0, 0) == (0, 1)


def test_published_success_rate_interval():
    low, high = exact_interval(37, 40)
    assert (round(low, 3), round(high, 3)) == (0.796, 0.984)


def own(values):
    """A scenario of its own for every value."""
    return [str(i) for i in range(len(values))]


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=20))
def test_mean_interval_is_students(values):
    values = np.array([*values, 6.0, np.nan])
    mean, low, high = mean_interval(values, own(values))
    good = values[:-1]
    expected = ttest_1samp(good, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((good.mean(), expected.low, expected.high))


@pytest.mark.parametrize("values", [[2.0, np.nan], [1.0, 2.0, 3.0, 6.0], [0.5] * 9])
def test_few_or_equal_values_have_no_interval(values):
    mean, low, high = mean_interval(np.array(values), own(values))
    assert mean == np.nanmean(values) and math.isnan(low) and math.isnan(high)


def test_no_value_has_no_mean():
    assert math.isnan(mean_interval(np.array([np.nan]), ["a"])[0])


def test_a_share_of_separate_scenarios_is_exact():
    hits = [True] * 6 + [False] * 3
    assert share_interval(hits, own(hits)) == exact_interval(6, 9)
    assert share_interval([], []) == (0, 1)


def test_all_or_none_of_crossed_texts_count_as_their_scenarios():
    scenarios = [f"s{i % 8}" for i in range(48)]
    assert share_interval([True] * 48, scenarios) == exact_interval(8, 8)
    assert share_interval([False] * 48, scenarios) == exact_interval(0, 8)


@pytest.mark.parametrize("n_scenarios", [4, 10])
def test_few_or_equal_scenarios_have_no_interval(n_scenarios):
    hits = np.array([True, False] * n_scenarios)
    if n_scenarios < 5:
        hits[0] = False
    low, high = share_interval(hits.tolist(), [f"s{i // 2}" for i in range(2 * n_scenarios)])
    assert math.isnan(low) and math.isnan(high)


def test_intervals_of_crossed_texts_cover_and_taking_texts_for_trials_does_not():
    """Six texts a scenario that are mostly alike, twenty scenarios, share 0.5 in truth."""
    rng, covered, naive = np.random.default_rng(3), 0, 0
    scenarios = [f"s{i // 6}" for i in range(120)]
    for _ in range(200):
        p = np.repeat(rng.beta(0.4, 0.4, 20), 6)
        hits = (rng.random(120) < p).tolist()
        low, high = share_interval(hits, scenarios)
        covered += low <= 0.5 <= high
        assert 0 <= low <= high <= 1
        low, high = exact_interval(sum(hits), 120)
        naive += low <= 0.5 <= high
    assert covered >= 180  # 95 % of 200, less three standard errors
    assert naive < 150


def test_crossed_means_come_from_whole_scenarios(rng):
    values = np.repeat(rng.standard_normal(12), 5)
    of = [f"s{i // 5}" for i in range(60)]
    mean, low, high = mean_interval(values, of)
    assert (low, high) == cluster_interval(values, of)
    # As wide as Student's for twelve values, not for sixty.
    expected = ttest_1samp(values[::5], 0).confidence_interval(0.95)
    assert high - low == pytest.approx(expected.high - expected.low, rel=0.15)
    assert mean == pytest.approx(values.mean())


@pytest.mark.parametrize("n_layers", [1, 2, 5, 9])
def test_a_rotation_keeps_lengths_and_cosines_also_of_more_layers_than_dimensions(n_layers, rng):
    stack = rng.standard_normal((n_layers, 6))
    stack[-1] = stack[0]  # one source for all layers
    turned = randomly_turned(stack, rng)
    assert turned @ turned.T == pytest.approx(stack @ stack.T)
    assert not np.allclose(turned, stack)


def test_random_direction_has_the_norm_and_no_memory_of_the_direction():
    like = np.zeros(256)
    like[3] = 4.0
    drawn = np.concatenate([randomly_turned(like[None], stream(0, "d", i)) for i in range(400)])
    assert np.linalg.norm(drawn, axis=1) == pytest.approx(4.0)
    cosines = drawn @ like / 16
    # Cosines of random directions have mean 0 and variance 1 / d.
    assert abs(cosines.mean()) < 4 / math.sqrt(256 * 400)
    assert cosines.var() * 256 == pytest.approx(1, abs=0.35)


@given(st.integers(2, 25), st.integers(0, 1000))
def test_derangement_leaves_nobody_in_place(n, seed):
    names = [f"e{i}" for i in range(n)]
    partners = derangement(names, stream(seed, "s"))
    assert sorted(partners) == sorted(partners.values()) == sorted(names)
    assert all(a != b for a, b in partners.items())


@given(st.lists(st.sampled_from("ab."), min_size=2, max_size=14), st.integers(0, 50))
def test_as_few_partners_as_can_be_are_alike(kinds, seed):
    """Two poles and emotions without one: what is over of the larger pole must stay within it."""
    names = [f"{kind}{i}" for i, kind in enumerate(kinds)]

    def alike(a, b):
        return a[0] == b[0] != "."

    partners = derangement(names, stream(seed, "s"), alike)
    assert all(a != b for a, b in partners.items())
    assert sorted(partners.values()) == sorted(names)
    n = len(names)
    over = sum(max(0, 2 * kinds.count(kind) - n) for kind in "ab")
    assert sum(alike(a, b) for a, b in partners.items()) == over


def test_derangement_follows_the_seed():
    names = [f"e{i}" for i in range(20)]
    first, again, other = (derangement(names, stream(seed, "s")) for seed in (0, 0, 1))
    assert first == again != other


def test_derangement_needs_two():
    with pytest.raises(ValueError, match="at least two"):
        derangement(["calm"], stream(0))

"""Both rules on planted texts; the robust one where the published one is wrong."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo.core.steering import regimes
from emo.core.steering.regimes import (
    Limits,
    conformal_quantile,
    edge,
    label,
    limits,
    published_regime,
    robust_regime,
)
from emo.core.steering.text_measures import TextMeasures, distinct_n, repetition

FLUENT = "The harbour was quiet and the boats lay in rows until the morning bell rang twice"
LOOP = "so very happy so very happy so very happy so very happy"
CHINESE_LOOP = "快乐快乐快乐快乐快乐快乐快乐快乐"
CHINESE = "清晨港口安静 渔船一排排停着 远处有人慢慢唱歌".replace(" ", "")
SALAD = "lamp quorum the seven of underneath purple which because bolt gravy minus"


def measured(text, log_perplexity=1.5):
    """A text with its characters as tokens where it has no spaces, words otherwise."""
    tokens = [ord(c) for c in text] if " " not in text else [hash(w) for w in text.split()]
    return TextMeasures(
        n_tokens=len(tokens),
        empty=not text.strip(),
        repetition=repetition(tokens),
        distinct_1=distinct_n(tokens, 1),
        distinct_2=distinct_n(tokens, 2),
        foreign=0.0,
        log_perplexity=float(log_perplexity) if tokens else math.nan,
        entropy=1.0,
        score=0.0,
        named=False,
    )


LIMITS = Limits(repetition=0.3, log_perplexity=3.0, n_controls=40)


def robust(measures, limits):
    """Every text of a scenario of its own."""
    return robust_regime(measures, limits, [str(i) for i in range(len(measures))])


def rule(*texts):
    return published_regime(texts).name


def test_published_rule_on_plain_cases():
    assert rule(FLUENT, FLUENT) == "surgical"
    assert rule(LOOP, LOOP, FLUENT) == "repetitive_collapse"
    assert rule("no", "", FLUENT) == "explosive"


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        ([LOOP, FLUENT], "surgical"),  # half is not more than half
        (["a b c a b c"] * 2, "surgical"),  # twice is not three times
        (["a b c a b c a b c"] * 2, "repetitive_collapse"),
        ([FLUENT] * 7 + ["two words"] * 3, "surgical"),  # 30 % is not more than 30 %
        ([FLUENT] * 6 + ["two words"] * 3, "explosive"),
        (["three words here"] * 5, "surgical"),
        ([LOOP] * 6 + [""] * 4, "repetitive_collapse"),  # the first rule wins
        (["A b c a b c a b c"] * 2, "surgical"),  # case is kept: A b c is another 3-gram
    ],
)
def test_published_rule_at_its_edges(texts, name):
    assert rule(*texts) == name


def test_published_rule_misreads_chinese_and_empty_texts():
    assert rule(CHINESE_LOOP, CHINESE_LOOP) == "explosive"
    assert rule(CHINESE, CHINESE) == "explosive"
    assert rule("", "") == "explosive"
    assert rule(SALAD, SALAD) == "surgical"


@pytest.mark.parametrize(
    ("text", "log_perplexity", "name"),
    [
        (CHINESE_LOOP, 1.0, "repetitive_collapse"),
        (CHINESE, 2.0, "surgical"),
        ("", 0.0, "silent"),
        ("  \n", 0.5, "silent"),
        (SALAD, 6.0, "explosive"),
        (LOOP, 1.0, "repetitive_collapse"),
        (FLUENT, 1.5, "surgical"),
    ],
)
def test_robust_rule_reads_them_right(text, log_perplexity, name):
    found = robust([measured(text, log_perplexity)] * 20, LIMITS)
    assert (found.name, found.sure) == (name, True)


def test_an_overflow_is_incoherent_whatever_was_written_before():
    for words in ("", FLUENT, LOOP):
        assert label(replace(measured(words), overflow=True), LIMITS) == "incoherent"
    assert robust([replace(measured(""), overflow=True)] * 20, LIMITS).name == "explosive"


def test_a_text_without_a_finite_likelihood_is_not_fluent():
    assert label(measured(FLUENT, math.nan), LIMITS) == "incoherent"
    assert label(measured(FLUENT, math.inf), LIMITS) == "incoherent"


def test_labels_come_in_order():
    assert label(measured("", 9), LIMITS) == "empty"
    assert label(measured(LOOP, 9), LIMITS) == "repetitive"
    assert label(measured(SALAD, 9), LIMITS) == "incoherent"
    assert label(measured(FLUENT, 2.9), LIMITS) == "fluent"


@pytest.mark.parametrize(
    ("n_bad", "name", "sure"),
    [(0, "surgical", True), (10, "surgical", False), (11, "repetitive_collapse", False)],
)
def test_a_verdict_is_sure_only_where_the_interval_excludes_the_cut(n_bad, name, sure):
    texts = [measured(LOOP)] * n_bad + [measured(FLUENT)] * (20 - n_bad)
    found = robust(texts, LIMITS)
    assert (found.name, found.sure) == (name, sure)
    assert found.shares["repetitive"] == n_bad / 20


def test_two_texts_are_never_sure():
    for text in (FLUENT, LOOP, "", SALAD):
        assert not robust([measured(text, 9 if text == SALAD else 1)] * 2, LIMITS).sure


def test_texts_of_one_scenario_are_not_twenty_trials():
    """Six loops of twenty texts are surely no majority, unless they are all of one scenario of four."""
    texts = [measured(LOOP)] * 3 + [measured(FLUENT)] * 17
    own = robust(texts, LIMITS)
    crossed = robust_regime(texts, LIMITS, [f"s{i // 5}" for i in range(20)])
    assert (own.name, own.sure) == ("surgical", True)
    assert (crossed.name, crossed.sure) == ("surgical", False)
    assert own.shares == crossed.shares


def test_no_texts_have_no_regime():
    with pytest.raises(ValueError, match="no texts"):
        published_regime([])
    with pytest.raises(ValueError, match="no texts"):
        robust([], LIMITS)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=60))
def test_conformal_quantile_leaves_few_above(values):
    limit = conformal_quantile(values, 0.05)
    assert limit in values
    assert sum(v > limit for v in values) <= 0.05 * len(values)


def test_further_texts_exceed_the_limit_in_one_of_twenty(rng):
    drawn = rng.standard_normal((4000, 41))
    above = np.mean([row[0] > conformal_quantile(row[1:].tolist(), 0.05) for row in drawn])
    # Exactly 2 of 41 ranks lie above the 39th of 40; four standard errors.
    assert above == pytest.approx(2 / 41, abs=4 * math.sqrt(0.05 * 0.95 / 4000))


def test_limits_come_from_the_controls_within_bounds():
    controls = [
        replace(measured(FLUENT, x), repetition=r) for x, r in ((1, 0.1), (2, 0.3), (4, 0.4))
    ]
    assert limits(controls, "greedy") == Limits(0.4, 4.0, 3, "greedy")
    tame = [replace(c, repetition=0.0) for c in controls]
    looping = [replace(c, repetition=0.9) for c in controls]
    assert limits(tame, "greedy").repetition == regimes.REPETITION_RANGE[0]
    assert limits(looping, "greedy").repetition == regimes.REPETITION_RANGE[1]


def test_limits_leave_out_empty_controls():
    found = limits([measured(FLUENT, 2.0), measured("")], "greedy")
    assert (found.log_perplexity, found.n_controls) == (2.0, 1)
    with pytest.raises(ValueError, match="wrote nothing"):
        limits([measured("")], "greedy")


def test_how_often_a_limit_is_exceeded_is_said_for_its_number_of_controls():
    assert Limits(0.3, 3.0, 20).false_alarm == pytest.approx(1 / 21)
    assert Limits(0.3, 3.0, 2).false_alarm == pytest.approx(1 / 3)
    assert Limits(0.3, 3.0, 60).false_alarm == pytest.approx(3 / 61)


GREEDY, SAMPLED, SHUFFLED = (1.3, 0.15), (3.4, 0.6), (4.1, 0.4)
"""Mean and spread of log-perplexity: greedy texts, texts sampled at temperature 1, greedy ones with
their words shuffled. About what SmolLM2-135M has."""


def planted(kind, n, rng):
    mean, spread = kind
    return [measured(FLUENT, x) for x in rng.normal(mean, spread, n)]


@pytest.mark.slow
def test_limits_of_the_judged_decoding_flag_shuffled_texts_and_one_in_21_unsteered_ones(rng):
    """Planted truth: 20 greedy controls as job=steer has them, further greedy texts, shuffled ones.

    With sampled texts among the controls, as before, a shuffled text mostly passes.
    """
    found: dict[str, list[float]] = {"unsteered": [], "shuffled": [], "shuffled, mixed limits": []}
    for _ in range(300):
        own = planted(GREEDY, 20, rng)
        greedy = limits(own, "greedy")
        mixed = limits([*own, *planted(SAMPLED, 40, rng)], "greedy and sampled")
        for name, kind, limit in (
            ("unsteered", GREEDY, greedy),
            ("shuffled", SHUFFLED, greedy),
            ("shuffled, mixed limits", SHUFFLED, mixed),
        ):
            texts = planted(kind, 20, rng)
            found[name].append(np.mean([label(t, limit) == "incoherent" for t in texts]))
    rate = {name: float(np.mean(shares)) for name, shares in found.items()}
    error = float(np.std(found["unsteered"]) / math.sqrt(300))
    assert rate["unsteered"] == pytest.approx(1 / 21, abs=4 * error)
    assert rate["shuffled"] == 1
    assert rate["shuffled, mixed limits"] < 0.5


@pytest.mark.parametrize(
    ("looping", "short", "n", "want"),
    [
        (5, 2, 10, (1, "repetitive_collapse")),  # 0.50 looping where more is asked
        (0, 3, 10, (1, "explosive")),  # 0.30 short where more is asked
        (3, 7, 10, (3, "repetitive_collapse")),  # Gemma-3 1B base in the study
        (0, 7, 10, (4, "surgical")),
        (6, 4, 10, (1, "explosive")),
        (9, 0, 10, (4, "surgical")),
        (0, 0, 1, (1, "repetitive_collapse")),
    ],
)
def test_how_many_texts_a_published_regime_is_from_another(looping, short, n, want):
    texts = [LOOP] * looping + [""] * short + [FLUENT] * (n - looping - short)
    found = edge(published_regime(texts))
    assert (found.n_texts, found.name) == want


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_no_fewer_texts_than_the_edge_says_change_a_published_regime(looping, short, fluent):
    """By trying: every other make-up of as many texts that differs in fewer of them."""
    n = looping + short + fluent
    if n == 0:
        return

    def regime(a, b):
        return published_regime([LOOP] * a + [""] * b + [FLUENT] * (n - a - b))

    name = regime(looping, short).name
    distances = {  # texts that differ between two make-ups: half the changes of all three counts
        (a, b): (abs(a - looping) + abs(b - short) + abs(a + b - looping - short)) // 2
        for a in range(n + 1)
        for b in range(n + 1 - a)
    }
    others = [d for place, d in distances.items() if regime(*place).name != name]
    assert edge(regime(looping, short)).n_texts == min(others)

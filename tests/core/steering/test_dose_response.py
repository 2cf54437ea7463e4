"""Cells and successes of planted texts."""

import math
from dataclasses import replace

import pytest

from emo.core.steering.dose_response import (
    SteeredText,
    best_cell,
    by_emotion,
    by_scenario,
    by_site,
    cells,
)
from emo.core.steering.regimes import Limits
from emo.core.steering.text_measures import TextMeasures

LIMITS = Limits(repetition=0.3, log_perplexity=3.0, n_controls=40)


def measures(score, log_perplexity=1.0, repetition=0.0, empty=False):
    return TextMeasures(
        n_tokens=9,
        empty=empty,
        repetition=repetition,
        distinct_1=1.0,
        distinct_2=1.0,
        foreign=0.0,
        log_perplexity=log_perplexity,
        entropy=2.0,
        score=score,
        named=False,
    )


def text(
    score,
    before=0.0,
    scenario="s",
    emotion="calm",
    direction="target",
    site="best",
    strength=0.1,
    **more,
):
    words = "" if more.get("empty") else "some words of a text"
    return SteeredText(
        scenario,
        emotion,
        direction,
        site,
        strength,
        words,
        measures(score, **more),
        measures(before),
    )


def test_success_is_a_higher_score_and_a_tie_is_none():
    assert text(0.5).success
    assert text(0.5, before=-0.5).success
    assert not text(0.0).success
    assert not text(-0.1).success


def test_a_text_emptied_of_feeling_is_no_success():
    """Zero is more than an unsteered text of the other pole has, and no emotion all the same."""
    assert not text(0.0, before=-0.8).success
    assert not text(-0.1, before=-0.8).success


def test_a_text_that_cannot_be_judged_is_no_success():
    """An empty text for an aggressive opening is not calmer than what it replaces."""
    emptied = text(math.nan, before=-0.8, empty=True)
    assert emptied.judged
    assert not emptied.success
    assert not text(math.nan, before=math.nan).judged


def test_a_text_that_overflowed_is_no_success():
    good = text(0.5)
    assert not replace(good, measures=replace(good.measures, overflow=True)).success


def test_cell_counts_and_means():
    (cell,) = cells(
        [
            text(0.5, scenario="a"),
            text(0.4, scenario="b", log_perplexity=5.0),  # better, but incoherent
            text(-0.3, scenario="c"),
            text(math.nan, before=math.nan, scenario="d"),
        ],
        LIMITS,
    )
    assert (cell.success.k, cell.success.n) == (2, 3)
    assert (cell.fluent_success.k, cell.fluent_success.n) == (1, 3)
    assert cell.n_texts == 4
    assert cell.shift.value == pytest.approx(0.2)
    assert cell.log_perplexity_ratio.value == pytest.approx(1.0)
    assert cell.robust.shares["incoherent"] == 0.25


def test_cells_are_grouped_by_direction_site_and_strength():
    found = cells(
        [
            text(0.1, direction=d, site=s, strength=x)
            for d in ("target", "random")
            for s in ("3", "all")
            for x in (0.1, 0.2)
        ],
        LIMITS,
    )
    assert [(c.direction, c.site, c.strength) for c in found] == [
        (d, s, x) for d in ("target", "random") for s in ("3", "all") for x in (0.1, 0.2)
    ]


def test_best_cell_is_surgical_and_of_the_emotions_own_vectors():
    weak = [text(0.1, scenario=n, strength=0.1) for n in "ab"] + [text(-1.0, strength=0.1)]
    strong = [text(0.1, scenario=n, strength=0.2) for n in "abc"]
    control = [text(0.1, scenario=n, direction="random", strength=0.3) for n in "abcd"]
    looping = [text(0.1, scenario=n, strength=0.4, repetition=0.9) for n in "abcd"]
    best = best_cell(cells([*weak, *strong, *control, *looping], LIMITS))
    assert best is not None and best.strength == 0.2
    tied = [text(0.1, scenario=n, strength=0.5) for n in "abc"]
    best = best_cell(cells([*tied, *strong], LIMITS))
    assert best is not None and best.strength == 0.2
    assert best_cell(cells([text(-0.1)], LIMITS)) is None


def test_by_emotion_takes_the_mean_over_scenarios():
    found = by_emotion([text(0.2, scenario="a"), text(0.4, scenario="b"), text(0.9, emotion="sad")])
    assert [(d.emotion, d.shift.value) for d in found] == [
        ("calm", pytest.approx(0.3)),
        ("sad", 0.9),
    ]
    assert [d.n_texts for d in found] == [2, 1]
    (many,) = by_emotion([text(0.1 * i, scenario=str(i)) for i in range(6)])
    assert many.shift.low < many.shift.value == pytest.approx(0.25)


def test_shares_stay_within_0_and_1():
    (cell,) = cells(
        [text(0.1, scenario=str(i), repetition=0.9 * (i == 0)) for i in range(6)], LIMITS
    )
    assert cell.repetition.low == 0
    assert cell.shift.high != cell.shift.high  # all the same: no interval


def test_crossed_emotions_are_no_further_trials():
    """Two emotions in each of ten scenarios that succeed or fail together: ten trials, not twenty."""
    texts = [
        text(0.5 if i < 5 else -0.5, scenario=str(i), emotion=e)
        for i in range(10)
        for e in ("a", "b")
    ]
    (crossed,) = cells(texts, LIMITS)
    (single,) = cells(texts[::2], LIMITS)
    assert (crossed.success.k, crossed.success.n, crossed.n_scenarios) == (10, 20, 10)
    width = [c.success.high - c.success.low for c in (crossed, single)]
    assert width[0] == pytest.approx(width[1], rel=0.2)


def test_a_sites_regime_pools_the_strengths_of_the_emotions_own_vectors():
    """Each strength for itself is surgical or collapse; together 3 of 5 texts loop."""
    loop = {"repetition": 0.9}
    own = [text(0.1, scenario=n, strength=0.1) for n in "ab"]
    own += [text(0.1, scenario=n, strength=0.2, **loop) for n in "abc"]
    others = [text(0.1, scenario=n, direction="random", strength=0.2) for n in "abcdef"]
    plain = [text(0.1, scenario=n, strength=0.0) for n in "abcdef"]
    elsewhere = text(0.1, site="all", empty=True)
    first, second = by_site([*own, *others, *plain, elsewhere], LIMITS)
    assert (first.site, first.n_texts, first.robust.name) == ("best", 5, "repetitive_collapse")
    assert (first.published.name, first.robust.sure) == ("surgical", False)
    assert (second.site, second.published.name, second.robust.name) == (
        "all",
        "explosive",
        "silent",
    )


def test_by_scenario_counts_over_doses():
    found = by_scenario(
        [text(0.2, strength=0.1), text(-0.1, strength=0.2), text(0.3, strength=0.3)]
    )
    assert [(s.success.k, s.success.n) for s in found] == [(2, 3)]

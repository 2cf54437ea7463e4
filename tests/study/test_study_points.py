"""Which point each trial takes: alone, resumed, beside other processes, on a grid to the last one."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState

from emo.config.enums import SamplerName
from emo.errors import EmoError, NoMemory, StoreError, TrackingError
from emo.study import claims
from emo.study.importance import importances
from emo.study.space import place_of
from emo.study.trials import completed
from tests.study.lives import content, made
from tests.study.test_trials import SPACE, advance, opened, planted


def test_resumed_to_a_total_in_any_number_of_starts(tmp_path):
    whole = opened(tmp_path, "whole")
    advance(whole, 24)
    for total in (5, 5, 11, 24, 24):
        parts = opened(tmp_path, "parts")
        advance(parts, total)
        assert len(completed(parts)) == total
    assert len(parts.trials) == 24
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]


@pytest.mark.parametrize("sampler", [s for s in SamplerName if s is not SamplerName.grid])
def test_a_resumed_study_does_not_draw_the_same_again(tmp_path, sampler):
    whole = opened(tmp_path, "whole")
    advance(whole, 12, sampler=sampler)
    for total in range(1, 13):
        advance(opened(tmp_path, "parts"), total, sampler=sampler)
    parts = opened(tmp_path, "parts")
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]
    assert len({tuple(t.params.values()) for t in parts.trials}) > 3


def test_qmc_covers_the_space_evenly_from_its_first_trial(tmp_path):
    """Of 32 trials every one of the 32 points has one, so that no importance is another's."""
    study = opened(tmp_path)
    advance(study, 32)
    assert len({tuple(t.params.values()) for t in study.trials}) == SPACE.size == 32


KILLS = st.lists(st.tuples(st.integers(0, 110), st.floats(0, 1)), max_size=5)
"""In which write each process of a row is killed, and after which share of it."""


@pytest.mark.parametrize("sampler", list(SamplerName))
@pytest.mark.parametrize("n", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_a_study_killed_inside_any_write_is_the_undisturbed_one(tmp_path_factory, sampler, n):
    undisturbed = content(made(tmp_path_factory.mktemp("whole"), 12, sampler))
    assert [place for place, *_ in undisturbed] == list(range(12))

    @settings(max_examples=n)
    @given(KILLS)
    def holds(kills):
        assert content(made(tmp_path_factory.mktemp("killed"), 12, sampler, kills)) == undisturbed

    holds()


def test_importances_do_not_depend_on_the_order_in_which_trials_ended(tmp_path):
    whole = opened(tmp_path, "whole")
    advance(whole, 16)
    shuffled = opened(tmp_path, "shuffled")
    for trial in sorted(whole.trials, key=lambda t: -t.number):
        shuffled.add_trial(trial)
    assert [t.number for t in completed(shuffled)] == list(range(15, -1, -1))
    assert importances(shuffled, ["rho"], 0) == importances(whole, ["rho"], 0)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [s for s in SamplerName if s is not SamplerName.tpe])
def test_processes_at_once_make_the_study_that_one_alone_makes(tmp_path, sampler):
    """With tpe a point depends on which others were complete when it was drawn."""

    def work(_):
        return len(advance(opened(tmp_path), 24, sampler=sampler))

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, range(4)))
    alone = opened(tmp_path, "alone")
    advance(alone, 24, sampler=sampler)
    shared = opened(tmp_path)
    assert sum(shares) == 24
    assert content(shared) == content(alone)


@pytest.mark.parametrize("sampler", list(SamplerName))
def test_a_place_that_another_takes_at_the_same_moment_is_left_to_it(
    tmp_path, monkeypatch, sampler
):
    """Between the look which place is free and the writing of it another process does both."""
    first, second = opened(tmp_path), opened(tmp_path)
    design = claims.Design(SPACE, sampler, 0, 8)
    look, taken = claims._free, []

    def then_another(study, *args, **kwargs):
        place = look(study, *args, **kwargs)
        if study is first and "but" in kwargs and not taken:
            taken.append(claims.claim(second, design).number)
        return place

    monkeypatch.setattr(claims, "_free", then_another)
    trial = claims.claim(first, design)
    places = {t.number: place_of(t) for t in first.trials}
    assert places == {taken[0]: 0, trial.number: 1}
    assert len({tuple(t.params.items()) for t in first.trials}) == 2


def test_a_point_that_cannot_be_evaluated_is_passed_over_by_later_starts(tmp_path):
    """Also by one that is killed before it has evaluated another: then the next start tries it."""

    def without_paragraphs(point):
        if point["prompts"] == "paragraph" and point["samples"] == 1:
            raise EmoError("no texts there")
        return planted(point)

    whole = made(tmp_path / "whole", 12, SamplerName.qmc, (), without_paragraphs)
    assert content(whole)[-1][0] > 12
    for write in (60, 75, 90):
        killed = made(
            tmp_path / f"{write}", 12, SamplerName.qmc, [(write, 0.5)], without_paragraphs
        )
        assert content(killed) == content(whole)


def test_failures_that_end_a_study_cost_it_no_place(tmp_path):
    """Nothing works for a while, which says nothing about the points that were tried."""
    with pytest.raises(EmoError, match="5 trials in a row"):
        advance(opened(tmp_path), 8, lambda _: {"rho": float("nan")})
    study = opened(tmp_path)
    advance(study, 8)
    assert [place for place, *_ in content(study)] == list(range(8))


@pytest.mark.parametrize("error", [StoreError("full"), NoMemory("none"), TrackingError("away")])
def test_what_is_no_fault_of_the_point_ends_a_study_at_once(tmp_path, error):
    def broken(_):
        raise error

    study = opened(tmp_path)
    advance(study, 3)
    with pytest.raises(type(error)):
        advance(study, 8, broken)
    assert len(study.trials) == 4
    advance(study, 8)
    assert [place for place, *_ in content(study)] == list(range(8))


def test_a_study_from_before_there_were_places_goes_on_where_it_was(tmp_path):
    """Its trials are at the places of their numbers; what was killed then is evaluated now."""
    study = opened(tmp_path)
    advance(study, 6)
    journal = tmp_path / "study.journal"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"place"' not in line))
    journal.write_text(re.sub(r',"sum":"[0-9a-f]{8}"', "", journal.read_text()))
    old = opened(tmp_path)
    assert all("place" not in t.user_attrs for t in old.trials)
    advance(old, 12)
    whole = opened(tmp_path, "whole")
    advance(whole, 12)
    assert content(old) == content(whole)


def test_grid_point_that_another_process_takes_first(tmp_path, monkeypatch):
    """The last point is taken between the look whether there is one and the draw."""
    study, other = opened(tmp_path), opened(tmp_path)
    advance(study, SPACE.size - 1, sampler=SamplerName.grid)
    ask = study.ask

    def late():
        monkeypatch.setattr(study, "ask", ask)
        advance(other, SPACE.size, sampler=SamplerName.grid)
        return ask()

    monkeypatch.setattr(study, "ask", late)
    assert advance(study, SPACE.size + 1, sampler=SamplerName.grid) == []
    assert Counter(t.state for t in study.trials) == {
        TrialState.COMPLETE: SPACE.size,
        TrialState.FAIL: 1,
    }


def test_grid_takes_every_point_once_also_one_whose_trial_failed(tmp_path):
    calls = []

    def sometimes(point):
        calls.append(point)
        if len(calls) in (2, 15):
            raise EmoError("once")
        return planted(point)

    for total in (10, 1000):
        study = opened(tmp_path)
        advance(study, total, sometimes, SamplerName.grid)
    points = Counter(tuple(t.params.values()) for t in completed(study))
    assert len(points) == SPACE.size == 32
    assert set(points.values()) == {1}
    assert len(calls) == 34

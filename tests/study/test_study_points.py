"""Which point each trial takes: alone, resumed, beside other processes, on a grid to the last one."""

from collections import Counter

import pytest
from optuna.trial import TrialState

from emo.choices import SamplerName
from emo.errors import EmoError
from emo.study.trials import completed, run_trials
from tests.study.test_trials import SPACE, advance, opened, planted


def test_resumed_to_a_total_in_any_number_of_starts(tmp_path):
    whole = opened(tmp_path / "whole")
    advance(whole, 24)
    for total in (5, 5, 11, 24, 24):
        parts = opened(tmp_path / "parts")
        advance(parts, total)
        assert len(completed(parts)) == total
    assert len(parts.trials) == 24
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]


@pytest.mark.parametrize("sampler", [s for s in SamplerName if s is not SamplerName.grid])
def test_a_resumed_study_does_not_draw_the_same_again(tmp_path, sampler):
    whole = opened(tmp_path / "whole")
    advance(whole, 12, sampler=sampler)
    for total in range(1, 13):
        advance(opened(tmp_path / "parts"), total, sampler=sampler)
    parts = opened(tmp_path / "parts")
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]
    assert len({tuple(t.params.values()) for t in parts.trials}) > 3


def test_qmc_covers_the_space_evenly_from_its_first_trial(tmp_path):
    """Of 32 trials every one of the 32 points has one, so that no importance is another's."""
    study = opened(tmp_path)
    advance(study, 32)
    assert len({tuple(t.params.values()) for t in study.trials}) == SPACE.size == 32


@pytest.mark.parametrize("sampler", [SamplerName.qmc, SamplerName.random, SamplerName.tpe])
def test_processes_that_start_together_draw_different_points(tmp_path, monkeypatch, sampler):
    """Both ask before either has told, or drawn, anything."""
    first, second = opened(tmp_path), opened(tmp_path)
    ask = first.ask

    def together():
        monkeypatch.setattr(first, "ask", ask)
        trial = ask()
        next(run_trials(second, SPACE, ["rho"], 2, planted, sampler, 0))
        return trial

    monkeypatch.setattr(first, "ask", together)
    advance(first, 2, sampler=sampler)
    assert second.trials[0].params != second.trials[1].params


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

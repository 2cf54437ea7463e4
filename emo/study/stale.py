"""Stale trials: those that dead processes left running."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection

import optuna
from optuna.trial import FrozenTrial, TrialState

from emo.process.owner import HOST, PROCESS_START, alive, here
from emo.study.space import place_of

log = logging.getLogger(__name__)

CLAIMING_S = 1.0
"""More time than a process usually needs between making a trial and claiming it."""


def elsewhere(study: optuna.Study) -> dict[str, int]:
    """Other hosts -> the number of their running trials, whether or not their processes are alive."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return dict(Counter(t.user_attrs[HOST] for t in running if of_another_host(t)))


def of_another_host(trial: FrozenTrial) -> bool:
    """Whether a process of another host made a trial; this host cannot see whether it is alive."""
    return HOST in trial.user_attrs and not here(trial.user_attrs)


def take_over(study: optuna.Study) -> list[int]:
    """Mark all running trials of other hosts as FAIL; returns their places."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return _fail(study, {t.number for t in running if of_another_host(t)})


def fail_stale(study: optuna.Study) -> list[int]:
    """Mark running trials as FAIL if their process on this host has ended; returns their places."""
    # A trial without an owner was just made, or its process was killed before it claimed the trial.
    # A second look, later, tells which.
    stale = _stale(study)
    if any(stale.values()):
        time.sleep(CLAIMING_S)
        stale = {
            number: unclaimed for number, unclaimed in _stale(study).items() if number in stale
        }
    return _fail(study, stale)


def _fail(study: optuna.Study, numbers: Collection[int]) -> list[int]:
    places = [place_of(t) for t in study.get_trials(deepcopy=False) if t.number in numbers]
    for number, place in zip(sorted(numbers), places, strict=True):
        study.tell(number, state=TrialState.FAIL, skip_if_finished=True)
        log.warning("trial %d was left running by a dead process: marked as FAIL", place)
    return places


def _stale(study: optuna.Study) -> dict[int, bool]:
    """Running trials without a living process on this host -> whether they have no owner at all."""
    return {
        t.number: PROCESS_START not in t.user_attrs
        for t in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if not of_another_host(t) and not alive(t.user_attrs)
    }

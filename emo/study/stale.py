"""Trials that processes which are gone left running."""

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
"""Longer than a process commonly takes from making a trial to claiming it."""


def elsewhere(study: optuna.Study) -> dict[str, int]:
    """Hosts other than this one -> how many trials they have running, alive or not."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return dict(Counter(t.user_attrs[HOST] for t in running if of_another_host(t)))


def of_another_host(trial: FrozenTrial) -> bool:
    """Whether a process of another host asked for a trial; from here none can see whether it lives."""
    return HOST in trial.user_attrs and not here(trial.user_attrs)


def take_over(study: optuna.Study) -> list[int]:
    """Tell FAIL for all running trials of other hosts; their places."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return _fail(study, {t.number for t in running if of_another_host(t)})


def fail_stale(study: optuna.Study) -> list[int]:
    """Tell FAIL for running trials whose process on this host is gone; their places."""
    # A trial without an owner was killed in the moment between being made and being claimed, or is in
    # that moment now: those get a second look.
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
        log.warning("trial %d was left by a process that is gone: told FAIL", place)
    return places


def _stale(study: optuna.Study) -> dict[int, bool]:
    """Running trials without a living process on this host -> whether they have no owner at all."""
    return {
        t.number: PROCESS_START not in t.user_attrs
        for t in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if not of_another_host(t) and not alive(t.user_attrs)
    }

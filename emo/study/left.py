"""Trials that processes which are gone left running."""

from __future__ import annotations

import time
from collections import Counter

import optuna
from optuna.trial import TrialState

from emo.owner import alive, here

CLAIMING_S = 1.0
"""Longer than a process commonly takes from making a trial to claiming it."""


def elsewhere(study: optuna.Study) -> dict[str, int]:
    """Hosts other than this one -> how many trials they have running, alive or not."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    attributes = [t.user_attrs for t in running]
    return dict(Counter(a["host"] for a in attributes if "host" in a and not here(a)))


def take_over(study: optuna.Study) -> list[int]:
    """Tell FAIL for all running trials of other hosts; their numbers."""
    taken = [
        t.number
        for t in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if "host" in t.user_attrs and not here(t.user_attrs)
    ]
    for number in taken:
        study.tell(number, state=TrialState.FAIL, skip_if_finished=True)
    return taken


def fail_stale(study: optuna.Study) -> list[int]:
    """Tell FAIL for running trials whose process on this host is gone; their numbers."""
    # A trial without an owner was killed in the moment between being made and being claimed, or is in
    # that moment now: those get a second look.
    stale = _stale(study)
    if any(stale.values()):
        time.sleep(CLAIMING_S)
        stale = {
            number: unclaimed for number, unclaimed in _stale(study).items() if number in stale
        }
    for number in stale:
        study.tell(number, state=TrialState.FAIL, skip_if_finished=True)
    return list(stale)


def _stale(study: optuna.Study) -> dict[int, bool]:
    """Running trials without a living process on this host -> whether they have no owner at all."""
    return {
        t.number: "process_start" not in t.user_attrs
        for t in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if ("host" not in t.user_attrs or here(t.user_attrs)) and not alive(t.user_attrs)
    }

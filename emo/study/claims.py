"""The missing places of a study's sequence, and a trial that takes the lowest of them.

A complete trial takes a place, and so does a running one while it runs. The next process therefore
evaluates a killed trial at its own place, and a study that was stopped any number of times has the same
trials as one that was not.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import chain, count, islice

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from emo.config.enums import SamplerName
from emo.process.owner import owner
from emo.study.space import PLACE, Space, place_of, sampler_at
from emo.study.stale import of_another_host

REASON = "reason"
"""Attribute of a failed trial: the reason why its point could not be evaluated."""
START = "start"
"""Attribute of a trial: the start of the command that asked for it."""
RIVALS_WAIT_S = 0.05
"""Two processes that took the same place choose again within this time."""


@dataclass(frozen=True)
class Design:
    """The trials that make a study complete."""

    space: Space
    sampler: SamplerName
    seed: int
    total: int
    start: str = field(default_factory=lambda: uuid.uuid4().hex)
    """The name of this start of the command."""

    @property
    def wanted(self) -> int:
        """The number of trials that make the study complete; for a grid at most its number of points."""
        return min(self.total, self.space.size) if self._grid else self.total

    @property
    def _grid(self) -> bool:
        return self.sampler is SamplerName.grid

    def missing(self, trials: Collection[FrozenTrial]) -> Iterator[int]:
        """The places that make the study complete, lowest first; some may have a running trial.

        A place whose point cannot be evaluated is passed over. In a grid it comes again, last, since no
        other point can replace it.
        """
        complete = {place_of(t) for t in trials if t.state is TrialState.COMPLETE}
        passed_over = self._passed_over(trials) - complete
        places = range(self.space.size) if self._grid else count()
        first = (p for p in places if p not in complete and p not in passed_over)
        last = sorted(passed_over) if self._grid else []
        return islice(chain(first, last), max(self.wanted - len(complete), 0))

    def _passed_over(self, trials: Collection[FrozenTrial]) -> set[int]:
        """Places whose points cannot be evaluated.

        A trial may also fail for a reason that has nothing to do with its point. A failure therefore
        counts for the start of the command that tried the point. It counts for other starts once that
        start has evaluated another point.
        """
        last = {self.start: len(trials)}
        for trial in trials:
            if trial.state is TrialState.COMPLETE:
                start = trial.user_attrs.get(START, "")
                last[start] = max(last.get(start, 0), trial.number)
        failed = (t for t in trials if t.state is TrialState.FAIL and REASON in t.user_attrs)
        return {place_of(t) for t in failed if t.number < last.get(t.user_attrs.get(START, ""), 0)}


def claim(study: optuna.Study, design: Design) -> optuna.Trial | None:
    """A new trial of this process, with its point; None if every missing place is taken."""
    while _free(study, design) is not None:
        trial = study.ask()
        try:
            if _placed(study, trial, design):
                return trial
        except (
            UpdateFinishedTrialError
        ):  # this process was so slow that another one took it for dead
            continue
        except BaseException:
            study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
            raise
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
    return None


def held_elsewhere(study: optuna.Study, design: Design) -> bool:
    """Whether processes of other hosts evaluate everything that is missing."""
    trials = study.get_trials(deepcopy=False)
    held = {place_of(t) for t in _running(trials) if of_another_host(t)}
    return all(place in held for place in design.missing(trials))


def _free(study: optuna.Study, design: Design, but: int | None = None) -> int | None:
    """The lowest missing place that no running trial, except number ``but``, holds."""
    trials = study.get_trials(deepcopy=False)
    held = {place_of(t) for t in _running(trials) if t.number != but}
    return next((place for place in design.missing(trials) if place not in held), None)


def _running(trials: Collection[FrozenTrial]) -> Iterator[FrozenTrial]:
    """Running trials that have a place."""
    for trial in trials:
        if trial.state is TrialState.RUNNING and (PLACE in trial.user_attrs or trial.params):
            yield trial


def _placed(study: optuna.Study, trial: optuna.Trial, design: Design) -> bool:
    """Give a trial to this process and draw its point; False if others have taken the last place."""
    for name, value in {**owner(), START: design.start}.items():
        trial.set_user_attr(name, value)
    while True:
        place = _free(study, design, but=trial.number)
        if place is None:
            return False
        trial.set_user_attr(PLACE, place)
        # Each process writes before it looks, so at most one of several at one place sees no rival.
        if not _rivals(study, trial.number, place):
            break
        time.sleep(random.uniform(0, RIVALS_WAIT_S))
    asked_with, study.sampler = (
        study.sampler,
        sampler_at(design.sampler, design.space, place, design.seed),
    )
    try:
        for name, distribution in design.space.varied.items():
            trial.suggest_categorical(name, distribution.choices)
    finally:
        study.sampler = asked_with
    return True


def _rivals(study: optuna.Study, number: int, place: int) -> bool:
    states = (TrialState.COMPLETE, TrialState.RUNNING)
    others = study.get_trials(deepcopy=False, states=states)
    return any(t.number != number and t.user_attrs.get(PLACE) == place for t in others)

"""Trials of a study, by any number of processes: asked, evaluated, told; a killed one is made up for.

Optuna's ask-and-tell interface (Akiba et al. 2019, arXiv:1907.10902).
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from emo.choices import SamplerName
from emo.errors import EmoError
from emo.owner import owner
from emo.passwords import without_password
from emo.study.left import fail_stale, of_another_host
from emo.study.points import Space, Value, live, trial_sampler, untried

log = logging.getLogger(__name__)

Evaluate = Callable[[Mapping[str, Value]], Mapping[str, float]]
"""A point of the space -> its measured values, the objectives among them."""

REASON = "reason"
"""Attribute of a failed trial: why."""
METRIC = "metric."
"""Begins the attributes that hold everything an evaluation returned."""
WAIT_S = 1.0
"""How often it is looked whether the trials of other processes have ended."""
MOST_FAILURES = 5
"""So many failures in a row end a study: something is wrong that no other point will mend."""


def open_study(storage: Path | str, name: str, objectives: Sequence[str]) -> optuna.Study:
    """A study in a journal file (a path) or a database (a URL), made where it is not there yet.

    Raises
    ------
    EmoError
        If the storage cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(
            storage=_storage(storage),
            study_name=name,
            directions=[StudyDirection.MAXIMIZE] * len(objectives),
            sampler=RandomSampler(),  # draws nothing yet when a trial is asked for
            load_if_exists=True,
        )
    except Exception as error:  # a driver's own errors, a file that is no journal
        first = (str(error) or type(error).__name__).splitlines()[0]
        said = f"job.study.storage={storage}: cannot be opened: {first}"
        raise EmoError(without_password(said)) from error


def _storage(where: Path | str) -> BaseStorage:
    if isinstance(where, str):
        return RDBStorage(where)
    where.parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(where)))


def completed(study: optuna.Study) -> list[FrozenTrial]:
    """Finished trials, by number."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def run_trials(
    study: optuna.Study,
    space: Space,
    objectives: Sequence[str],
    total: int,
    evaluate: Evaluate,
    sampler: SamplerName,
    seed: int,
) -> Iterator[FrozenTrial]:
    """Evaluate points until the study has ``total`` complete trials, other processes' included.

    Those that processes of this host are at are waited for, and made up for if these are killed; those
    of other hosts, of which that cannot be seen, are counted as if they were complete.

    Yields each trial of this process when it has been told. One whose evaluation raises an EmoError
    or misses an objective is told FAIL with the reason and is made up for; as many failures in a row
    as ``MOST_FAILURES`` end it. One for which another process told FAIL meanwhile is dropped and made
    up for.

    Raises
    ------
    EmoError
        If nothing but failures comes back.
    """
    failures = 0
    while (trial := _next(study, space, total, sampler, seed)) is not None:
        point = {**space.fixed, **trial.params}
        try:
            values = dict(evaluate(point))
            told = [_objective(values, name) for name in objectives]
        except EmoError as error:
            failures += 1
            log.warning("trial %d failed: %s", trial.number, error)
            if _told(study, trial, TrialState.FAIL, {REASON: str(error)}):
                yield study.trials[trial.number]
            if failures == MOST_FAILURES:
                raise EmoError(f"{failures} trials in a row failed, the last: {error}") from error
            continue
        except BaseException:
            study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
            raise
        failures = 0
        attributes = {f"{METRIC}{name}": value for name, value in values.items()}
        if _told(study, trial, TrialState.COMPLETE, attributes, told):
            yield study.trials[trial.number]


def _told(
    study: optuna.Study,
    trial: optuna.Trial,
    state: TrialState,
    attributes: Mapping[str, Value],
    values: Sequence[float] | None = None,
) -> bool:
    """Tell how a trial ended; False if another process took it for dead and told FAIL before."""
    try:
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        told = study.tell(trial, values, state=state, skip_if_finished=True)
    except UpdateFinishedTrialError:
        told = None
    if told is not None and told.state is state:
        return True
    log.warning("trial %d was told FAIL by another process: made up for", trial.number)
    return False


def trials_wanted(total: int, sampler: SamplerName, space: Space) -> int:
    """How many trials make a study complete: a grid has no more than it has points."""
    return min(total, space.size) if sampler is SamplerName.grid else total


def _next(
    study: optuna.Study, space: Space, total: int, sampler: SamplerName, seed: int
) -> optuna.Trial | None:
    """A new trial that is this process's, None when this host has nothing more to do."""
    wanted = trials_wanted(total, sampler, space)
    waiting = False
    while True:
        trial = _claim(study, space, total, sampler, seed)
        if trial is not None:
            return trial
        settled = [t for t in live(study) if t.state is TrialState.COMPLETE or of_another_host(t)]
        if len(settled) >= wanted:
            return None
        if not fail_stale(study):
            if not waiting:
                log.info("waiting for trials that other processes of this host are at")
            waiting = True
            time.sleep(WAIT_S)


def _claim(
    study: optuna.Study, space: Space, total: int, sampler: SamplerName, seed: int
) -> optuna.Trial | None:
    """A new trial that is this process's, None when there are enough."""
    while len(live(study)) < total and (sampler is not SamplerName.grid or untried(study, space)):
        trial = study.ask()
        try:
            if _drawn(study, trial, space, sampler, seed) and _first(study, trial, total, sampler):
                return trial
        except UpdateFinishedTrialError:  # so slowly that another process took it for dead
            continue
        except BaseException:
            study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
            raise
        study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
    return None


def _drawn(
    study: optuna.Study, trial: optuna.Trial, space: Space, sampler: SamplerName, seed: int
) -> bool:
    """Make a trial this process's and draw its point; False if another took the last one."""
    for name, value in owner().items():
        trial.set_user_attr(name, value)
    drawing = trial_sampler(sampler, study, space, trial.number, seed)
    if drawing is None:
        return False
    asked_with, study.sampler = study.sampler, drawing
    try:
        for name, distribution in space.varied.items():
            trial.suggest_categorical(name, distribution.choices)
    finally:
        study.sampler = asked_with
    return True


def _first(study: optuna.Study, trial: optuna.Trial, total: int, sampler: SamplerName) -> bool:
    """Whether of several processes that saw the last place, or a point, free this one has it."""
    before = [t for t in live(study) if t.number < trial.number]
    double = sampler is SamplerName.grid and any(t.params == trial.params for t in before)
    return len(before) < total and not double


def _objective(values: Mapping[str, float], name: str) -> float:
    if name not in values:
        there = ", ".join(sorted(values))
        raise EmoError(f"objective {name} has no value at this point, there are {there}")
    if not math.isfinite(values[name]):
        raise EmoError(f"{name} is {values[name]} there")
    return float(values[name])


def values_of(trial: FrozenTrial) -> dict[str, float]:
    """Everything that a finished trial's evaluation returned."""
    attributes = trial.user_attrs.items()
    return {k.removeprefix(METRIC): v for k, v in attributes if k.startswith(METRIC)}


def study_name(name: str, identity: str) -> str:
    """A name that another question, another model or another space does not share."""
    return f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"

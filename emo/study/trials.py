"""Trials of a study, by any number of processes: asked, evaluated, told; a killed one is made up for.

Optuna's ask-and-tell interface (Akiba et al. 2019, arXiv:1907.10902).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from emo.config.enums import SamplerName
from emo.errors import EmoError, NoMemory, StoreError, TrackingError
from emo.study.claims import REASON, Design, claim, held_elsewhere
from emo.study.space import Space, Value, place_of
from emo.study.stale import fail_stale

log = logging.getLogger(__name__)

Evaluate = Callable[[Mapping[str, Value]], Mapping[str, float]]
"""A point of the space -> its measured values, the objectives among them."""

METRIC = "metric."
"""Begins the attributes that hold everything an evaluation returned."""
WAIT_S = 1.0
"""How often it is looked whether the trials of other processes have ended."""
MOST_FAILURES = 5
"""So many failures in a row end a study: something is wrong that no other point will mend."""
ENDING = (StoreError, TrackingError, NoMemory)
"""Failures that are none of the point's: they end a study at once, and the point is tried again."""


def completed(study: optuna.Study) -> list[FrozenTrial]:
    """Finished trials, by place: in the order of a study that one process has made undisturbed."""
    return sorted(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)), key=place_of)


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
    or misses an objective is told FAIL with the reason and is made up for by another point; as many
    failures in a row as ``MOST_FAILURES`` end it. One for which another process told FAIL meanwhile
    is dropped and made up for.

    Raises
    ------
    EmoError
        If nothing but failures comes back, or one of those in ``ENDING``.
    """
    design = Design(space, sampler, seed, total)
    failures = 0
    while (trial := _next(study, design)) is not None:
        point = {**space.fixed, **trial.params}
        try:
            values = dict(evaluate(point))
            told = [_objective(values, name) for name in objectives]
        except BaseException as error:
            if not isinstance(error, EmoError) or isinstance(error, ENDING):
                study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
                raise
            failures += 1
            log.warning("trial %d failed: %s", place_of(study.trials[trial.number]), error)
            if _told(study, trial, TrialState.FAIL, {REASON: str(error)}):
                yield study.trials[trial.number]
            if failures == MOST_FAILURES:
                raise EmoError(f"{failures} trials in a row failed, the last: {error}") from error
            continue
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
    place = place_of(study.trials[trial.number])
    log.warning("trial %d was told FAIL by another process: made up for", place)
    return False


def _next(study: optuna.Study, design: Design) -> optuna.Trial | None:
    """A new trial that is this process's, None when this host has nothing more to do."""
    waiting = False
    while True:
        trial = claim(study, design)
        if trial is not None:
            return trial
        if held_elsewhere(study, design):
            return None
        if not fail_stale(study):
            if not waiting:
                log.info("waiting for trials that other processes of this host are at")
            waiting = True
            time.sleep(WAIT_S)


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

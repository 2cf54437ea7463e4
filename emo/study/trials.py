"""Trials of a study, evaluated by any number of processes; a killed trial is repeated.

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
"""Begins the names of the attributes that hold the values of an evaluation."""
WAIT_S = 1.0
"""Time between two looks whether the trials of other processes have ended."""
MOST_FAILURES = 5
"""This many failures in a row end a study: no other point would succeed."""
ENDING = (StoreError, TrackingError, NoMemory)
"""Failures that do not depend on the point: they end a study at once, and the next start tries the
point again."""


def completed(study: optuna.Study) -> list[FrozenTrial]:
    """Complete trials in the order of their places, which is the order of an undisturbed study."""
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
    """Finished trials of this process, until the study has ``total`` complete trials of all processes.

    This process waits for the running trials of other processes of this host, and repeats a trial whose
    process is killed. Running trials of other hosts count as complete, since this host cannot see
    whether their processes are alive.

    A trial whose evaluation raises an EmoError, or lacks an objective, is marked as FAIL with the
    reason, and another point replaces it; ``MOST_FAILURES`` failures in a row end the study. A trial
    that another process has marked as FAIL meanwhile is dropped and repeated.

    Raises
    ------
    EmoError
        If too many evaluations fail in a row, or one fails for a reason in ``ENDING``.
    """
    design = Design(space, sampler, seed, total)
    failures = 0
    while (trial := _next(study, design)) is not None:
        point = {**space.fixed, **trial.params}
        try:
            values = dict(evaluate(point))
            objective_values = [_objective(values, name) for name in objectives]
        except BaseException as error:
            if not isinstance(error, EmoError) or isinstance(error, ENDING):
                study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
                raise
            failures += 1
            log.warning("trial %d failed: %s", place_of(study.trials[trial.number]), error)
            if _finish(study, trial, TrialState.FAIL, {REASON: str(error)}):
                yield study.trials[trial.number]
            if failures == MOST_FAILURES:
                raise EmoError(f"{failures} trials in a row failed, the last: {error}") from error
            continue
        failures = 0
        attributes = {f"{METRIC}{name}": value for name, value in values.items()}
        if _finish(study, trial, TrialState.COMPLETE, attributes, objective_values):
            yield study.trials[trial.number]


def _finish(
    study: optuna.Study,
    trial: optuna.Trial,
    state: TrialState,
    attributes: Mapping[str, Value],
    values: Sequence[float] | None = None,
) -> bool:
    """Record the end of a trial; False if another process took this one for dead and marked it FAIL."""
    try:
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        finished = study.tell(trial, values, state=state, skip_if_finished=True)
    except UpdateFinishedTrialError:
        finished = None
    if finished is not None and finished.state is state:
        return True
    place = place_of(study.trials[trial.number])
    log.warning("trial %d was marked as FAIL by another process: repeated", place)
    return False


def _next(study: optuna.Study, design: Design) -> optuna.Trial | None:
    """A new trial of this process; None when this host has nothing more to do."""
    waiting = False
    while True:
        trial = claim(study, design)
        if trial is not None:
            return trial
        if held_elsewhere(study, design):
            return None
        if not fail_stale(study):
            if not waiting:
                log.info("waiting for trials of other processes of this host")
            waiting = True
            time.sleep(WAIT_S)


def _objective(values: Mapping[str, float], name: str) -> float:
    if name not in values:
        names = ", ".join(sorted(values))
        raise EmoError(f"objective {name} has no value at this point, there are {names}")
    if not math.isfinite(values[name]):
        raise EmoError(f"{name} is {values[name]} there")
    return float(values[name])


def values_of(trial: FrozenTrial) -> dict[str, float]:
    """All values that the evaluation of a finished trial returned."""
    attributes = trial.user_attrs.items()
    return {k.removeprefix(METRIC): v for k, v in attributes if k.startswith(METRIC)}

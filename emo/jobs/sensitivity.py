"""job=sensitivity: which sub-parameter matters, by a study that may be stopped, shared and resumed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from optuna.trial import TrialState

from emo.config.schema import RunConfig
from emo.pipeline.exact_shares import exact_shares
from emo.pipeline.factorial import refuse_ignored
from emo.pipeline.study_plan import space_of, storage_of
from emo.pipeline.study_point import Evaluator, identity
from emo.pipeline.study_results import study_result
from emo.pipeline.trial_runs import (
    Study,
    check_complete,
    design_of,
    log_trial,
    log_unlogged,
    study_of,
)
from emo.redact import without_password
from emo.runs.job import artifacts, log_result, outcome_of
from emo.runs.outcome import Outcome
from emo.runs.reuse import open_tracker, reopen
from emo.study.effects import effects_of
from emo.study.importance import importances
from emo.study.space import Space
from emo.study.stale import fail_stale, take_over
from emo.study.storage import answering, check_whole, open_study, study_name, trials_there
from emo.study.trials import Evaluate, completed, run_trials

log = logging.getLogger(__name__)


def check(config: RunConfig) -> None:
    """Refuse a space that is none, and sub-parameters that its points would ignore."""
    refuse_ignored(config, "whose points are job.sensitivity.space's", {})
    space_of(config)


def run(config: RunConfig) -> Outcome:
    """Study the sub-parameters of generation on the model of the config."""
    check(config)
    evaluator = Evaluator(config)
    return conduct(config, evaluator, evaluator.check)


def conduct(
    config: RunConfig, evaluate: Evaluate, check: Callable[[], None] = lambda: None
) -> Outcome:
    """Evaluate points until the study has its trials, log each, and say what mattered.

    ``check`` refuses points that cannot be evaluated, before anything is written for a study that is
    not complete.

    Raises
    ------
    EmoError
        If the space or the storage is wrong, what the points need cannot be had, or nothing but
        failed trials comes back.
    """
    space = space_of(config)
    name = study_name(config.job.sensitivity.name, identity(config))
    storage = storage_of(config, name)
    if trials_there(storage, name) < design_of(config, space).wanted:
        check()
    with answering(storage):
        return _conduct(config, evaluate, name, space, storage)


def _conduct(
    config: RunConfig, evaluate: Evaluate, name: str, space: Space, storage: Path | str
) -> Outcome:
    from emo.tracking.links import run_link

    settings, where = config.job.sensitivity, without_password(str(storage))
    opened = open_study(storage, name, settings.objectives)
    check_whole(opened, storage, space, len(settings.objectives))
    tracker = open_tracker(config)
    fail_stale(opened)
    if settings.take_over:
        take_over(opened)
    log.info("study %s in %s has %d trials", name, where, len(completed(opened)))
    tags = {"job": "sensitivity", "study": name}
    with reopen(config, tracker, f"study {name}", tags) as run_id:
        study = study_of(config, name, space, opened, run_id)
        done = _evaluate(study, evaluate)
        measured = importances(opened, settings.objectives, config.seed)
        exact = exact_shares(config, space, completed(opened), tracker)
        effects = effects_of(space, completed(opened), settings.objectives)
        effort = f"  {len(completed(opened))} trials, {done} of them now; storage {where}"
        result = study_result(study, measured, exact, effects, effort)
        names = log_result(tracker, run_id, config, result)
        check_complete(study)
    uri = tracker.artifact_uri(run_id)
    status = "finished" if done else "reused"
    link = run_link(tracker, run_id)
    return outcome_of(status, name, run_id, result.report, artifacts(uri, names), link)


def _evaluate(study: Study, evaluate: Evaluate) -> int:
    """How many trials were completed now; each is logged as soon as it is."""
    config, settings = study.config, study.config.job.sensitivity
    log_unlogged(study)
    done = 0
    for trial in run_trials(
        study.optuna,
        study.space,
        settings.objectives,
        settings.n_trials,
        evaluate,
        settings.sampler,
        config.seed,
    ):
        log_trial(study, trial)
        done += trial.state is TrialState.COMPLETE
    log_unlogged(study)  # of processes that were killed meanwhile
    return done

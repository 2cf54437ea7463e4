"""Trials of a study as logged runs: each finished trial is one child of the study's run."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial, TrialState

from emo.config.schema import RunConfig
from emo.errors import EmoError
from emo.process.owner import alive, here
from emo.runs.names import shortened
from emo.runs.reuse import locked, staged
from emo.study.claims import REASON, Design
from emo.study.space import Space, place_of
from emo.study.stale import elsewhere
from emo.study.trials import completed, values_of

if TYPE_CHECKING:
    from emo.tracking import Tracker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """An Optuna study, what is asked of it, and the run that its trials are children of."""

    config: RunConfig
    name: str
    space: Space
    optuna: optuna.Study
    tracker: Tracker
    """Logs children of ``parent``."""
    parent: str

    @property
    def objectives(self) -> list[str]:
        return self.config.job.sensitivity.objectives

    @property
    def n_trials(self) -> int:
        """Complete trials that the study is to have."""
        return design_of(self.config, self.space).wanted


def design_of(config: RunConfig, space: Space) -> Design:
    """Which points a study evaluates, in which order."""
    settings = config.job.sensitivity
    return Design(space, settings.sampler, config.seed, settings.n_trials)


def study_of(
    config: RunConfig, name: str, space: Space, opened: optuna.Study, parent: str
) -> Study:
    """The study whose trials are logged as children of the run ``parent``."""
    from emo.tracking import Tracker

    children = replace(config, tracking=replace(config.tracking, parent=parent))
    return Study(config, name, space, opened, Tracker(children), parent)


def log_unlogged(study: Study) -> None:
    """Log trials whose process was killed after a trial was finished and before it was logged.

    Whether a process of another host is gone cannot be seen from here: ``take_over`` says it.
    """
    take_over = study.config.job.sensitivity.take_over
    with locked(study.config, study.name):
        runs = study.tracker.all_finished(job="trial", study=study.name)
        logged = {run.data.tags["trial"] for run in runs}
        for trial in completed(study.optuna):
            tags = trial.user_attrs
            gone = not alive(tags) if here(tags) else take_over
            if str(place_of(trial)) not in logged and gone:
                log_trial(study, trial)


def log_trial(study: Study, trial: FrozenTrial) -> None:
    """Log a trial as a child, unless one is there: of a study whose journal was lost and begun anew."""
    from emo.tracking import RunRecord

    c, place = study.config, place_of(trial)
    point = {**study.space.fixed, **trial.params}
    tags = {
        "job": "trial",
        "study": study.name,
        "trial": str(place),
        "fingerprint": f"{study.name}:{place}",  # one that waits in the spool is known by it
        "model": c.model.label,
        "precision": str(point.get("precision", c.precision.label)),
    }
    number = f"trial {place}"
    name = shortened(" ".join([number, *(f"{k}={v}" for k, v in trial.params.items())]))
    words = ", ".join(f"{k} {v:g}" for k, v in values_of(trial).items())
    log.info("%s: %s", number, words or trial.user_attrs.get(REASON))
    if trial.state is not TrialState.COMPLETE:
        reason = trial.user_attrs.get(REASON, "no reason given")
        study.tracker.record_failure(study.parent, name, tags, reason)
        return
    if study.tracker.find_finished(tags["fingerprint"]) is not None:
        return
    params = {k: str(v) for k, v in point.items()}
    with staged(study.config) as empty, study.tracker.run(name, tags) as run_id:
        study.tracker.log(run_id, RunRecord({}, params, values_of(trial)), empty)


def check_complete(study: Study) -> None:
    """Refuse to call a study finished that lacks trials which other hosts have not finished.

    Raises
    ------
    EmoError
        If there are such trials.
    """
    done, hosts = len(completed(study.optuna)), elsewhere(study.optuna)
    if done < study.n_trials and hosts:
        raise EmoError(
            f"study {study.name}: {done} of {study.n_trials} trials are complete, others are running "
            f"on {', '.join(sorted(hosts))}; if nothing runs there any more, "
            "job.sensitivity.take_over=true makes up for them"
        )

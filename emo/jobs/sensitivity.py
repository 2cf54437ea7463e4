"""job=sensitivity: which sub-parameter matters, by a study that may be stopped, shared and resumed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from emo.config.schema import RunConfig
from emo.errors import EmoError
from emo.files.csv_files import csv_text
from emo.pipeline.exact_shares import exact_shares
from emo.pipeline.study_plan import space_of, storage_of
from emo.process.owner import alive, here
from emo.redact import without_password
from emo.report.markdown import fenced
from emo.report.runs import sensitivity as report
from emo.runs import files as serialise
from emo.runs import reuse as record
from emo.runs.drawing import write_figures
from emo.runs.outcome import Outcome
from emo.study.claims import REASON, Design
from emo.study.importance import Exact, Importance, importances
from emo.study.space import Space, place_of
from emo.study.stale import elsewhere, fail_stale, take_over
from emo.study.storage import (
    answering,
    check_whole,
    open_study,
    study_name,
    trials_there,
)
from emo.study.trials import Evaluate, completed, run_trials, values_of

if TYPE_CHECKING:
    from emo.tracking import RunRecord, Tracker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """A study with what it asks."""

    config: RunConfig
    name: str
    space: Space
    optuna: optuna.Study
    tracker: Tracker
    """Logs children of the study's run."""
    parent: str

    @property
    def objectives(self) -> list[str]:
        return self.config.job.sensitivity.objectives


def check(config: RunConfig) -> None:
    """Refuse a space that is none, and sub-parameters that its points would ignore."""
    from emo.pipeline.factorial import refuse_ignored

    refuse_ignored(config, "whose points are job.sensitivity.space's", {})
    space_of(config)


def run(config: RunConfig) -> Outcome:
    """Study the sub-parameters of generation on the model of the config."""
    from emo.pipeline.study_point import Evaluator

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
    from emo.pipeline.study_point import identity

    settings = config.job.sensitivity
    space = space_of(config)
    name = study_name(settings.name, identity(config))
    storage = storage_of(config, name)
    wanted = Design(space, settings.sampler, config.seed, settings.n_trials).wanted
    if trials_there(storage, name) < wanted:
        check()
    with answering(storage):
        return _conduct(config, evaluate, name, space, storage)


def _conduct(
    config: RunConfig, evaluate: Evaluate, name: str, space: Space, storage: Path | str
) -> Outcome:
    from emo.tracking import Tracker

    settings = config.job.sensitivity
    open_one = open_study(storage, name, settings.objectives)
    check_whole(open_one, storage, space, len(settings.objectives))
    tracker = record.open_tracker(config)
    fail_stale(open_one)
    if settings.take_over:
        take_over(open_one)
    where = without_password(str(storage))
    log.info("study %s in %s has %d trials", name, where, len(completed(open_one)))
    tags = {"job": "sensitivity", "study": name}
    with record.again(config, tracker, f"study {name}", tags) as parent:
        tracking = replace(config.tracking, parent=parent)
        children = Tracker(replace(config, tracking=tracking))
        study = Study(config, name, space, open_one, children, parent)
        _log_unlogged(study)
        done = 0
        trials = run_trials(
            open_one,
            space,
            settings.objectives,
            settings.n_trials,
            evaluate,
            settings.sampler,
            config.seed,
        )
        for trial in trials:
            _log_trial(study, trial)
            done += trial.state is TrialState.COMPLETE
        _log_unlogged(study)  # of processes that were killed meanwhile
        found = importances(open_one, settings.objectives, config.seed)
        exact = exact_shares(config, space, completed(open_one), tracker)
        text = report.summary(f"study {name}", found, exact)
        with record.staged(config) as folder:
            _write_files(folder, study, found, exact)
            tracker.log(parent, _record(study, found, text), folder)
        _check_whole(study)
    text += (
        f"\n  {len(completed(open_one))} trials, {done} of them now; storage {where}"
        f"\n  run {parent}; look at it with: make ui"
    )
    return Outcome(
        status="finished" if done else "reused",
        fingerprint=name,
        run_id=parent,
        metrics={"trials": len(completed(open_one)), **_metrics(found)},
        table=text,
    )


def _check_whole(study: Study) -> None:
    """Refuse to call a study finished that lacks trials which other hosts have not finished.

    Raises
    ------
    EmoError
        If there are such trials.
    """
    settings = study.config.job.sensitivity
    wanted = Design(study.space, settings.sampler, study.config.seed, settings.n_trials).wanted
    done, hosts = len(completed(study.optuna)), elsewhere(study.optuna)
    if done < wanted and hosts:
        raise EmoError(
            f"study {study.name}: {done} of {wanted} trials are complete, others are running on "
            f"{', '.join(sorted(hosts))}; if nothing runs there any more, "
            "job.sensitivity.take_over=true makes up for them"
        )


def _log_unlogged(study: Study) -> None:
    """Log trials whose process was killed after they were told and before they were logged.

    Whether a process of another host is gone cannot be seen from here: ``take_over`` says it.
    """
    over = study.config.job.sensitivity.take_over
    with record.locked(study.config, study.name):
        found = study.tracker.all_finished(job="trial", study=study.name)
        logged = {run.data.tags["trial"] for run in found}
        for trial in completed(study.optuna):
            tags = trial.user_attrs
            gone = not alive(tags) if here(tags) else over
            if str(place_of(trial)) not in logged and gone:
                _log_trial(study, trial)


def _log_trial(study: Study, trial: FrozenTrial) -> None:
    """Log a trial as a child, unless it is one: of a study whose journal was lost and begun anew."""
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
    name = f"trial {place}"
    words = ", ".join(f"{k} {v:g}" for k, v in values_of(trial).items())
    log.info("%s: %s", name, words or trial.user_attrs.get(REASON))
    if trial.state is not TrialState.COMPLETE:
        reason = trial.user_attrs.get(REASON, "no reason given")
        study.tracker.record_failure(study.parent, name, tags, reason)
        return
    if study.tracker.find_finished(tags["fingerprint"]) is not None:
        return
    params = {k: str(v) for k, v in point.items()}
    with record.staged(study.config) as empty, study.tracker.run(name, tags) as run_id:
        study.tracker.log(run_id, RunRecord({}, params, values_of(trial)), empty)


def _metrics(found: Sequence[Importance]) -> dict[str, float]:
    return {
        f"importance_{kind}_{i.objective}_{name}": value
        for i in found
        for kind, values in (("impurity", i.impurity), ("fanova", i.fanova))
        for name, value in values.items()
    }


def _record(study: Study, found: Sequence[Importance], text: str) -> RunRecord:
    from emo.tracking import DESCRIPTION, RunRecord

    metrics = {"trials": len(completed(study.optuna)), **_metrics(found)}
    return RunRecord({DESCRIPTION: fenced(text)}, {}, metrics)


def _compared(importance: Importance, exact: Exact | None) -> dict[str, Any]:
    """The exact shares, where they are known, and how well each importance ranks as they do."""
    if exact is None:
        return {"exact": None, "exact_from": None, "rank_correlation": None}
    return {
        "exact": exact.shares,
        "exact_from": exact.source,
        "rank_correlation": exact.agreement(importance),
    }


def _write_files(
    folder: Path,
    study: Study,
    found: Sequence[Importance],
    exact: dict[str, Exact],
) -> None:
    trials = completed(study.optuna)
    content: dict[str, Any] = {
        "study": study.name,
        "importances": [asdict(i) | _compared(i, exact.get(i.objective)) for i in found],
    }
    serialise.write_json(content, folder / "importance.json")
    names = list(study.space.choices)
    rows = []
    for t in trials:
        point = {**study.space.fixed, **t.params}
        rows.append([place_of(t), *(point[n] for n in names), *t.values])
    trials_csv = csv_text(["trial", *names, *study.objectives], rows)
    (folder / "trials.csv").write_text(trials_csv, encoding="utf-8")
    varied = {name: d.choices for name, d in study.space.varied.items()}
    for i, importance in enumerate(found):
        points = [(t.params, t.values[i]) for t in trials]
        objective, known = importance.objective, exact.get(importance.objective)
        figures = {
            "slices": partial(report.slice_figure, points, varied, objective),
            "parallel": partial(report.parallel_figure, points, varied, objective),
        }
        if importance.impurity:
            figures["importance"] = partial(report.importance_figure, importance, known)
        write_figures(folder, {f"{name}_{objective}": draw for name, draw in figures.items()})

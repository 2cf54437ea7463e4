"""A job's skeleton: a finished run is found, or a new one is computed, written down and logged.

A job whose result is kept under a fingerprint calls :func:`ensure_run` with

1. its plan, whose fingerprint says which earlier run is the same;
2. a :class:`Record`: the file by which such a run is read back, and what it reports then;
3. a function that prepares: it loads, refuses what cannot be done, and gives back a :class:`Ready` run,
   which nothing has been opened for yet.

The lock, the tracking store, the folder of files, figures, provenance, the description, the list of
artifacts and the :class:`~emo.runs.outcome.Outcome` are the same for all. Jobs that are never found, or
that several processes fill together, take the parts :func:`log_result` and :func:`outcome_of`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from emo.activations.reading import Passes
from emo.config.schema import RunConfig
from emo.report.runs.description import described
from emo.report.runs.layer_pictures import FOLDER as LAYER_PICTURES
from emo.runs import metadata
from emo.runs.drawing import write_figures
from emo.runs.files import plain, write_json
from emo.runs.metric_names import in_sections
from emo.runs.outcome import Outcome
from emo.runs.pages import plain_page, write_page
from emo.runs.plan import Plan
from emo.runs.reuse import exclusive, finished, holds_runs, open_tracker, staged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emo.report.pages.page import Page
    from emo.tracking import Tracker

R = TypeVar("R")

NO_PASSES = Passes(0, 0)
PAGE = "run.html"


@dataclass(frozen=True)
class Report:
    """What a run tells a user, whether it was made now or is an earlier one."""

    text: str
    """For the terminal and, in a block of code, for the run's description."""
    metrics: Mapping[str, Any]
    """The numbers that scripts get; strings among them are not logged as metrics."""
    effort: str = ""
    """What was done now and what was reused, in words: lines for the terminal alone."""
    passes: Passes = NO_PASSES
    answer: str = ""
    """What was found, and how far to trust it: one to four plain sentences that stand first on the page,
    in the run's description and in the report."""


@dataclass(frozen=True)
class Result:
    """What a run logs of a computation, besides what all runs log."""

    report: Report
    write: Callable[[Path], object] = lambda _: None
    """Writes files of the job's own into a folder."""
    figures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
    """Name -> what draws it."""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """Logged besides the numbers of the report."""
    curves: Mapping[str, Any] = field(default_factory=dict)
    """Name -> one value per layer."""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    """Logged besides the config, which is logged where the run has a plan."""
    dataset: tuple[str, str, str] | None = None
    """Name, digest and source of what was read; None: the passages of the plan."""
    page: Callable[[], Page] | None = None
    """Builds ``run.html``; None: the answer, the text and the figures, for a run that has a plan."""


@dataclass(frozen=True)
class Record(Generic[R]):
    """How a job reads back a run of its own."""

    file: str
    """A JSON file that every run of the job has."""
    read: Callable[[Path], R]
    report: Callable[[R], Report]
    """What an earlier run reports now."""


@dataclass(frozen=True)
class Ready(Generic[R]):
    """A run that can be made: what could be refused has been, and nothing is opened yet."""

    name: str
    compute: Callable[[], tuple[R, Result]]
    """Gives the record, and what the run logs."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Besides those that every run of a plan has, or instead of them."""


@dataclass(frozen=True)
class EnsuredRun(Generic[R]):
    """A finished run, made now or before."""

    run_id: str
    record: R
    outcome: Outcome


def ensure_run(plan: Plan, record: Record[R], prepare: Callable[[], Ready[R]]) -> EnsuredRun[R]:
    """The finished run with the plan's fingerprint; it is made where there is none.

    Another process that wants the same run waits meanwhile and then finds it.

    Raises
    ------
    EmoError
        If something is refused or cannot be had; a run that was open then is marked FAILED.
    """
    from emo.tracking.links import run_link

    with exclusive(plan):
        tracker = open_tracker(plan.config) if holds_runs(plan.config) else None
        earlier = tracker and finished(plan, tracker, record.file, record.read)
        if tracker is not None and earlier is not None:
            run_id, value = earlier
            report, names, status = record.report(value), tracker.files_of(run_id), "reused"
        else:
            ready = prepare()  # what it refuses creates no store
            tracker = tracker or open_tracker(plan.config)
            tags = metadata.tags(plan) | dict(ready.tags)
            with tracker.run(ready.name, tags) as run_id:
                value, result = ready.compute()
                report, status = result.report, "finished"
                names = log_result(tracker, run_id, plan.config, result, plan, {record.file: value})
        uri, link = tracker.artifact_uri(run_id), run_link(tracker, run_id)
    fingerprint = plan.provenance.fingerprint
    outcome = outcome_of(status, fingerprint, run_id, report, artifacts(uri, names), link)
    return EnsuredRun(run_id, value, outcome)


def log_result(
    tracker: Tracker,
    run_id: str,
    config: RunConfig,
    result: Result,
    plan: Plan | None = None,
    records: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write a result into a folder and log it in an open run; the names of its files.

    With a plan, what all runs of a plan have joins it: passages, config and provenance as files, the
    config as parameters, the passages as data set. ``records`` are written as JSON, by file name.
    """
    from emo.tracking import DESCRIPTION, RunRecord

    metrics = dict(result.metrics)
    metrics |= {k: v for k, v in result.report.metrics.items() if not isinstance(v, str)}
    params = {**({} if plan is None else metadata.params(config)), **result.params}
    dataset = result.dataset
    if plan is not None and dataset is None:
        dataset = metadata.dataset(plan)
    with staged(config) as folder:
        names = write_result(folder, result, plan, records, run_id)
        tags = {DESCRIPTION: _description(result, names), **result.tags}
        numbers, curves = in_sections(metrics, config), in_sections(result.curves, config)
        tracker.log(run_id, RunRecord(tags, params, numbers, curves, dataset), folder)
    return names


def _description(result: Result, names: Iterable[str]) -> str:
    """What MLflow's page says of a run that has these files; the first figure is shown in it."""
    report = result.report
    figure = next(iter(result.figures), None)
    page = PAGE if PAGE in names else None
    return described(report.answer, report.text, report.metrics, figure, page)


def write_result(
    folder: Path,
    result: Result,
    plan: Plan | None = None,
    records: Mapping[str, Any] | None = None,
    run_id: str = "",
) -> list[str]:
    """Write the files of a result into an empty folder; their names from there."""
    for name, value in (records or {}).items():
        write_json(value, folder / name)
    result.write(folder)
    if plan is not None:
        metadata.write_files(folder, plan)
    if result.figures:
        write_figures(folder, result.figures)
    if result.page is not None:
        write_page(folder, result.page, run_id)
    elif plan is not None:
        title, shown = plan.title, result.report
        figures = list(result.figures)
        write_page(folder, lambda: plain_page(title, shown.answer, shown.text, figures), run_id)
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def artifacts(uri: str, names: Iterable[str]) -> dict[str, str]:
    """Addresses of files by their names; files of one name in several folders by their paths.

    Pictures of single layers, which only MLflow's page shows, are not among them.
    """
    names = [name for name in names if not name.startswith(f"{LAYER_PICTURES}/")]
    times = Counter(Path(name).name for name in names)
    return {
        (name if times[Path(name).name] > 1 else Path(name).name): f"{uri}/{name}" for name in names
    }


def outcome_of(
    status: str,
    fingerprint: str,
    run_id: str | None,
    report: Report,
    artifacts: Mapping[str, str],
    link: str = "",
) -> Outcome:
    """What the command line gets of a run; ``run_id`` is None for a result that is not logged.

    ``link`` is the address of its page in MLflow.
    """
    lines = [part for part in (report.answer, report.text, report.effort) if part]
    return Outcome(
        status=status,
        fingerprint=fingerprint,
        run_id=run_id,
        metrics=plain(dict(report.metrics)),
        artifacts=dict(artifacts),
        passes_done=report.passes.done,
        passes_reused=report.passes.reused,
        table="\n".join(lines),
        answer=report.answer,
        link=link,
    )


def passes_in_words(passes: Passes) -> str:
    """The line that tells how many texts went through the model now."""
    return f"  forward passes {passes.done} done, {passes.reused} reused"

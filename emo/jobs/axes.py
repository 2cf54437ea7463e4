"""job=axes: components and RDMs of an extraction against human ratings of its emotions."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

from emo.config.enums import Source
from emo.config.jobs import JobConfig
from emo.config.schema import RunConfig
from emo.core.compare.axes_result import AxesResult
from emo.errors import ArtifactError
from emo.files.reading import record_of
from emo.pipeline.axes import Extracted, Rated, axes_of, rated_emotions
from emo.pipeline.extraction import ensure_extraction, plan_from_extraction
from emo.report.pages.comparisons import axes_page
from emo.report.runs import axes as report
from emo.report.runs import axes_figures as figures
from emo.runs.identity import axes_identity
from emo.runs.job import Ready, Record, Report, Result, ensure_run
from emo.runs.logged import logged_run
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan
from emo.stimuli.norms import load_norms

log = logging.getLogger(__name__)


def run(config: RunConfig) -> Outcome:
    """Hold the extraction against the norms, or find the run that did; missing runs are made first."""
    path = config.norms.path
    norms = load_norms(config.norms, None if path is None else config.path(path))
    plan = plan_from_extraction(
        config, lambda extraction: axes_identity(extraction, config, norms.sha256)
    )
    rated = rated_emotions(plan, norms)
    record: Record[AxesResult] = Record(
        "axes.json", partial(record_of, AxesResult), partial(_report, rated)
    )
    return ensure_run(rated.plan, record, partial(_prepare, rated)).outcome


def _prepare(rated: Rated) -> Ready[AxesResult]:
    run_id, extracted = _extraction(rated.plan)
    tags = {"vectors_run": run_id, "norms": rated.norms.source}
    if rated.norms.licence:
        tags["norms_licence"] = rated.norms.licence
    return Ready(rated.plan.run_name, partial(_compute, rated, extracted), tags)


def _extraction(plan: Plan) -> tuple[str, Extracted]:
    """Id and files of the extraction; it is made where it is missing, again where damaged."""
    config = plan.config
    extraction = replace(config, job=JobConfig(), force=False)
    run_id = ensure_extraction(extraction).run_id
    try:
        return run_id, Extracted.read(plan, logged_run(run_id, config.root, config.tracking.uri))
    except ArtifactError as error:
        log.warning("run %s: %s: extracted again", run_id, error.problem)
        run_id = ensure_extraction(replace(extraction, force=True)).run_id
        return run_id, Extracted.read(plan, logged_run(run_id, config.root, config.tracking.uri))


def _compute(rated: Rated, extracted: Extracted) -> tuple[AxesResult, Result]:
    result = axes_of(rated, extracted)
    plane, title = result.plane, rated.title

    def write(folder: Path) -> None:
        for name, text in (
            ("axes.csv", report.findings_csv(result)),
            ("layers.csv", report.layers_csv(result)),
            ("emotions.csv", report.emotions_csv(result)),
        ):
            (folder / name).write_text(text, encoding="utf-8")

    drawn = {} if not result.findings else {"axes": lambda: figures.layers_figure(result, title)}
    if plane is not None:
        drawn["circumplex"] = lambda: figures.circumplex_figure(plane, result.norms, title)
    shown = _report(rated, result)
    return result, Result(
        report=shown,
        page=lambda: axes_page(title, shown.answer, shown.text, result, drawn),
        write=write,
        figures=drawn,
        curves={f"curve_{report.prefix(f)}": f.curve for f in result.findings},
    )


def _report(rated: Rated, result: AxesResult) -> Report:
    text = report.terminal_text(result, rated.title, rated.plan.weights.note)
    answer = report.answer(result, rated.plan.config.model.source is Source.tiny)
    return Report(text, report.metrics(result), answer=answer)

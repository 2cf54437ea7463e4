"""job=axes: components and RDMs of an extraction against human ratings of its emotions."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from emo.config.jobs import JobConfig
from emo.config.schema import RunConfig
from emo.core.compare.axes_result import AxesResult
from emo.core.records import Activations
from emo.errors import ArtifactError
from emo.files.reading import record_of
from emo.models.weights import Weights
from emo.pipeline.axes import Rated, axes_of, rated_emotions
from emo.pipeline.extraction import ensure_extraction
from emo.report.runs import axes as report
from emo.report.runs import axes_figures as figures
from emo.runs.identity import axes_identity
from emo.runs.job import Ready, Record, Report, Result, ensure_run
from emo.runs.logged import logged_run
from emo.runs.outcome import Outcome
from emo.runs.plan import make_plan
from emo.stimuli.norms import load_norms

log = logging.getLogger(__name__)


def run(config: RunConfig) -> Outcome:
    """Hold the extraction against the norms, or find the run that did; missing runs are made first."""
    path = config.norms.path
    norms = load_norms(config.norms, None if path is None else config.path(path))

    def identity(config: RunConfig, weights: Weights, device: str, sha256: str) -> dict[str, Any]:
        return axes_identity(config, weights, device, sha256, norms.sha256)

    rated = rated_emotions(make_plan(config, identity), norms)
    record: Record[AxesResult] = Record(
        "axes.json", partial(record_of, AxesResult), partial(_report, rated)
    )
    return ensure_run(rated.plan, record, partial(_prepare, rated)).outcome


def _prepare(rated: Rated) -> Ready[AxesResult]:
    run_id, activations = _activations(rated.plan.config)
    tags = {"vectors_run": run_id, "norms": rated.norms.source}
    if rated.norms.licence:
        tags["norms_licence"] = rated.norms.licence
    name = f"axes {rated.plan.run_name}"
    return Ready(name, partial(_compute, rated, activations), tags)


def _activations(config: RunConfig) -> tuple[str, Activations]:
    """Id and activations of the extraction; it is made where it is missing, again where damaged."""
    extraction = replace(config, job=JobConfig(), force=False)
    run_id = ensure_extraction(extraction).run_id
    try:
        return run_id, logged_run(run_id, config.root, config.tracking.uri).activations
    except ArtifactError as error:
        log.warning("run %s: %s: extracted again", run_id, error.problem)
        run_id = ensure_extraction(replace(extraction, force=True)).run_id
        return run_id, logged_run(run_id, config.root, config.tracking.uri).activations


def _compute(rated: Rated, activations: Activations) -> tuple[AxesResult, Result]:
    result = axes_of(rated, activations)
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
    return result, Result(
        report=_report(rated, result),
        write=write,
        figures=drawn,
        curves={f"curve_{report.prefix(f)}": f.curve for f in result.findings},
    )


def _report(rated: Rated, result: AxesResult) -> Report:
    text = report.terminal_text(result, rated.title, rated.plan.weights.note)
    return Report(text, report.metrics(result))

"""job=axes: components and RDMs of an extraction against human ratings of its emotions."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from emo.api import load_run
from emo.config.jobs import JobConfig
from emo.config.schema import RunConfig
from emo.core.compare.axes import LEAST_EMOTIONS, LayerRdms, find_axes
from emo.core.compare.axes_result import AxesResult
from emo.core.compare.axis_statistics import EmotionValues
from emo.core.compare.circumplex import circumplex
from emo.core.geometry.lexical import lexical_norm, text_length
from emo.core.geometry.projections import project
from emo.core.records import Activations
from emo.core.stats.resampling import Resampling
from emo.errors import ArtifactError, ConfigError
from emo.files.reading import record_of
from emo.models.weights import Weights
from emo.pipeline.extraction import ensure_extraction
from emo.report.runs import axes as report
from emo.report.runs import axes_figures as figures
from emo.report.runs.axes import LEXICAL
from emo.runs.identity import axes_identity
from emo.runs.job import Ready, Record, Report, Result, ensure_run
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan, make_plan
from emo.stimuli.norms import Norms, load_norms

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rated:
    """The emotions of a plan that the norms know, with their ratings."""

    plan: Plan
    norms: Norms
    ratings: EmotionValues
    unrated: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.plan.title}, axes"


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


def rated_emotions(plan: Plan, norms: Norms) -> Rated:
    """The emotions that have ratings; those that have none are named in the log.

    Raises
    ------
    ConfigError
        If fewer than five have some, or all have the same.
    """
    known, columns = norms.of(plan.stimuli.emotions)
    unrated = tuple(e for e in plan.stimuli.emotions if e not in known)
    value = plan.config.norms.path or plan.config.norms.name.value
    parameter = "norms.path" if plan.config.norms.path else "norms"
    if len(known) < LEAST_EMOTIONS:
        allowed = (
            f"norms of at least {LEAST_EMOTIONS} emotions of the passages; these know {len(known)} of "
            f"{len(plan.stimuli.emotions)}"
        )
        raise ConfigError(parameter, value, allowed)
    for name, column in zip(norms.dimensions, columns, strict=True):
        if len(set(column)) == 1:
            allowed = f"norms that differ; {name} is {column[0]:g} for all emotions of the passages"
            raise ConfigError(parameter, value, allowed)
    if unrated:
        log.warning("no norm for %d emotions, left out: %s", len(unrated), ", ".join(unrated))
    if norms.licence:
        log.info("norms: %s, licence %s", norms.source, norms.licence)
    return Rated(plan, norms, EmotionValues(norms.dimensions, known, np.array(columns)), unrated)


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
        return run_id, load_run(run_id, config.root, config.tracking.uri).activations
    except ArtifactError as error:
        log.warning("run %s: %s: extracted again", run_id, error.problem)
        run_id = ensure_extraction(replace(extraction, force=True)).run_id
        return run_id, load_run(run_id, config.root, config.tracking.uri).activations


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


def axes_of(rated: Rated, activations: Activations) -> AxesResult:
    """Everything found of the activations of a plan's passages."""
    config, ratings = rated.plan.config, rated.ratings
    job, vectors = config.job.axes, config.vectors
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    projected = project(activations, vectors.projection.value)
    rdms = LayerRdms.make(projected, ratings.emotions, resampling, vectors.remove.value)
    held, words_rated = _text_values(rated)
    findings = find_axes(rdms, ratings, held, job.components, job.permutations, config.seed)
    values = dict(zip(ratings.names, ratings.values, strict=True))
    values |= dict(zip(held.names, held.values, strict=True))
    return AxesResult(
        norms=rated.norms.source,
        licence=rated.norms.licence,
        emotions=ratings.emotions,
        unrated=rated.unrated,
        per_emotion=values,
        words_rated=words_rated,
        components=job.components,
        permutations=job.permutations,
        findings=findings,
        plane=circumplex(rdms, ratings, findings, job.components),
    )


def _text_values(rated: Rated) -> tuple[EmotionValues, float]:
    """Text length and lexical valence of each rated emotion, and the share of words that have a norm.

    Only what every emotion has, and has not all alike.
    """
    items, emotions = rated.plan.stimuli.items, rated.ratings.emotions
    texts, labels = [p.text for p in items], [p.emotion for p in items]
    valence = rated.norms.dimension("valence")
    lexical, words_rated = lexical_norm(texts, labels, emotions, valence)
    rows = {"text length": text_length(texts, labels, emotions), LEXICAL: lexical}
    rows = {name: row for name, row in rows.items() if np.ptp(row) > 1e-9 * np.abs(row).max()}
    values = np.array(list(rows.values())).reshape(len(rows), len(emotions))
    return EmotionValues(tuple(rows), emotions, values), words_rated


def _report(rated: Rated, result: AxesResult) -> Report:
    text = report.terminal_text(result, rated.title, rated.plan.weights.note)
    return Report(text, report.metrics(result))

"""job=validate: what the emotion vectors of a run are shown to do, beside the published figures."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from emo.activations.reading import Passes
from emo.config.enums import LayerRule, Projection, Source
from emo.config.jobs import JobConfig
from emo.config.schema import RunConfig
from emo.core.validation.result import ValidationResult
from emo.errors import ArtifactError, ConfigError
from emo.files.reading import record_of
from emo.models.weights import Weights, weights_name
from emo.pipeline.extraction import ensure_extraction, extraction_plan
from emo.pipeline.prerequisites import vector_source, vector_tags
from emo.pipeline.reader import load_model
from emo.pipeline.token_view import VectorSource, source_of
from emo.pipeline.validations.setting import Setting
from emo.pipeline.validations.validating import validated
from emo.report.pages.validation import validation_page
from emo.report.runs import validation as report
from emo.report.runs import validation_figures as figures
from emo.runs.identity import validate_identity
from emo.runs.job import NO_PASSES, Ready, Record, Report, Result, ensure_run, passes_in_words
from emo.runs.logged import LoggedRun, logged_run
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan, make_plan
from emo.stimuli.validation_data import validation_data

log = logging.getLogger(__name__)


def run(config: RunConfig) -> Outcome:
    """Validate the vectors, or find the run that did; a missing extraction is made first."""
    _check(config)
    named, logged = config.job.validate.run, None
    if named is None:
        vectors = extraction_plan(_extraction(config)).provenance.fingerprint
    else:
        logged = vector_source(config, "job.validate.run", named)
        vectors = logged.tags.get("fingerprint", logged.run_id)
        source = _source(logged, config)
        asked = replace(config.job.validate, run=logged.run_id)
        config = replace(source.config, job=replace(config.job, validate=asked))
    plan = _plan(config, vectors)
    record: Record[ValidationResult] = Record(
        "validate.json", partial(record_of, ValidationResult), partial(_report, plan)
    )
    return ensure_run(plan, record, partial(_prepare, plan, logged)).outcome


def _check(config: RunConfig) -> None:
    which = config.job.validate.which
    if not which or len(set(which)) < len(which):
        allowed = "validations, each once"
        raise ConfigError("job.validate.which", [w.value for w in which], allowed)
    if config.vectors.projection is Projection.z_score:
        allowed = (
            "none, all_but_the_top or neutral_pcs with job=validate, whose vectors are directions"
        )
        raise ConfigError("vectors.projection", "z_score", allowed)


def _plan(config: RunConfig, vectors: str) -> Plan:
    data = validation_data().sha256

    def identity(config: RunConfig, weights: Weights, device: str, _sha256: str) -> dict[str, Any]:
        return validate_identity(config, weights, device, data, vectors)

    return make_plan(config, identity)


def _extraction(config: RunConfig) -> RunConfig:
    return replace(config, job=JobConfig(), force=False)


def _prepare(plan: Plan, logged: LoggedRun | None) -> Ready[ValidationResult]:
    config = plan.config
    logged, source = (logged, _source(logged, config)) if logged else _own(config)
    model, theirs = (logged.tags.get(tag, "unknown") for tag in ("model_id", "revision"))
    if weights_name(model, theirs) != weights_name(config.model.id, plan.weights.revision):
        allowed = f"a run of revision {plan.weights.revision} of {config.model.label}"
        raise ConfigError("job.validate.run", source.run_id, f"{allowed}; this is of {theirs}")
    setting = Setting.make(plan, logged, source, load_model(plan))
    tags = {"vectors_run": source.run_id, **vector_tags(logged)}
    return Ready(plan.run_name, partial(_compute, plan, setting), tags)


def _source(run: LoggedRun, config: RunConfig) -> VectorSource:
    return source_of(run, config, LayerRule.accuracy)


def _own(config: RunConfig) -> tuple[LoggedRun, VectorSource]:
    """This configuration's own extraction; made again where its files turn out to be damaged."""
    extraction = _extraction(config)

    def loaded(run_id: str) -> tuple[LoggedRun, VectorSource]:
        run = logged_run(run_id, config.root, config.tracking.uri)
        return run, _source(run, config)

    run_id = ensure_extraction(extraction).run_id
    try:
        return loaded(run_id)
    except ArtifactError as error:
        log.warning("run %s: %s: extracted again", run_id, error.problem)
        return loaded(ensure_extraction(replace(extraction, force=True)).run_id)


def _compute(plan: Plan, setting: Setting) -> tuple[ValidationResult, Result]:
    result, by_layer = validated(setting)
    title = plan.title

    def write(folder: Path) -> None:
        for name, text in report.tables(result, by_layer).items():
            (folder / name).write_text(text, encoding="utf-8")

    drawn = figures.figures_of(result, title)
    shown = _report(plan, result, setting.readings.passes)
    curves = {} if result.lens is None else {"curve_lens_percentile": result.lens.by_layer}
    return result, Result(
        report=shown,
        write=write,
        figures=drawn,
        curves=curves,
        page=lambda: validation_page(title, shown.answer, shown.text, result, drawn),
    )


def _report(plan: Plan, result: ValidationResult, passes: Passes = NO_PASSES) -> Report:
    random = plan.config.model.source is Source.tiny
    text = report.terminal_text(result, plan.title, plan.weights.note)
    effort = passes_in_words(passes) if passes.done else "  no text read now: read before"
    answer = report.answer(result, random)
    return Report(text, report.metrics(result), effort, passes, answer=answer)

"""job=read: any text, token by token, against the emotion vectors of an extraction."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from emo.activations.reading import Passes
from emo.config.enums import MethodName, Source
from emo.config.jobs import JobConfig
from emo.config.schema import RunConfig
from emo.core.token_readings import ReadingSummary, summarised
from emo.errors import ArtifactError, ConfigError
from emo.files.reading import record_of
from emo.models.weights import Weights, weights_name
from emo.pipeline import generation
from emo.pipeline.extraction import ensure_extraction
from emo.pipeline.given_texts import Given
from emo.pipeline.prerequisites import named_extraction, vector_tags
from emo.pipeline.reader import load_model
from emo.pipeline.token_view import TokenReader, VectorSource, source_of
from emo.report.pages import tokens as page
from emo.report.runs import read as report
from emo.runs.identity import read_identity
from emo.runs.job import NO_PASSES, Ready, Record, Report, Result, ensure_run, passes_in_words
from emo.runs.logged import logged_run
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan, make_plan

log = logging.getLogger(__name__)


def run(config: RunConfig) -> Outcome:
    """Read the texts, or find the run that did; the extraction is made first where it is missing."""
    given, named = Given.of_config(config), config.job.read.run
    source = None
    if named is None:
        vectors = _extraction_plan(_extraction(config)).provenance.fingerprint
    else:
        logged = named_extraction(config, "job.read.run", named)
        source = source_of(logged, config, config.job.read.criterion)
        vectors = logged.tags.get("fingerprint", logged.run_id)
        read = replace(config.job.read, run=logged.run_id)
        config = replace(source.config, job=replace(config.job, read=read))
    plan = _plan(config, given, vectors)
    record: Record[ReadingSummary] = Record(
        "read.json", partial(record_of, ReadingSummary), partial(_report, plan)
    )
    return ensure_run(plan, record, partial(_prepare, plan, given, source)).outcome


def _plan(config: RunConfig, given: Given, vectors: str) -> Plan:
    def identity(config: RunConfig, weights: Weights, device: str, _sha256: str) -> dict[str, Any]:
        return read_identity(config, weights, device, given.sha256, vectors)

    plan = make_plan(config, identity)
    provenance = replace(plan.provenance, stimuli_sha256=given.sha256)
    return replace(plan, stimuli=given.stimuli(), provenance=provenance)


def _extraction(config: RunConfig) -> RunConfig:
    return replace(config, job=JobConfig(), force=False)


def _extraction_plan(config: RunConfig) -> Plan:
    if config.method.name is MethodName.generation:
        return generation.plan_of(config)[0]
    return make_plan(config)


def _prepare(plan: Plan, given: Given, source: VectorSource | None) -> Ready[ReadingSummary]:
    config = plan.config
    if source is None:
        source = _own_source(config)
    logged = logged_run(source.run_id, config.root, config.tracking.uri)
    model, theirs = (logged.tags.get(tag, "unknown") for tag in ("model_id", "revision"))
    if weights_name(model, theirs) != weights_name(config.model.id, plan.weights.revision):
        allowed = f"a run of revision {plan.weights.revision} of {config.model.label}"
        raise ConfigError("job.read.run", source.run_id, f"{allowed}; this is of {theirs}")
    reader = TokenReader(
        source, load_model(plan), given.texts, config.job.read.layers, given.parameter
    )
    tags = {"vectors_run": source.run_id, **vector_tags(logged)}
    return Ready(plan.run_name, partial(_compute, plan, given, source, reader), tags)


def _own_source(config: RunConfig) -> VectorSource:
    """This configuration's own extraction; made again where its files turn out to be damaged."""
    extraction = _extraction(config)
    rule = config.job.read.criterion

    def loaded(run_id: str) -> VectorSource:
        return source_of(logged_run(run_id, config.root, config.tracking.uri), config, rule)

    run_id = ensure_extraction(extraction).run_id
    try:
        return loaded(run_id)
    except ArtifactError as error:
        log.warning("run %s: %s: extracted again", run_id, error.problem)
        return loaded(ensure_extraction(replace(extraction, force=True)).run_id)


def _compute(
    plan: Plan, given: Given, source: VectorSource, reader: TokenReader
) -> tuple[ReadingSummary, Result]:
    readings = reader.read(plan.config.job.read.measure)
    summary = summarised(readings, source.run_id, source.trust.get(readings.layer, ""))
    shown = _report(plan, summary, Passes(len(given.texts), 0))

    def write(folder: Path) -> None:
        report.write_tokens_csv(readings, folder / "tokens.csv")
        report.write_texts_csv(readings, folder / "texts.csv")

    return summary, Result(
        report=shown,
        write=write,
        metrics=reader.weights.metrics(),
        dataset=(given.name, given.sha256, given.name),
        page=lambda: page.page(readings, summary, plan.title, shown.answer, shown.text),
    )


def _report(plan: Plan, summary: ReadingSummary, passes: Passes = NO_PASSES) -> Report:
    note, random = plan.weights.note, plan.config.model.source is Source.tiny
    text = report.terminal_text(summary, plan.title, note)
    effort = passes_in_words(passes) if passes.done else "  no forward pass: read before"
    return Report(
        text, report.metrics(summary), effort, passes, answer=report.answer(summary, random)
    )

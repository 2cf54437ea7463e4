"""job=import: vectors that another program made, as a logged run like one of job=extract."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from emo.activations.reading import Passes
from emo.config.schema import RunConfig
from emo.core.records import NEUTRAL, EmotionVectors, Passage, StimulusSet
from emo.files.foreign_vectors import ImportedSet
from emo.files.reading import record_of
from emo.models.weights import Weights
from emo.pipeline.imported import Given, described, framed, given_vectors
from emo.pipeline.reader import Reader, load_model
from emo.report.pages.imported import imported_page
from emo.report.runs import imported as report
from emo.runs.files import write_vectors
from emo.runs.identity import reader_identity
from emo.runs.job import NO_PASSES, Ready, Record, Report, Result, ensure_run, passes_in_words
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan, make_plan
from emo.runs.versions import IMPORT_VERSION


def check(config: RunConfig) -> None:
    """Refuse a file that holds no vectors."""
    given_vectors(config)


def run(config: RunConfig) -> Outcome:
    """Take the vectors in, or find the run that did."""
    given = given_vectors(config)
    plan = _plan(config, given)
    record: Record[ImportedSet] = Record(
        "import.json", partial(record_of, ImportedSet), partial(_report, plan)
    )
    return ensure_run(plan, record, partial(_prepare, plan, given)).outcome


def _plan(config: RunConfig, given: Given) -> Plan:
    """The plan; what the model reads are the neutral sentences, which no passage stands beside."""

    def identity(config: RunConfig, weights: Weights, device: str, stimuli: str) -> dict[str, Any]:
        return {
            "job": "import",
            "version": IMPORT_VERSION,
            "reader": reader_identity(config, weights, device),
            "vectors": given.sha256,
            "emotions": config.job.import_.emotions,
            "readout": config.method.readout.value,
            "stimuli": stimuli,
        }

    plan = make_plan(config, identity)
    neutral = plan.stimuli.neutral
    items = tuple(Passage(str(i), NEUTRAL, text) for i, text in enumerate(neutral, 1))
    stimuli = StimulusSet(items, neutral, given.name, given.sha256)
    provenance = replace(plan.provenance, stimuli_sha256=given.sha256)
    return replace(plan, stimuli=stimuli, provenance=provenance)


def _prepare(plan: Plan, given: Given) -> Ready[ImportedSet]:
    loaded = load_model(plan)
    shape = loaded.model.config.get_text_config()
    vectors = given.vectors(int(shape.num_hidden_layers), int(shape.hidden_size))
    compute = partial(_compute, plan, given, vectors, Reader(plan, loaded))
    return Ready(plan.run_name, compute, {"imported": given.format})


def _compute(
    plan: Plan, given: Given, vectors: EmotionVectors, reader: Reader
) -> tuple[ImportedSet, Result]:
    activations, passes = reader.read()
    placed = framed(vectors, activations)
    found = described(given, placed, vectors.frame is None)

    told = _report(plan, found, passes)

    def write(folder: Path) -> None:
        write_vectors(placed, folder / "vectors.safetensors", imported_from=given.name)

    return found, Result(
        report=told,
        write=write,
        page=lambda: imported_page(_title(plan), told.answer, told.text, found, placed),
        metrics=reader.weights.metrics(),
        curves={"curve_mean_cosine": report.curve(found)},
        dataset=(given.name, given.sha256, given.name),
    )


def _report(plan: Plan, found: ImportedSet, passes: Passes = NO_PASSES) -> Report:
    text = report.terminal_text(found, _title(plan), plan.weights.note)
    effort = passes_in_words(passes) if passes.done else ""
    return Report(text, report.metrics(found), effort, passes, answer=report.answer(found))


def _title(plan: Plan) -> str:
    c = plan.config
    return f"{c.model.label}, {c.precision.label}, imported vectors"

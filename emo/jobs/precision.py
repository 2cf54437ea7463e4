"""job=precision: the same passages in every precision, and what each changes against fp32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from emo.activations.reading import Passes
from emo.config.enums import Source
from emo.config.precisions import REFERENCE
from emo.config.schema import RunConfig
from emo.config.vector_settings import by_name
from emo.core.compare.precision import PrecisionRow
from emo.errors import ConfigError
from emo.models import nudging, quantised
from emo.models.weights import Weights
from emo.pipeline.precisions import compare, measure, variants
from emo.pipeline.reader import Reader
from emo.process.progress import steps
from emo.report.pages.comparisons import precision_page
from emo.report.runs import precision as report
from emo.runs import files
from emo.runs.identity import reader_identity, run_identity
from emo.runs.job import Ready, Record, Report, Result, ensure_run, passes_in_words
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan, make_plan
from emo.stimuli.loading import first_situations

Rows = Sequence[PrecisionRow]
Curves = Mapping[str, Mapping[str, np.ndarray]]


def run(config: RunConfig) -> Outcome:
    """Read the passages in every precision and compare, or find the run that did."""
    plan = plan_of(config)
    record: Record[Rows] = Record(
        "precision.json",
        files.read_precisions,
        lambda rows: _report(plan, [_reused(row) for row in rows]),
    )
    return ensure_run(plan, record, partial(_prepare, plan)).outcome


def plan_of(config: RunConfig) -> Plan:
    """The plan over all precisions, with the passages of the situations asked for.

    Raises
    ------
    EmoError
        If one of the precisions cannot be had here, besides what make_plan refuses.
    """
    names = [p.value for p in config.job.precision.precisions]
    if len(set(names)) < len(names):
        raise ConfigError("job.precision.precisions", names, "each precision once")
    if not set(names) - {REFERENCE}:
        raise ConfigError(
            "job.precision.precisions", names, "at least one besides fp32, the reference"
        )

    def identity(config: RunConfig, weights: Weights, device: str, sha256: str) -> dict[str, Any]:
        readers = [reader_identity(v, weights, device) for v in variants(config)]
        return {
            **run_identity(config, weights, device, sha256),
            "job": "precision",
            "reader": readers,
            "situations": config.job.precision.situations,
        }

    plan = make_plan(config, identity)
    hooked = config.backend.label == "hooked"
    for variant in variants(config):
        quantised.check(variant.precision, plan.device, hooked)
        nudging.check(variant.precision, hooked, "job.precision.nudge")
    labels = " ".join(v.precision.label for v in variants(config) if v.precision.nudge is None)
    if config.job.precision.situations is not None:
        plan = replace(
            plan, stimuli=first_situations(plan.stimuli, config.job.precision.situations)
        )
    return replace(plan, provenance=replace(plan.provenance, precision=labels))


def _prepare(plan: Plan) -> Ready[Rows]:
    plans = [replace(plan, config=variant) for variant in variants(plan.config)]
    Reader(plans[0]).refuse_overflow()
    return Ready(
        plan.run_name, partial(_compute, plan, plans), {"precision": plan.provenance.precision}
    )


def _compute(plan: Plan, plans: Sequence[Plan]) -> tuple[Rows, Result]:
    each = steps(plans, "precision", lambda p: p.config.precision.label)
    rows, curves = compare(
        [measure(p) for p in each],
        plan.config.vectors.remove.value,
        plan.config.method.estimator.value,
    )
    shown = _report(plan, rows)
    return rows, Result(
        report=shown,
        page=lambda: precision_page(_title(plan), shown.answer, shown.text, rows),
        write=partial(_write, rows, curves),
        figures={"precision": lambda: report.depth_figure(curves, _title(plan))},
        curves={
            f"curve_{kind}_{name}": curve
            for name, kinds in curves.items()
            for kind, curve in kinds.items()
        },
    )


def _write(rows: Rows, curves: Curves, folder: Path) -> None:
    (folder / "precision.csv").write_text(report.rows_csv(rows), encoding="utf-8")
    (folder / "layers.csv").write_text(report.layers_csv(curves), encoding="utf-8")


def _reused(row: PrecisionRow) -> PrecisionRow:
    """A row of an earlier run: all of its texts count as reused now."""
    return replace(
        row,
        texts_read=0,
        texts_reused=row.texts_read + row.texts_reused,
        replicate_read=0,
        replicate_reused=row.replicate_read + row.replicate_reused,
    )


def _title(plan: Plan) -> str:
    n, c = len(plan.stimuli.items), plan.config
    readout = by_name("method.readout").title_of(c)
    return f"{c.model.label}, precisions, {readout}, {n} passages"


def _report(plan: Plan, rows: Rows) -> Report:
    read = [row for row in rows if row.against == rows[0].precision]
    passes = Passes(
        sum(r.texts_read + r.replicate_read for r in read),
        sum(r.texts_reused + r.replicate_reused for r in read),
    )
    text = report.terminal_text(rows, _title(plan), plan.weights.note)
    answer = report.answer(rows, plan.config.model.source is Source.tiny)
    return Report(text, report.metrics(rows), passes_in_words(passes), passes, answer)

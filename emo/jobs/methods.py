"""job=methods: estimators of emotion vectors side by side, on passages and on texts the model writes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from emo.config.enums import EstimatorName, Source
from emo.config.schema import RunConfig
from emo.core.compare.method_result import MethodsResult, Steering
from emo.files.reading import record_of
from emo.pipeline.method_steering import steering_runs
from emo.pipeline.methods import Read, methods_of, plan_of, read_all, readings
from emo.report.pages.methods import methods_page
from emo.report.runs import methods as report
from emo.report.runs.methods_figures import methods_figure
from emo.runs.job import Ready, Record, Report, Result, ensure_run
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan


def check(config: RunConfig) -> None:
    """Refuse lists that are empty."""
    readings(config)


def run(config: RunConfig) -> Outcome:
    """Compare the estimators, or find the run that did; missing extractions are made first."""
    asked = readings(config)
    steering = steering_runs(config, asked)
    plan = plan_of(config, asked, sorted(s.run for s in steering.values()))
    record: Record[MethodsResult] = Record(
        "methods.json", partial(record_of, MethodsResult), partial(_report, plan)
    )
    return ensure_run(plan, record, lambda: _prepare(plan, steering)).outcome


def _prepare(
    plan: Plan, steering: Mapping[tuple[str, str, EstimatorName], Steering]
) -> Ready[MethodsResult]:
    read = read_all(readings(plan.config))
    tags = {"vectors_runs": " ".join(r.run_id for r in read)}
    return Ready(plan.run_name, partial(_compute, plan, read, steering), tags)


def _compute(
    plan: Plan,
    read: list[Read],
    steering: Mapping[tuple[str, str, EstimatorName], Steering],
) -> tuple[MethodsResult, Result]:
    result = methods_of(plan, read, steering)
    title, shown = _title(plan), _report(plan, result)
    tables = (
        report.methods_table(result),
        report.contrast_table(result),
        report.depth_table(result),
    )

    def write(folder: Path) -> None:
        for table in tables:
            (folder / f"{table.name}.csv").write_text(table.to_csv(), encoding="utf-8")

    drawn = {"methods": lambda: methods_figure(result, title)}
    return result, Result(
        report=shown,
        write=write,
        figures=drawn,
        page=lambda: methods_page(title, shown.answer, shown.text, result, drawn),
        curves={
            f"curve_{r.source}_{r.readout}_{c.measure.value}": c.value
            for r in result.readings
            for c in r.curves
        },
    )


def _report(plan: Plan, result: MethodsResult) -> Report:
    text = report.terminal_text(result, _title(plan), plan.weights.note)
    random = plan.config.model.source is Source.tiny
    return Report(text, report.metrics(result), answer=report.answer(result, random))


def _title(plan: Plan) -> str:
    c = plan.config
    return f"{c.model.label}, {c.precision.label}, estimators of emotion vectors"

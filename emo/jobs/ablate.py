"""job=ablate: all 2^8 settings of the sub-parameters between matched and loose, from few texts.

Eight sets of texts (prompts x decoding x chat template) are written at the larger budget and number
of samples; token budget, sample count, position, layer and centring are derived from them. Reference
and setting are read on different halves of the prompts, so it costs no text more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from emo.activations.reading import Passes
from emo.config.enums import MethodName, Source
from emo.config.schema import RunConfig, SubparamsConfig
from emo.core.conditions.ablation import shared_rho
from emo.pipeline.ablation import Factorial, compared
from emo.pipeline.factorial import first_emotions, plan_of, refuse_ignored, settings_of
from emo.pipeline.generation import (
    best_layer,
    counts_of,
    forced,
    prompts_dataset,
    read_prompts,
)
from emo.pipeline.replicate_points import LEAST_SAMPLES, Replicated, check_reference, needed
from emo.pipeline.settings_grid import COLUMNS, WRITTEN, SettingGrid
from emo.pipeline.text_warnings import warn_of_settings
from emo.pipeline.writer import StorySource
from emo.report.pages.comparisons import ablation_page
from emo.report.runs import ablation as report
from emo.report.runs import ablation_figures as figures
from emo.report.runs import generation as texts_report
from emo.runs.job import NO_PASSES, Ready, Record, Report, Result, ensure_run
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan
from emo.stimuli.prompts import PromptSet

LEVELS = {
    "max_new_tokens": "whose two levels are job.ablate.tokens",
    "samples": "whose two levels are job.ablate.samples",
}


def check(config: RunConfig) -> None:
    """Refuse sub-parameters that the job sets itself."""
    refuse_ignored(config, "which takes both levels of every sub-parameter", LEVELS)


def run(config: RunConfig) -> Outcome:
    """Evaluate the factorial, or find the run that did."""
    check(config)
    # Its texts are the model's own, whatever the method says: the run must not be called a reading.
    config = replace(config, method=replace(config.method, name=MethodName.generation))
    prompts = read_prompts(config)
    plan = plan_of(config, prompts)
    record = Record("ablation.json", report.read_shown, partial(_reused, plan))
    return ensure_run(plan, record, partial(_prepare, plan, prompts)).outcome


def _prepare(plan: Plan, prompts: PromptSet) -> Ready[dict[str, Any]]:
    config, job = plan.config, plan.config.job.ablate
    emotions = first_emotions(plan, "job.ablate.emotions", job.emotions)
    source = StorySource(plan, prompts, emotions)
    samples = max(*job.samples, LEAST_SAMPLES)
    points = [Replicated.of(sub, prompts, samples) for sub in settings_of(config)]
    check_reference(points[0], prompts)
    grid = SettingGrid(source, None, max(job.tokens), samples)
    grid.check(needed(points), "job.ablate.tokens", job.tokens)
    grid.let_go()  # never are two models held at a time
    best = best_layer(replace(config, subparams=SubparamsConfig()))
    grid.best_layer = best.layer
    return Ready(
        plan.run_name,
        partial(_compute, Factorial(plan, source, points, grid, best)),
        {"prompts_sha256": prompts.sha256, "teacher_forced": forced(config)},
    )


def _compute(factorial: Factorial) -> tuple[dict[str, Any], Result]:
    from emo.tracking import TABLES

    plan, grid, settings = factorial.plan, factorial.grid, factorial.settings
    title, wanted = _title(plan), needed(factorial.points)
    evaluated, cost = grid.evaluate(wanted)
    sets = dict(zip(wanted, evaluated, strict=True))
    ground = _ground(factorial)
    warn_of_settings(ground)
    start = time.perf_counter()
    effects = compared(factorial, sets, ground.counts)
    rho_matched = shared_rho(sets[settings[0]], [sets[sub] for sub in settings])
    cost = replace(cost, seconds_comparing=time.perf_counter() - start)
    text = report.terminal_text(effects, title, plan.weights.note, cost, ground)
    metrics = report.metrics(effects, rho_matched, cost, ground)
    drawn, rows = effects.effects, grid.text_rows(settings, factorial.source.tokenizer)
    shown = _report(plan, text, metrics, Passes(cost.forward_passes, 0))

    def write(folder: Path) -> None:
        points = report.points_csv(effects, rho_matched, ground)
        (folder / "points.csv").write_text(points, encoding="utf-8")
        (folder / "effects.csv").write_text(report.effects_csv(effects), encoding="utf-8")
        table = texts_report.table_json(rows, COLUMNS)
        (folder / "texts.jsonl").write_text(texts_report.jsonl(rows), encoding="utf-8")
        (folder / "texts.json").write_text(table, encoding="utf-8")

    return {"summary": text, "metrics": metrics, "best_layer": factorial.best}, Result(
        report=shown,
        write=write,
        page=lambda: ablation_page(title, shown.answer, text, effects, rows, WRITTEN),
        figures={} if drawn is None else figures.drawings(drawn, title),
        tags={
            "chat_template": "applied" if ground.templated else "not applied",
            "best_layer_run": ground.best_run,
            TABLES: texts_report.TABLE_TAG,
        },
        dataset=prompts_dataset(factorial.source.prompts),
    )


def _reused(plan: Plan, shown: Mapping[str, Any]) -> Report:
    return _report(plan, shown["summary"], shown["metrics"])


def _report(
    plan: Plan, text: str, metrics: Mapping[str, Any], passes: Passes = NO_PASSES
) -> Report:
    answer = report.answer(text, plan.config.model.source is Source.tiny)
    return Report(text, metrics, passes=passes, answer=answer)


def _title(plan: Plan) -> str:
    c = plan.config
    return f"{c.model.label}, {c.precision.label}, ablation of the eight sub-parameters"


def _ground(factorial: Factorial) -> report.Ground:
    grid, settings, best = factorial.grid, factorial.settings, factorial.best
    return report.Ground(
        counts=tuple(counts_of(grid.texts(sub), sub) for sub in settings),
        templated=grid.templated(settings[0]),
        best_layer=best.layer,
        best_run=best.run_id,
    )

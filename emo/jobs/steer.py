"""job=steer: emotion vectors added while a model writes, with controls, as one logged run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from emo.activations.reading import Passes
from emo.config.enums import Source
from emo.config.schema import RunConfig
from emo.core.steering.dose_response import DoseSweep, by_site, cells
from emo.core.steering.unsteered import unsteered_regime
from emo.pipeline.prerequisites import vector_tags
from emo.pipeline.reader import load_model
from emo.pipeline.steering_run import Opened, open_steering, steer
from emo.pipeline.steering_setup import (
    Chosen,
    Work,
    chosen_scenarios,
    prepare,
    scenario_prompts,
    steer_plan,
    wanted_vectors,
)
from emo.pipeline.steering_vectors import vectors_run
from emo.report.pages.steering import steering_page
from emo.report.runs import steering as report
from emo.report.runs import steering_judges as judges
from emo.runs import files
from emo.runs.job import Ready, Record, Report, Result, ensure_run
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan
from emo.steering.heard import heard_by


def check(config: RunConfig) -> None:
    """Refuse steering parameters that are wrong whatever the model is."""
    chosen_scenarios(config)


def run(config: RunConfig) -> Outcome:
    """Steer, or find the finished run with the same fingerprint."""
    chosen = chosen_scenarios(config)
    plan = steer_plan(config, chosen.sha256)
    record = Record("steering.json", files.read_steering, partial(_reused, plan))
    return ensure_run(plan, record, partial(_prepare, plan, chosen)).outcome


def _prepare(plan: Plan, chosen: Chosen) -> Ready[DoseSweep]:
    config = plan.config
    loaded = load_model(plan).for_writing()  # refused before an extraction is made for it
    prompts = scenario_prompts(config, chosen.listed, loaded)
    source = vectors_run(config, plan.weights.revision, wanted_vectors(config))
    work = prepare(config, plan, chosen, prompts, source, loaded)
    preset = config.job.steer.name
    tags = {"steer": preset, "vectors_run": source.run_id, **vector_tags(source)}
    compute = partial(_compute, work, open_steering(work))
    return Ready(plan.run_name, compute, tags)


def _compute(work: Work, opened: Opened) -> tuple[DoseSweep, Result]:
    swept, title = steer(work, opened), _title(work.plan)
    doses = cells(swept.steered, swept.limits)
    shown = _report(work.plan, swept)
    hear = heard_by(work.plan.config.job.steer.judge)
    limits = {
        "limit_repetition": swept.limits.repetition,
        "limit_log_perplexity": swept.limits.log_perplexity,
        "limit_n_controls": swept.limits.n_controls,
    }
    return swept, Result(
        report=shown,
        write=partial(_write, swept, shown.text),
        page=lambda: steering_page(title, shown.answer, shown.text, swept, hear),
        figures={
            "dose_response": lambda: report.dose_response(swept, title),
            "emotions": lambda: report.emotions(swept, title),
            "regimes": lambda: report.regime_map(swept, title),
        },
        metrics={"texts_done": swept.done, "texts_reused": swept.reused, **limits},
        curves=report.curves(doses) | judges.damage_curves(swept),
        tags=_regimes(swept) | _unsteered(swept),
    )


def _regimes(swept: DoseSweep) -> dict[str, str]:
    """The model's regime by both rules, in words a search understands; several sites by name."""
    sites = by_site(swept.steered, swept.limits)
    rules = {"regime_published": "published", "regime_robust": "robust"}
    return {
        tag: getattr(sites[0], rule).name
        if len(sites) == 1
        else ", ".join(f"{s.site}: {getattr(s, rule).name}" for s in sites)
        for tag, rule in rules.items()
        if sites
    }


def _unsteered(swept: DoseSweep) -> dict[str, str]:
    """The regime at strength 0: what the model does without steering, in this precision."""
    regime = unsteered_regime(swept)
    return {
        "regime_unsteered_published": regime.published.name,
        "regime_unsteered_robust": regime.robust.name,
    }


def _title(plan: Plan) -> str:
    c = plan.config
    return f"{c.model.label}, {c.precision.label}, steering ({c.job.steer.name})"


def _write(swept: DoseSweep, text: str, folder: Path) -> None:
    files.write_json(report.texts_table(swept), folder / "texts.json")
    (folder / "cells.csv").write_text(report.cells_csv(swept), encoding="utf-8")
    (folder / "emotions.csv").write_text(report.emotions_csv(swept), encoding="utf-8")
    (folder / "scenarios.csv").write_text(report.scenarios_csv(swept), encoding="utf-8")
    for name, rows in judges.files(swept).items():
        (folder / name).write_text(rows, encoding="utf-8")
    (folder / "table.txt").write_text(text + "\n", encoding="utf-8")


def _reused(plan: Plan, swept: DoseSweep) -> Report:
    return _report(plan, replace(swept, done=0, reused=swept.done + swept.reused))


def _report(plan: Plan, swept: DoseSweep) -> Report:
    return Report(
        text=report.terminal_text(swept, _title(plan), plan.weights.note),
        metrics=report.headline(cells(swept.steered, swept.limits))
        | judges.numbers(swept)
        | _regimes(swept),
        effort=f"  texts {swept.done} written, {swept.reused} reused",
        passes=Passes(swept.done, swept.reused),
        answer=report.answer(swept, plan.config.model.source is Source.tiny),
    )

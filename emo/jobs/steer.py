"""job=steer: emotion vectors added while a model writes, with controls, as one logged run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.config.enums import SteerPositions
from emo.config.schema import RunConfig, canonical
from emo.core.stats.resampling import stream
from emo.core.steering.dose_response import Cell, Sweep, best_cell, by_site, cells
from emo.core.steering.text_measures import Direction, derangement
from emo.generation.generating import Generation
from emo.pipeline.prerequisites import vector_tags
from emo.pipeline.reader import load_model
from emo.pipeline.steering_setup import (
    Work,
    chosen_scenarios,
    prepare,
    steer_plan,
    text_store,
    vectors_run,
)
from emo.process.progress import track
from emo.report.markdown import fenced
from emo.report.runs import steering as report
from emo.runs import files as serialise
from emo.runs import reuse as record
from emo.runs.drawing import write_figures
from emo.runs.identity import batch_decides
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan
from emo.steering.doses import Additions

if TYPE_CHECKING:
    from emo.generation.texts import TextStore
    from emo.steering.steerable import Steerable
    from emo.stimuli.scenarios import Scenario
    from emo.tracking import RunRecord, Tracker

ARTIFACTS = (
    "steering.json",
    "texts.json",
    "texts.html",
    "cells.csv",
    "emotions.csv",
    "scenarios.csv",
    "table.txt",
    *record.FILES,
    "figures/dose_response.png",
    "figures/emotions.png",
    "figures/regimes.png",
)


def check(config: RunConfig) -> None:
    """Refuse steering parameters that are known to be wrong before a model is."""
    chosen_scenarios(config)


def run(config: RunConfig) -> Outcome:
    """Steer, or find the finished run with the same fingerprint."""
    scenarios, digest = chosen_scenarios(config)
    tracker = record.open_tracker(config)
    plan = steer_plan(config, digest)
    with record.alone(plan):
        return _run(config, plan, scenarios, tracker)


def _run(
    config: RunConfig, plan: Plan, scenarios: tuple[Scenario, ...], tracker: Tracker
) -> Outcome:
    if found := record.finished(plan, tracker, "steering.json", serialise.read_steering):
        run_id, swept = found
        swept = replace(swept, done=0, reused=swept.done + swept.reused)
        return _outcome("reused", plan, tracker, run_id, swept)

    loaded = load_model(plan).for_writing()  # refused before an extraction is made for it
    source = vectors_run(config, plan.weights.revision)
    work = prepare(config, plan, scenarios, source, loaded)
    name = f"{config.model.label} steering {config.job.steer.name}"
    tags = record.tags(plan) | {"steer": config.job.steer.name, "vectors_run": source.run_id}
    tags |= vector_tags(source)
    ready = _ready(work)
    with tracker.run(name, tags) as run_id:
        swept = _sweep(work, *ready)
        with record.staged(config) as folder:
            _write_files(folder, plan, swept)
            tracker.log(run_id, _record(plan, swept), folder)
    return _outcome("finished", plan, tracker, run_id, swept)


def _ready(work: Work) -> tuple[Steerable, Additions, TextStore]:
    """The model under the backend, what is added to it, and where texts are kept.

    What cannot be done is refused here, before a run is opened.
    """
    import torch

    from emo.steering.injection import open_decoder
    from emo.steering.scoring import mean_norms
    from emo.steering.steerable import open_steerable

    config = work.plan.config
    model = open_steerable(work.loaded, config.backend)
    store = text_store(work.plan, open_decoder(model, lambda _: {}).way)
    names = [s.id for s in work.scenarios]
    prompts = [work.prompts[name] for name in names]
    layers = {layer for dose in work.doses for layer in dose.site.layers}
    found = mean_norms(model, prompts, config.batch_size, layers)
    norms = dict(zip(names, found, strict=True))
    rng = stream(config.seed, "steering", "shuffled")
    partners = derangement(work.vectors.emotions, rng, work.judge.alike)
    additions = Additions(work.vectors, norms, partners, work.source, config.seed)
    dtype = work.loaded.model.dtype
    strongest = max(d.strength for d in work.doses)
    largest = min(torch.finfo(t).max for t in (dtype, torch.float32))
    additions.check_range(
        [d for d in work.doses if d.strength == strongest], largest, str(dtype).split(".")[-1]
    )
    return model, additions, store


def _sweep(work: Work, model: Steerable, additions: Additions, store: TextStore) -> Sweep:
    from emo.steering.sweep import Setup, sweep

    config, steer = work.plan.config, work.plan.config.job.steer
    generation = Generation(
        steer.max_new_tokens, None, config.seed, config.decode_batch_size, batch_decides(config)
    )
    late = steer.positions is SteerPositions.generated
    setup = Setup(generation, late, steer.control_samples, track)
    return sweep(model, work.prompts, work.doses, additions, work.judge, store, setup)


def _headline(found: Sequence[Cell]) -> dict[str, Any]:
    """The strongest dose of each site in words a search understands, and the best surgical cell."""
    out: dict[str, Any] = {}
    best = best_cell(found)
    if best is not None:
        out |= {
            "best_strength": best.strength,
            "best_success": best.fluent_success.k,
            "best_success_n": best.fluent_success.n,
            "best_success_low": best.fluent_success.low,
            "best_success_high": best.fluent_success.high,
        }
    target = [c for c in found if c.direction == Direction.target.value]
    out["cells"] = len(target)
    out["cells_disagreeing"] = sum(c.disagree for c in target)
    for name in ("surgical", "repetitive_collapse", "explosive", "silent"):
        out[f"cells_{name}"] = sum(c.robust.name == name for c in target)
    return out


def _regimes(swept: Sweep) -> dict[str, str]:
    """The model's regime by both rules, in words a search understands; several sites by name."""
    found = by_site(swept.steered, swept.limits)
    rules = {"regime_published": "published", "regime_robust": "robust"}
    return {
        tag: getattr(found[0], rule).name
        if len(found) == 1
        else ", ".join(f"{s.site}: {getattr(s, rule).name}" for s in found)
        for tag, rule in rules.items()
        if found
    }


def _record(plan: Plan, swept: Sweep) -> RunRecord:
    from emo.tracking import DESCRIPTION, RunRecord

    found = cells(swept.steered, swept.limits)
    metrics = {**_headline(found), "texts_done": swept.done, "texts_reused": swept.reused}
    metrics |= {f"limit_{k}": float(v) for k, v in canonical(swept.limits).items()}
    text = report.summary(swept, _title(plan), plan.weights.note)
    tags = {DESCRIPTION: fenced(text), **_regimes(swept)}
    params, dataset = record.params(plan.config), record.dataset(plan)
    return RunRecord(tags, params, metrics, report.curves(found), dataset)


def _title(plan: Plan) -> str:
    c = plan.config
    return f"{c.model.label}, {c.precision.label}, steering ({c.job.steer.name})"


def _write_files(folder: Path, plan: Plan, swept: Sweep) -> None:
    title = _title(plan)
    serialise.write_json(swept, folder / "steering.json")
    serialise.write_json(report.texts_table(swept), folder / "texts.json")
    (folder / "texts.html").write_text(report.texts_html(swept, title), encoding="utf-8")
    (folder / "cells.csv").write_text(report.cells_csv(swept), encoding="utf-8")
    (folder / "emotions.csv").write_text(report.emotions_csv(swept), encoding="utf-8")
    (folder / "scenarios.csv").write_text(report.scenarios_csv(swept), encoding="utf-8")
    text = report.summary(swept, title, plan.weights.note)
    (folder / "table.txt").write_text(text + "\n", encoding="utf-8")
    record.write_files(folder, plan)
    write_figures(
        folder,
        {
            "dose_response": lambda: report.dose_response(swept, title),
            "emotions": lambda: report.emotions(swept, title),
            "regimes": lambda: report.regime_map(swept, title),
        },
    )


def _outcome(status: str, plan: Plan, tracker: Tracker, run_id: str, swept: Sweep) -> Outcome:
    uri = tracker.artifact_uri(run_id)
    text = report.summary(swept, _title(plan), plan.weights.note)
    text += (
        f"\n  texts {swept.done} written, {swept.reused} reused"
        f"\n  run {run_id} ({status}); look at it with: make ui"
    )
    return Outcome(
        status=status,
        fingerprint=plan.provenance.fingerprint,
        run_id=run_id,
        metrics=serialise.plain(_headline(cells(swept.steered, swept.limits)) | _regimes(swept)),
        artifacts={Path(name).name: f"{uri}/{name}" for name in ARTIFACTS},
        passes_done=swept.done,
        passes_reused=swept.reused,
        table=text,
    )

"""job=ablate: all 2^8 settings of the sub-parameters between matched and loose, from few texts.

Eight sets of texts (prompts x decoding x chat template) are written at the larger budget and number
of samples; token budget, sample count, position, layer and centring are derived from them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.config.enums import MethodName
from emo.config.schema import RunConfig, SubparamsConfig, canonical
from emo.core.conditions.ablation import Ablation, ablation, responses
from emo.core.stats.factorial import FactorialError
from emo.errors import EmoError
from emo.pipeline.factorial import FACTORS, first_emotions, plan_of, points, refuse_ignored
from emo.pipeline.generation import NO_TEMPLATE, Best, best_layer, counts_of, forced, read_prompts
from emo.pipeline.settings_grid import WRITTEN, Points
from emo.pipeline.writer import StorySource
from emo.process.progress import track
from emo.report.markdown import fenced
from emo.report.runs import ablation as report
from emo.report.runs import generation as texts_report
from emo.runs import files as serialise
from emo.runs import reuse as record
from emo.runs.drawing import write_figures
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan
from emo.stimuli.prompts import PromptSet

if TYPE_CHECKING:
    from emo.tracking import RunRecord, Tracker

log = logging.getLogger(__name__)

LEVELS = {
    "max_new_tokens": "whose two levels are job.ablate.tokens",
    "samples": "whose two levels are job.ablate.samples",
}
ARTIFACTS = (
    "ablation.json",
    "points.csv",
    "effects.csv",
    "texts.jsonl",
    "texts.json",
    *record.FILES,
    "figures/effects.png",
    "figures/interactions.png",
)


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
    with record.alone(plan):
        return _run(plan, prompts)


def _run(plan: Plan, prompts: PromptSet) -> Outcome:
    config = plan.config
    tracker = record.open_tracker(config)
    if found := record.finished(plan, tracker, "ablation.json", report.read_shown):
        run_id, shown = found
        return _outcome("reused", plan, tracker, run_id, shown["summary"], shown["metrics"])

    emotions = first_emotions(plan, "job.ablate.emotions", config.job.ablate.emotions)
    source = StorySource(plan, prompts, emotions)
    settings = points(config)
    shared = Points(source, None, max(config.job.ablate.tokens), max(config.job.ablate.samples))
    shared.check(
        settings, "job.ablate.tokens", config.job.ablate.tokens
    )  # before any run is opened
    shared.let_go()  # never are two models held at a time
    best = best_layer(replace(config, subparams=SubparamsConfig()))
    shared.best_layer = best.layer
    tags = record.tags(plan) | {"prompts_sha256": prompts.sha256, "teacher_forced": forced(config)}
    with tracker.run(
        f"{config.model.label} {plan.config.precision.label} ablation", tags
    ) as run_id:
        sets, cost = shared.evaluate(settings)
        ground = _ground(shared, settings, best)
        _warn(ground)
        start = time.perf_counter()
        found = responses(sets[0], sets, config.resampling.n_bootstrap, config.seed, track)
        try:
            effects = ablation(FACTORS, found)
        except FactorialError as error:
            raise EmoError(f"model={config.model.label}: {error}") from error
        cost = replace(cost, seconds_comparing=time.perf_counter() - start)
        text = report.summary(effects, _title(plan), plan.weights.note, cost, ground)
        metrics = report.metrics(effects, cost, ground)
        shown = {"summary": text, "metrics": metrics, "best_layer": best}
        with record.staged(config) as folder:
            _write_files(folder, plan, effects, ground, shown)
            _write_texts(folder, shared, settings, source.tokenizer)
            tracker.log(run_id, _record(plan, prompts, ground, shown), folder)
    return _outcome("finished", plan, tracker, run_id, text, metrics, cost)


def _title(plan: Plan) -> str:
    c = plan.config
    return f"{c.model.label}, {c.precision.label}, ablation of the eight sub-parameters"


def _ground(shared: Points, settings: Sequence[SubparamsConfig], best: Best) -> report.Ground:
    return report.Ground(
        counts=tuple(counts_of(shared.texts(sub), sub) for sub in settings),
        templated=shared.templated(settings[0]),
        best_layer=best.layer,
        best_run=best.run_id,
    )


def _warn(ground: report.Ground) -> None:
    counts = ground.counts
    if ground.repeating:
        log.warning(
            "effective n is below nominal n in %d of %d settings (matched: %.2f of %.0f texts an "
            "emotion): greedy repeats of a prompt, and equal sampled texts, are the same text",
            ground.repeating,
            len(counts),
            counts[0].effective,
            counts[0].nominal,
        )
    if same := sum(c.neutral != c.neutral_distinct for c in counts):
        log.warning("in %d of %d settings some neutral stories are the same", same, len(counts))
    if not ground.templated:
        log.warning("%s: both levels of this sub-parameter are the same", NO_TEMPLATE)
    if short := sum(c.short > 0 for c in counts):
        log.warning(
            "%d of %d settings have texts too short for their position (up to %d), read at the "
            "prompt's last token",
            short,
            len(counts),
            max(c.short for c in counts),
        )


def _record(
    plan: Plan, prompts: PromptSet, ground: report.Ground, shown: dict[str, Any]
) -> RunRecord:
    from emo.tracking import DESCRIPTION, TABLES, RunRecord

    dataset = ("prompts", prompts.sha256, Path(prompts.source).name)
    tags = {
        "chat_template": "applied" if ground.templated else "not applied",
        "best_layer_run": ground.best_run,
        DESCRIPTION: fenced(shown["summary"]),
        TABLES: texts_report.TABLE_TAG,
    }
    return RunRecord(tags, record.params(plan.config), shown["metrics"], {}, dataset)


def _write_texts(
    folder: Path, shared: Points, settings: Sequence[SubparamsConfig], tokenizer: Any
) -> None:
    """All distinct texts, each with what of the sub-parameters it was written with."""
    rows = [
        {**{name: canonical(getattr(sub, name)) for name in WRITTEN}, **row}
        for sub in shared.sets(settings)
        for row in texts_report.text_rows(shared.texts(sub), sub, tokenizer)
    ]
    table = texts_report.table_json(rows, (*WRITTEN, *texts_report.SHOWN))
    (folder / "texts.jsonl").write_text(texts_report.jsonl(rows), encoding="utf-8")
    (folder / "texts.json").write_text(table, encoding="utf-8")


def _write_files(
    folder: Path, plan: Plan, effects: Ablation, ground: report.Ground, shown: dict[str, Any]
) -> None:
    serialise.write_json(shown, folder / "ablation.json")
    (folder / "points.csv").write_text(report.points_csv(effects, ground), encoding="utf-8")
    (folder / "effects.csv").write_text(report.effects_csv(effects), encoding="utf-8")
    record.write_files(folder, plan)
    write_figures(
        folder,
        {
            "effects": lambda: report.effects_figure(effects, _title(plan)),
            "interactions": lambda: report.interactions_figure(effects, _title(plan)),
        },
    )


def _outcome(
    status: str,
    plan: Plan,
    tracker: Tracker,
    run_id: str,
    text: str,
    metrics: dict[str, Any],
    cost: report.Cost | None = None,
) -> Outcome:
    uri = tracker.artifact_uri(run_id)
    return Outcome(
        status=status,
        fingerprint=plan.provenance.fingerprint,
        run_id=run_id,
        metrics=serialise.plain(metrics),
        artifacts={Path(name).name: f"{uri}/{name}" for name in ARTIFACTS},
        passes_done=cost.forward_passes if cost else 0,
        table=f"{text}\n  run {run_id} ({status}); look at it with: make ui",
    )

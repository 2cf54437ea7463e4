"""job=ablate: all 2^8 settings of the sub-parameters between matched and loose, from few texts.

Eight sets of texts (prompts x decoding x chat template) are written at the larger budget and number
of samples; token budget, sample count, position, layer and centring are derived from them.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo import serialise
from emo.choices import MethodName
from emo.config import RunConfig, SubparamsConfig, canonical
from emo.core.ablation import Ablation, ablation, responses
from emo.core.decomposition import FactorialError, full_factorial
from emo.errors import ConfigError, EmoError
from emo.fingerprint import ablation_identity
from emo.generation import protocols
from emo.generation.protocols import SUBPARAMETERS
from emo.jobs import record
from emo.jobs.outcome import Outcome
from emo.jobs.plan import Plan, make_plan
from emo.jobs.points import WRITTEN, Points
from emo.jobs.reader import load_model
from emo.jobs.stories import NO_TEMPLATE, Best, best_layer, counts_of, forced, read_prompts
from emo.jobs.story_source import StorySource, told
from emo.progress import track
from emo.report import ablation as report
from emo.report import stories as texts_report
from emo.stimuli.prompts import PromptSet

if TYPE_CHECKING:
    from emo.tracking import RunRecord, Tracker

log = logging.getLogger(__name__)

FACTORS = tuple(SUBPARAMETERS)
KEPT = ("seed", "temperature", "top_p", "prompts_path", "texts_from")
"""Fields that are not sub-parameters: taken from the config, for all settings."""
LEVELS = {
    "max_new_tokens": "whose two levels are job.tokens",
    "samples": "whose two levels are job.samples",
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


def run(config: RunConfig) -> Outcome:
    """Evaluate the factorial, or find the run that did."""
    refuse_ignored(config, "which takes both levels of every sub-parameter", LEVELS)
    # Its texts are the model's own, whatever the method says: the run must not be called a reading.
    config = replace(config, method=replace(config.method, name=MethodName.generation))
    prompts = read_prompts(config)
    plan = plan_of(config, prompts)
    with record.alone(plan):
        return _run(plan, prompts)


def refuse_ignored(config: RunConfig, why: str, elsewhere: Mapping[str, str]) -> None:
    """Refuse sub-parameters where the job sets them itself, and what it would ignore.

    ``why`` says what the job takes instead, ``elsewhere`` more of it for some fields.

    Raises
    ------
    ConfigError
        Naming the first such field.
    """
    matched, job = canonical(protocols.MATCHED), f"job={config.job.name.value}"
    for name, value in canonical(config.subparams).items():
        if name in KEPT or value == matched[name]:
            continue
        parameter = "subparams" if name == "name" else f"subparams.{name}"
        instead = elsewhere.get(name, why)
        raise ConfigError(parameter, value, f"{matched[name]} with {job}, {instead}")


def _run(plan: Plan, prompts: PromptSet) -> Outcome:
    config = plan.config
    tracker = record.open_tracker(config)
    if found := record.finished(plan, tracker, "ablation.json", report.read_shown):
        run_id, shown = found
        return _outcome("reused", plan, tracker, run_id, shown["summary"], shown["metrics"])

    emotions = emotions_of(plan)
    load_model(plan).for_writing()  # refused before the comprehension run is made for it
    best = best_layer(replace(config, subparams=SubparamsConfig()))
    source = StorySource(plan, prompts, emotions)
    settings = points(config)
    shared = Points(source, best.layer, max(config.job.tokens), max(config.job.samples))
    shared.check(settings, "job.tokens", config.job.tokens)  # before a run is opened
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
        with tempfile.TemporaryDirectory() as folder:
            _write_files(Path(folder), plan, effects, ground, shown)
            _write_texts(Path(folder), shared, settings, source.tokenizer)
            tracker.log(run_id, _record(plan, prompts, ground, shown), Path(folder))
    return _outcome("finished", plan, tracker, run_id, text, metrics, cost)


def levels(config: RunConfig) -> tuple[SubparamsConfig, SubparamsConfig]:
    """The matched and the loose setting, with the budgets and sample counts of the job."""
    own = config.subparams
    kept = {name: getattr(own, name) for name in KEPT}
    return tuple(  # pyright: ignore[reportReturnType]
        replace(level, **kept, max_new_tokens=config.job.tokens[i], samples=config.job.samples[i])
        for i, level in enumerate((protocols.MATCHED, protocols.LOOSE))
    )


def points(config: RunConfig) -> list[SubparamsConfig]:
    """All 256 settings in the order of :func:`full_factorial`; the first is all matched."""
    matched, loose = levels(config)
    out = []
    for row in full_factorial(len(FACTORS)):
        changed = [
            f for name, on in zip(FACTORS, row, strict=True) if on for f in SUBPARAMETERS[name]
        ]
        out.append(replace(matched, name="ablation", **{f: getattr(loose, f) for f in changed}))
    return out


def emotions_of(plan: Plan) -> tuple[str, ...]:
    """The emotions that texts are written about.

    Raises
    ------
    ConfigError
        If more are asked for than there are, or there are too few.
    """
    emotions = told(plan)
    n = plan.config.job.emotions
    if n is not None and n > len(emotions):
        raise ConfigError("job.emotions", n, f"3 to {len(emotions)}, or null for all")
    return emotions[:n]


def plan_of(config: RunConfig, prompts: PromptSet) -> Plan:
    """The plan of an ablation; nothing has been loaded or written then."""
    settings = [protocols.identity(sub) for sub in levels(config)]
    return make_plan(
        config, partial(ablation_identity, prompts_sha256=prompts.sha256, levels=settings)
    )


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
        DESCRIPTION: f"```\n{shown['summary']}\n```",
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
    (folder / "figures").mkdir()
    for name, figure in (
        ("effects", report.effects_figure(effects, _title(plan))),
        ("interactions", report.interactions_figure(effects, _title(plan))),
    ):
        figure.savefig(folder / "figures" / f"{name}.png")


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

"""method=generation: prompts -> texts -> activations -> emotion vectors -> one run."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from emo.activations.reading import Passes
from emo.config.schema import RunConfig, SubparamsConfig
from emo.core.geometry.comprehension import GeometryError
from emo.core.geometry.generated import StoryDescriptors, TextCounts, describe_stories
from emo.core.geometry.item_sets import Recipe
from emo.core.records import Activations, EmotionVectors
from emo.core.stats.resampling import Resampling
from emo.errors import EmoError
from emo.generation.stories import NEUTRAL, StoryTexts, check_templates
from emo.pipeline import comprehension
from emo.pipeline.reader import load_model
from emo.pipeline.writer import (
    StorySource,
    Written,
    comprehension_config,
    layer_number,
    story_emotions,
)
from emo.report.markdown import fenced
from emo.report.runs import generation as report
from emo.runs import files as serialise
from emo.runs import reuse as record
from emo.runs.drawing import write_figures
from emo.runs.identity import story_identity
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan, make_plan
from emo.stimuli.prompts import PromptSet, load_prompts

if TYPE_CHECKING:
    from emo.models.quantised import WeightCount
    from emo.tracking import RunRecord, Tracker

log = logging.getLogger(__name__)

NO_TEMPLATE = "the model has no chat template: bare prompts are continued"
ARTIFACTS = (
    "vectors.safetensors",
    "activations.safetensors",
    "rdm.csv",
    "generation.json",
    "texts.jsonl",
    "texts.json",
    *record.FILES,
    "figures/rdm.png",
    "figures/layers.png",
    "figures/map.png",
)


@dataclass(frozen=True)
class Best:
    """The comprehension run's best layer, and the run."""

    layer: int
    run_id: str


@dataclass(frozen=True)
class Result:
    """All that a generation run has to log."""

    written: Written
    activations: Activations
    vectors: EmotionVectors
    descriptors: StoryDescriptors
    passes: Passes
    weights: WeightCount


def run(config: RunConfig) -> Outcome:
    """Write and read the texts, or find the finished run with the same fingerprint."""
    plan, prompts = plan_of(config)
    with record.alone(plan):
        return _run(plan, prompts)


def _run(plan: Plan, prompts: PromptSet) -> Outcome:
    config = plan.config
    tracker = record.open_tracker(config)
    if found := record.finished(plan, tracker, "generation.json", serialise.read_story_descriptors):
        return _outcome("reused", plan, tracker, *found)

    emotions = story_emotions(plan)
    best = None
    if config.subparams.layer == "best":
        load_model(plan).for_writing()  # refused before the comprehension run is made for it
        best = best_layer(config)
    source = StorySource(plan, prompts, emotions)
    # Both refuse what cannot be done before a run is opened.
    layer, how = layer_number(config.subparams, source.n_layers(), best and best.layer)
    source.planned(config.subparams)
    if best is not None:
        how += f" {best.run_id}"
    tags = record.tags(plan) | {"prompts_sha256": prompts.sha256}
    tags |= {"subparams": config.subparams.name, "teacher_forced": forced(config)}
    with tracker.run(plan.run_name, tags) as run_id:
        result = _measure(source, layer, how)
        with record.staged(config) as folder:
            _write_files(folder, plan, source, result)
            tracker.log(run_id, _record(plan, prompts, result), folder)
    return _outcome("finished", plan, tracker, run_id, result.descriptors, result)


def plan_of(config: RunConfig) -> tuple[Plan, PromptSet]:
    """The plan of a generation run, and its prompts.

    Raises
    ------
    EmoError
        If something is wrong with either; nothing has been written then.
    """
    prompts = read_prompts(config)
    check_templates(prompts, config.subparams)
    return make_plan(config, partial(story_identity, prompts_sha256=prompts.sha256)), prompts


def read_prompts(config: RunConfig) -> PromptSet:
    """The configured prompts; with thinking switched on or off they count as others."""
    path, thinking = config.subparams.prompts_path, config.model.thinking
    prompts = load_prompts(config.path(path) if path else None)
    if thinking is None:
        return prompts
    digest = hashlib.sha256(f"{prompts.sha256} thinking={thinking}".encode()).hexdigest()
    return replace(prompts, sha256=digest)


def best_layer(config: RunConfig) -> Best:
    """The published best layer of the comprehension run, which is made if it is not there.

    Raises
    ------
    EmoError
        If that run fails.
    """
    log.info("layer=best: the comprehension run of this model and precision names it")
    outcome = comprehension.run(comprehension_config(config))
    if outcome.run_id is None:
        raise EmoError(f"subparams.layer=best: the comprehension run failed: {outcome.error}")
    return Best(int(outcome.metrics["best_layer"]), outcome.run_id)


def recipe_of(config: RunConfig) -> Recipe:
    """From items to vectors, as sub-parameter 8 says."""
    sub = config.subparams
    return Recipe(centring=sub.centring.value, unit_norm=sub.unit_norm)


def forced(config: RunConfig) -> str:
    """Tag that says whether the texts are another precision's."""
    return str(config.text_config() is not config).lower()


def _measure(source: StorySource, layer: int, how: str) -> Result:
    config = source.plan.config
    sub = config.subparams
    written = source.write(sub)
    counts = counts_of(written.texts, sub)
    _warn(written, counts, config)
    (activations,), passes, weights = source.read([(written.texts, sub)])
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    try:
        vectors, descriptors = describe_stories(
            activations, layer, how, recipe_of(config), counts, resampling
        )
    except GeometryError as error:
        raise EmoError(f"model={config.model.label}: {error}") from error
    return Result(written, activations, vectors, descriptors, passes, weights)


def counts_of(texts: StoryTexts, sub: SubparamsConfig) -> TextCounts:
    """How many texts an emotion's mean rests on."""
    counts = [c for e, c in texts.counts(sub).items() if e != NEUTRAL]
    neutral, differing = texts.neutral_counts(sub) or (None, None)
    return TextCounts(
        nominal=fmean(c.nominal for c in counts),
        distinct=fmean(c.distinct for c in counts),
        effective=fmean(c.effective for c in counts),
        short=texts.n_short(sub),
        neutral=neutral,
        neutral_distinct=differing,
    )


def _warn(written: Written, counts: TextCounts, config: RunConfig) -> None:
    sub = config.subparams
    if counts.effective < counts.nominal - 1e-9:
        log.warning(
            "effective n is %.2f texts an emotion, nominal n %.0f: %s",
            counts.effective,
            counts.nominal,
            "greedy repeats of a prompt are the same text"
            if sub.decoding.value == "greedy"
            else "some sampled texts are the same",
        )
    if counts.neutral is not None and counts.neutral != counts.neutral_distinct:
        log.warning(
            "of %d neutral stories only %d differ: the baseline rests on fewer texts",
            counts.neutral,
            counts.neutral_distinct,
        )
    if sub.chat_template and not written.templated:
        log.warning(NO_TEMPLATE)
    if counts.short:
        log.warning(
            "%d of %d texts are too short for position=%s and read at %s",
            counts.short,
            len(written.texts.stories),
            sub.position.value,
            "the prompt's last token" if sub.position.value == "mid" else "all generated tokens",
        )


def _record(plan: Plan, prompts: PromptSet, result: Result) -> RunRecord:
    from emo.tracking import DESCRIPTION, TABLES, RunRecord

    d, written = result.descriptors, result.written
    metrics = {
        **d.headline(),
        **result.weights.metrics(),
        "forward_passes_done": result.passes.done,
        "forward_passes_reused": result.passes.reused,
        "texts_written": written.done,
        "texts_reused": written.reused,
        "tokens_written": written.tokens,
        "finite_layers": len(d.finite_layers),
        "anisotropy_flag": float(d.anisotropy_flag),
    }
    curves = {f"curve_{name}": curve for name, curve in d.curves.items()}
    tags = {
        "anisotropy": "unreliable" if d.anisotropy_flag else "ok",
        "chat_template": "applied" if written.templated else "not applied",
        DESCRIPTION: fenced(report.summary(d, plan.title, plan.weights.note)),
        "decoding": written.way,
        TABLES: report.TABLE_TAG,
    }
    dataset = ("prompts", prompts.sha256, Path(prompts.source).name)
    return RunRecord(tags, record.params(plan.config), metrics, curves, dataset)


def _write_files(folder: Path, plan: Plan, source: StorySource, result: Result) -> None:
    from emo.report.runs import extract_figures as figures

    d, vectors = result.descriptors, result.vectors
    serialise.write_vectors(vectors, folder / "vectors.safetensors")
    serialise.write_activations(result.activations, folder / "activations.safetensors")
    (folder / "rdm.csv").write_text(serialise.rdm_csv(vectors, d.layer), encoding="utf-8")
    serialise.write_json(d, folder / "generation.json")
    rows = report.text_rows(result.written.texts, plan.config.subparams, source.tokenizer)
    (folder / "texts.jsonl").write_text(report.jsonl(rows), encoding="utf-8")
    (folder / "texts.json").write_text(report.table_json(rows), encoding="utf-8")
    record.write_files(folder, plan)
    write_figures(
        folder,
        {
            "rdm": lambda: figures.rdm_heatmap(vectors, d.layer, plan.title),
            "layers": lambda: report.layer_curves(d, plan.title),
            "map": lambda: figures.emotion_map(vectors, d.layer, plan.title),
        },
    )


def _outcome(
    status: str,
    plan: Plan,
    tracker: Tracker,
    run_id: str,
    d: StoryDescriptors,
    result: Result | None = None,
) -> Outcome:
    uri = tracker.artifact_uri(run_id)
    written = "no text written, no forward pass"
    passes = Passes(0, 0)
    if result is not None:
        w, passes = result.written, result.passes
        written = (
            f"texts {w.done} written ({w.tokens} tokens), {w.reused} reused"
            f"\n  forward passes {passes.done} done, {passes.reused} readings reused"
        )
    text = report.summary(d, plan.title, plan.weights.note)
    text += f"\n  {written}\n  run {run_id} ({status}); look at it with: make ui"
    return Outcome(
        status=status,
        fingerprint=plan.provenance.fingerprint,
        run_id=run_id,
        metrics=serialise.plain(d.headline()),
        artifacts={Path(name).name: f"{uri}/{name}" for name in ARTIFACTS},
        passes_done=passes.done,
        passes_reused=passes.reused,
        table=text,
    )

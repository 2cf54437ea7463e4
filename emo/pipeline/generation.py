"""method=generation: prompts -> texts -> activations -> emotion vectors -> one run."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, TypeVar

from emo.activations.reading import Passes
from emo.config.enums import Prompts, Source
from emo.config.schema import RunConfig, SubparamsConfig
from emo.core.criterion_search import verdict_of
from emo.core.flags import anisotropy_words, reliability_flag
from emo.core.geometry.framing import residual_frame
from emo.core.geometry.generated import StoryDescriptors, TextCounts, describe_stories
from emo.core.geometry.item_sets import Recipe
from emo.core.geometry.projections import project
from emo.core.records import NEUTRAL, Activations, EmotionVectors
from emo.core.stats.resampling import Resampling
from emo.errors import EmoError
from emo.generation.leaking import LeakedTexts, find_leaks, warn_of_leaks
from emo.generation.stories import Prompting, StoryTexts, check_templates
from emo.pipeline.comprehension import ensure_comprehension
from emo.pipeline.nulls import null_curves
from emo.pipeline.reader import load_model
from emo.pipeline.text_warnings import warn_of_texts
from emo.pipeline.valence import poles_of, valence_curves, valence_metrics
from emo.pipeline.writer import (
    StorySource,
    Written,
    comprehension_config,
    emotion_words,
    layer_number,
    story_emotions,
)
from emo.report.pages.generation import generation_page
from emo.report.runs import extract_figures as figures
from emo.report.runs import generation as report
from emo.report.runs.layer_pictures import write_rdm_pictures
from emo.runs import files
from emo.runs.identity import story_identity
from emo.runs.job import NO_PASSES, EnsuredRun, Ready, Record, Report, Result, ensure_run
from emo.runs.plan import Plan, make_plan
from emo.stimuli.prompts import PromptSet, load_prompts
from emo.stimuli.topics import TopicSet, load_topics

if TYPE_CHECKING:
    from emo.models.quantised import WeightCount
    from emo.report.pages.page import Page

log = logging.getLogger(__name__)

P = TypeVar("P", PromptSet, TopicSet)


@dataclass(frozen=True)
class Best:
    """The comprehension run's best layer, and the run."""

    layer: int
    run_id: str


def run(config: RunConfig) -> EnsuredRun[StoryDescriptors]:
    """The finished generation run of a config; it is made where there is none."""
    plan, prompts = plan_of(config)
    record = Record(
        "generation.json",
        files.read_story_descriptors,
        lambda d: _report(plan, d, "  no text written, no forward pass"),
    )
    return ensure_run(plan, record, partial(_prepare, plan, prompts))


def _prepare(plan: Plan, prompts: Prompting) -> Ready[StoryDescriptors]:
    config, emotions = plan.config, story_emotions(plan)
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
    tags = {
        "prompts_sha256": prompts.sha256,
        "subparams": config.subparams.name,
        "teacher_forced": forced(config),
    }
    return Ready(plan.run_name, partial(_compute, source, layer, how), tags)


def _compute(source: StorySource, layer: int, how: str) -> tuple[StoryDescriptors, Result]:
    plan, sub = source.plan, source.plan.config.subparams
    written = source.write(sub)
    leaks = _leaks(source, written)
    texts = written.texts if leaks is None else leaks.read
    counts = counts_of(texts, sub, leaks)
    warn_of_texts(written, counts, plan.config)
    (activations,), passes, weights = source.read([(texts, sub)])
    poles = poles_of(plan, source.emotions)
    vectors, d = _describe(plan.config, activations, layer, how, counts, poles)
    rows = report.text_rows(written.texts, sub, source.tokenizer, leaks and leaks.notes())
    shown = report.page_rows(rows, written.texts, sub, source.tokenizer)
    words = emotion_words(source.reader(), source.emotions)

    def write(folder: Path) -> None:
        files.write_vectors(vectors, folder / "vectors.safetensors")
        files.write_activations(activations, folder / "activations.safetensors")
        files.write_activations(words, folder / "emotion_words.safetensors")
        (folder / "rdm.csv").write_text(files.rdm_csv(vectors, d.layer), encoding="utf-8")
        write_rdm_pictures(vectors, folder)
        (folder / "texts.jsonl").write_text(report.jsonl(rows), encoding="utf-8")
        columns = (*report.SHOWN, *([] if leaks is None else [report.LEFT_OUT]))
        (folder / "texts.json").write_text(report.table_json(rows, columns), encoding="utf-8")

    effort = (
        f"  texts {written.done} written ({written.tokens} tokens), {written.reused} reused\n"
        f"  forward passes {passes.done} done, {passes.reused} readings reused"
    )
    told = _report(plan, d, effort, passes)

    def page() -> Page:
        return generation_page(
            plan.title,
            told.answer,
            told.text,
            d,
            vectors,
            shown,
            sub.position,
            poles,
            sub.start,
        )

    return d, Result(
        report=told,
        page=page,
        write=write,
        figures={
            "rdm": lambda: figures.rdm_heatmap(vectors, d.layer, plan.title),
            "layers": lambda: report.layer_curves(d, plan.title),
            "map": lambda: figures.emotion_map(vectors, d.layer, plan.title),
        },
        metrics=_metrics(d, written, passes, weights),
        curves={f"curve_{name}": curve for name, curve in d.curves.items()}
        | null_curves(d.nulls)
        | valence_curves(d.valence),
        tags=_tags(d, written),
        dataset=prompts_dataset(source.prompts),
    )


def _leaks(source: StorySource, written: Written) -> LeakedTexts | None:
    """The texts about topics that name their emotion; other prompts name it themselves.

    Raises
    ------
    EmoError
        If too few emotions have a text left.
    """
    sub = source.plan.config.subparams
    if sub.prompts is not Prompts.topics:
        return None
    leaks = find_leaks(written.texts, sub, source.tokenizer, source.emotions)
    warn_of_leaks(leaks)
    return leaks


def plan_of(config: RunConfig) -> tuple[Plan, Prompting]:
    """The plan of a generation run, and its prompts.

    Raises
    ------
    EmoError
        If something is wrong with either; nothing has been written then.
    """
    prompts = read_prompting(config)
    check_templates(prompts, config.subparams)
    return make_plan(config, partial(story_identity, prompts_sha256=prompts.sha256)), prompts


def read_prompting(config: RunConfig) -> Prompting:
    """The configured prompts, or topics; with thinking switched on or off they count as others."""
    if config.subparams.prompts is not Prompts.topics:
        return read_prompts(config)
    path = config.subparams.prompts_path
    return _thinking(load_topics(config.path(path) if path else None), config)


def read_prompts(config: RunConfig) -> PromptSet:
    """The configured prompts of the published protocols."""
    path = config.subparams.prompts_path
    return _thinking(load_prompts(config.path(path) if path else None), config)


def _thinking(prompts: P, config: RunConfig) -> P:
    thinking = config.model.thinking
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
    run_id, descriptors = ensure_comprehension(comprehension_config(config))
    return Best(descriptors.best_layer, run_id)


def recipe_of(config: RunConfig) -> Recipe:
    """From items to vectors, as sub-parameter 8 says."""
    sub = config.subparams
    return Recipe(
        centring=sub.centring.value,
        unit_norm=sub.unit_norm,
        estimator=config.method.estimator.value,
    )


def forced(config: RunConfig) -> str:
    """Tag that says whether the texts are another precision's."""
    return str(config.text_config() is not config).lower()


def prompts_dataset(prompts: Prompting) -> tuple[str, str, str]:
    """Name, digest and source of the prompts."""
    return "prompts", prompts.sha256, Path(prompts.source).name


def _describe(
    config: RunConfig,
    activations: Activations,
    layer: int,
    how: str,
    counts: TextCounts,
    poles: Mapping[str, float],
) -> tuple[EmotionVectors, StoryDescriptors]:
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    try:
        recipe, projection = recipe_of(config), config.vectors.projection.value
        projected = project(
            activations, projection
        )  # what is logged are the model's own activations
        vectors, descriptors = describe_stories(
            projected, layer, how, recipe, counts, resampling, poles
        )
        frame = residual_frame(activations, projection, recipe.centring)
        return replace(vectors, frame=frame), descriptors
    except ValueError as error:
        raise EmoError(f"model={config.model.label}: {error}") from error


def counts_of(
    texts: StoryTexts, sub: SubparamsConfig, leaks: LeakedTexts | None = None
) -> TextCounts:
    """How many texts the mean of an emotion rests on; how many of all that were written leak."""
    counts = [c for e, c in texts.counts(sub).items() if e != NEUTRAL]
    neutral, differing = texts.neutral_counts(sub) or (None, None)
    return TextCounts(
        nominal=fmean(c.nominal for c in counts),
        distinct=fmean(c.distinct for c in counts),
        effective=fmean(c.effective for c in counts),
        short=texts.n_short(sub),
        neutral=neutral,
        neutral_distinct=differing,
        leaks=leaks.counts if leaks else {},
        written=leaks.n_written if leaks else {},
    )


def _report(plan: Plan, d: StoryDescriptors, effort: str, passes: Passes = NO_PASSES) -> Report:
    text = report.terminal_text(d, plan.title, plan.weights.note)
    random = plan.config.model.source is Source.tiny
    return Report(text, d.headline(), effort, passes, report.answer(d, random))


def _metrics(
    d: StoryDescriptors, written: Written, passes: Passes, weights: WeightCount
) -> dict[str, float | None]:
    return {
        **weights.metrics(),
        "forward_passes_done": passes.done,
        "forward_passes_reused": passes.reused,
        "texts_written": written.done,
        "texts_reused": written.reused,
        "tokens_written": written.tokens,
        "finite_layers": len(d.finite_layers),
        "anisotropy_flag": float(d.anisotropy_flag),
        **valence_metrics(d.valence),
        **{f"{name}_p": d.p(name) for name in d.nulls},
    }


def _tags(d: StoryDescriptors, written: Written) -> dict[str, str]:
    from emo.tracking import PICTURES, TABLES

    return {
        "anisotropy": anisotropy_words(d.anisotropy_flag),
        "reliability": reliability_flag(d.reliability).value,
        "valence": verdict_of(d.valence).value,
        "chat_template": "applied" if written.templated else "not applied",
        "decoding": written.way,
        TABLES: report.TABLE_TAG,
        PICTURES: "True",
    }

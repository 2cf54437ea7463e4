"""The emotions of a plan that norms know, and what a geometry shows of their ratings."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import assert_never

import numpy as np

from emo.config.enums import MethodName
from emo.core.compare.axes import LEAST_EMOTIONS, LayerRdms, find_axes
from emo.core.compare.axes_result import AxesResult
from emo.core.compare.axis_statistics import EmotionValues
from emo.core.compare.circumplex import circumplex
from emo.core.geometry.generated import story_set
from emo.core.geometry.item_sets import Recipe
from emo.core.geometry.lexical import lexical_norm, text_length
from emo.core.geometry.projections import project
from emo.core.records import NEUTRAL, Activations
from emo.core.stats.resampling import Resampling
from emo.errors import ConfigError, EmoError, first_of
from emo.pipeline.extraction import extracted_emotions
from emo.pipeline.generation import recipe_of
from emo.report.runs.axes import LEXICAL
from emo.report.runs.generation import LEFT_OUT
from emo.runs.logged import LoggedRun
from emo.runs.plan import Plan
from emo.stimuli.norms import Norms
from emo.summary.loading import text_rows

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rated:
    """The emotions of a plan that the norms know, with their ratings."""

    plan: Plan
    norms: Norms
    ratings: EmotionValues
    unrated: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.plan.title}, axes"


def rated_emotions(plan: Plan, norms: Norms) -> Rated:
    """The emotions that have ratings; those that have none are named in the log.

    Raises
    ------
    ConfigError
        If fewer than five have some, or all have the same.
    """
    emotions = extracted_emotions(plan)
    known, columns = norms.of(emotions)
    unrated = tuple(e for e in emotions if e not in known)
    value = plan.config.norms.path or plan.config.norms.name.value
    parameter = "norms.path" if plan.config.norms.path else "norms"
    if len(known) < LEAST_EMOTIONS:
        allowed = (
            f"norms of at least {LEAST_EMOTIONS} emotions of the passages; these know {len(known)} of "
            f"{len(emotions)}"
        )
        raise ConfigError(parameter, value, allowed)
    for name, column in zip(norms.dimensions, columns, strict=True):
        if len(set(column)) == 1:
            allowed = f"norms that differ; {name} is {column[0]:g} for all emotions of the passages"
            raise ConfigError(parameter, value, allowed)
    if unrated:
        log.warning("no norm for %d emotions, left out: %s", len(unrated), ", ".join(unrated))
    if norms.licence:
        log.info("norms: %s, licence %s", norms.source, norms.licence)
    return Rated(plan, norms, EmotionValues(norms.dimensions, known, np.array(columns)), unrated)


@dataclass(frozen=True)
class Extracted:
    """What is held against norms: activations of all layers, and the texts that they are of."""

    activations: Activations
    texts: Sequence[tuple[str, str]]
    """Emotion and text, one pair per item; a text that a model wrote n times is there n times."""

    @classmethod
    def read(cls, plan: Plan, run: LoggedRun) -> Extracted:
        """Of the finished extraction of a plan.

        Raises
        ------
        TrackingError
            If the run's files are missing or damaged.
        """
        match plan.config.method.name:
            case MethodName.comprehension:
                texts = [(p.emotion, p.text) for p in plan.stimuli.items]
            case MethodName.generation:
                texts = run.tracker.read(run.run_id, "texts.jsonl", _written)
            case method:
                assert_never(method)
        return cls(run.activations, texts)


def _written(path: Path) -> list[tuple[str, str]]:
    """Emotion and text of every item that a model wrote about an emotion."""
    return [
        (str(row["emotion"]), str(row["text"]))
        for row in text_rows(path)
        if row["emotion"] != NEUTRAL and not row.get(LEFT_OUT)
        for _ in range(row["weight"])
    ]


def axes_of(rated: Rated, extracted: Extracted) -> AxesResult:
    """Everything found of the extraction of a plan."""
    config, ratings = rated.plan.config, rated.ratings
    _require_vectors(ratings.emotions, extracted.activations)
    job = config.job.axes
    rdms = _rdms(rated, extracted.activations)
    held, words_rated = _text_values(rated, extracted.texts)
    findings = find_axes(rdms, ratings, held, job.components, job.permutations, config.seed)
    values = dict(zip(ratings.names, ratings.values, strict=True))
    values |= dict(zip(held.names, held.values, strict=True))
    return AxesResult(
        norms=rated.norms.source,
        licence=rated.norms.licence,
        emotions=ratings.emotions,
        unrated=rated.unrated,
        per_emotion=values,
        words_rated=words_rated,
        components=job.components,
        permutations=job.permutations,
        findings=findings,
        plane=circumplex(rdms, ratings, findings, job.components),
    )


def _require_vectors(emotions: Sequence[str], activations: Activations) -> None:
    """Refuse norms of emotions of which every text was left out.

    Raises
    ------
    EmoError
        Naming them.
    """
    if lost := [emotion for emotion in emotions if emotion not in activations.emotions]:
        names = first_of(lost, ", ")
        raise EmoError(
            f"the run has no vector of {names}, because each of their texts names them; more texts "
            "(subparams.topics, subparams.samples), or a list without them (emotions.path)"
        )


def _rdms(rated: Rated, activations: Activations) -> LayerRdms:
    """RDMs of the rated emotions at every layer, by the recipe of the run's vectors."""
    config, emotions = rated.plan.config, rated.ratings.emotions
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    match config.method.name:
        case MethodName.comprehension:
            projected = project(activations, config.vectors.projection.value)
            recipe = Recipe(
                remove=config.vectors.remove.value, estimator=config.method.estimator.value
            )
            return LayerRdms.make(projected, emotions, resampling, recipe)
        case MethodName.generation:
            recipe = replace(recipe_of(config), post_centred=False)
            projected = project(activations, config.vectors.projection.value)
            return LayerRdms.make(projected, emotions, resampling, recipe, story_set)
        case method:
            assert_never(method)


def _text_values(rated: Rated, told: Sequence[tuple[str, str]]) -> tuple[EmotionValues, float]:
    """Text length and lexical valence of each rated emotion, and the share of words that have a norm.

    Only what every emotion has, and has not all alike.
    """
    emotions = rated.ratings.emotions
    labels, texts = zip(*told, strict=True)
    valence = rated.norms.dimension("valence")
    lexical, words_rated = lexical_norm(texts, labels, emotions, valence)
    rows = {"text length": text_length(texts, labels, emotions), LEXICAL: lexical}
    rows = {name: row for name, row in rows.items() if np.ptp(row) > 1e-9 * np.abs(row).max()}
    values = np.array(list(rows.values())).reshape(len(rows), len(emotions))
    return EmotionValues(tuple(rows), emotions, values), words_rated

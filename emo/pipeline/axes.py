"""The emotions of a plan that norms know, and what a geometry shows of their ratings."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

import numpy as np

from emo.core.compare.axes import LEAST_EMOTIONS, LayerRdms, find_axes
from emo.core.compare.axes_result import AxesResult
from emo.core.compare.axis_statistics import EmotionValues
from emo.core.compare.circumplex import circumplex
from emo.core.geometry.item_sets import Recipe
from emo.core.geometry.lexical import lexical_norm, text_length
from emo.core.geometry.projections import project
from emo.core.records import Activations
from emo.core.stats.resampling import Resampling
from emo.errors import ConfigError
from emo.report.runs.axes import LEXICAL
from emo.runs.plan import Plan
from emo.stimuli.norms import Norms

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
    known, columns = norms.of(plan.stimuli.emotions)
    unrated = tuple(e for e in plan.stimuli.emotions if e not in known)
    value = plan.config.norms.path or plan.config.norms.name.value
    parameter = "norms.path" if plan.config.norms.path else "norms"
    if len(known) < LEAST_EMOTIONS:
        allowed = (
            f"norms of at least {LEAST_EMOTIONS} emotions of the passages; these know {len(known)} of "
            f"{len(plan.stimuli.emotions)}"
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


def axes_of(rated: Rated, activations: Activations) -> AxesResult:
    """Everything found of the activations of a plan's passages."""
    config, ratings = rated.plan.config, rated.ratings
    job, vectors = config.job.axes, config.vectors
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    projected = project(activations, vectors.projection.value)
    recipe = Recipe(remove=vectors.remove.value, estimator=config.method.estimator.value)
    rdms = LayerRdms.make(projected, ratings.emotions, resampling, recipe)
    held, words_rated = _text_values(rated)
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


def _text_values(rated: Rated) -> tuple[EmotionValues, float]:
    """Text length and lexical valence of each rated emotion, and the share of words that have a norm.

    Only what every emotion has, and has not all alike.
    """
    items, emotions = rated.plan.stimuli.items, rated.ratings.emotions
    texts, labels = [p.text for p in items], [p.emotion for p in items]
    valence = rated.norms.dimension("valence")
    lexical, words_rated = lexical_norm(texts, labels, emotions, valence)
    rows = {"text length": text_length(texts, labels, emotions), LEXICAL: lexical}
    rows = {name: row for name, row in rows.items() if np.ptp(row) > 1e-9 * np.abs(row).max()}
    values = np.array(list(rows.values())).reshape(len(rows), len(emotions))
    return EmotionValues(tuple(rows), emotions, values), words_rated

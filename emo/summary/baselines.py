"""Models and conditions of a summary beside baselines of the texts that they have read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from emo.config.schema import RunConfig
from emo.core.compare.baselines import Baseline, Baselines, beside_baselines
from emo.core.compare.cross_model import ModelRun
from emo.core.conditions.contrasts import Condition
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.geometry.item_sets import ItemSet, Recipe
from emo.core.geometry.surface import SURFACES, labelled, surface_vectors
from emo.core.records import NEUTRAL, Activations, LabelMismatch, StimulusSet
from emo.core.stats.resampling import Resampling
from emo.errors import ConfigError
from emo.runs.listing import RunListing
from emo.summary.loading import Files, optional, text_rows

log = logging.getLogger(__name__)

Vectors = Callable[[Sequence[str]], np.ndarray]
"""From texts to one vector each."""

SENTENCES = "sentence_embedder"
"""The baseline of the installed package's encoder; a path is that of another encoder."""
WORDS_FILE = "emotion_words.safetensors"


def check_baselines(config: RunConfig) -> None:
    """Refuse a baseline that is none.

    Raises
    ------
    ConfigError
        Naming it, and what is allowed.
    """
    for name in config.job.summarize.baselines:
        if name in SURFACES or name == SENTENCES or _is_folder(config, name):
            continue
        allowed = f"{', '.join([*SURFACES, SENTENCES])}, or the folder of a sentence encoder"
        raise ConfigError("job.summarize.baselines", name, allowed, [*SURFACES, SENTENCES])


def text_baselines(config: RunConfig) -> dict[str, Vectors]:
    """What makes vectors of texts for each configured baseline, by its name in tables."""
    return {
        Path(name).name if "/" in name else name: _vectors(config, name)
        for name in config.job.summarize.baselines
    }


def model_baselines(
    models: Sequence[ModelRun],
    stimuli: StimulusSet,
    texts: Mapping[str, Vectors],
    resampling: Resampling,
) -> Baselines | None:
    """Models beside baselines of the passages; None without models, or where their items differ."""
    if not models:
        return None
    passages, recipe = stimuli.items, models[0].recipe
    situations = tuple(str(p.situation) for p in passages) if stimuli.crossed else None
    labels = tuple(p.id for p in passages), tuple(p.emotion for p in passages), situations
    held = [
        _of_texts(name, make, [p.text for p in passages], labels, recipe)
        for name, make in texts.items()
    ]
    embeddings = [
        None if m.embedding is None else ItemSet.make(m.embedding, 0, m.recipe) for m in models
    ]
    if any(e is not None for e in embeddings):
        if len(models) == 1:
            embeddings = embeddings[:1]
        held.append(Baseline("embedding_layer", tuple(embeddings)))
    try:
        return beside_baselines({m.name: m.items() for m in models}, held, resampling)
    except LabelMismatch as error:
        log.warning("no baselines: %s", error)
        return None


def condition_baselines(
    conditions: Mapping[str, tuple[RunListing, Condition]],
    files: Callable[[RunListing], Files],
    texts: Mapping[str, Vectors],
    resampling: Resampling,
) -> dict[str, Baselines]:
    """Generation conditions of one model, each beside baselines of its own texts, by condition."""
    by_condition = {}
    for name, (run, condition) in conditions.items():
        if run.comprehension:
            continue
        held = _of_condition(run, files(run), condition, texts)
        if not held:
            continue
        try:
            by_condition[name] = beside_baselines({name: condition.items}, held, resampling)
        except LabelMismatch as error:
            log.warning("%s %s: no baselines: %s", run.model, name, error)
    return by_condition


def _of_condition(
    run: RunListing, files: Files, condition: Condition, texts: Mapping[str, Vectors]
) -> list[Baseline]:
    rows = [
        r
        for r in files("texts.jsonl", text_rows)
        if r["emotion"] != NEUTRAL
        for _ in range(r["weight"])
    ]
    prompts = tuple(str(r["prompt_name"]) for r in rows)
    ids = tuple(f"{r['prompt_name']}/{r['sample'] + 1}" for r in rows)
    labels = ids, tuple(str(r["emotion"]) for r in rows), prompts if len(set(prompts)) > 1 else None
    held = [
        _of_texts(name, make, [r["text"] for r in rows], labels, Recipe())
        for name, make in texts.items()
    ]
    words = optional(files, WORDS_FILE)
    if words is not None:
        held.append(Baseline("emotion_words", rdm=_word_rdm(words, condition.items.emotions)))
    return held


def _word_rdm(words: Activations, emotions: Sequence[str]) -> np.ndarray:
    """Cosines of the words' embeddings, centred on their mean."""
    values = words.values[0].astype(np.float64)
    values = values - values.mean(axis=0)
    return upper(cosine_matrix(values[[words.emotions.index(e) for e in emotions]]))


def _of_texts(
    name: str,
    make: Vectors,
    texts: Sequence[str],
    labels: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...] | None],
    recipe: Recipe,
) -> Baseline:
    return Baseline(name, (ItemSet.make(labelled(make(texts), *labels, name), 0, recipe),))


def _vectors(config: RunConfig, name: str) -> Vectors:
    if name in SURFACES:
        return lambda texts: surface_vectors(texts, name)

    def encoded(texts: Sequence[str]) -> np.ndarray:
        from emo.models.sentences import packaged_encoder, sentence_vectors  # loads torch

        weights = config.path(config.paths.weights)
        folder = packaged_encoder(weights) if name == SENTENCES else config.path(name)
        return sentence_vectors(folder, texts)

    return encoded


def _is_folder(config: RunConfig, name: str) -> bool:
    return "/" in name and config.path(name).is_dir()

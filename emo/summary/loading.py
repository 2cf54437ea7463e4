"""Records of the core, read from the files of logged runs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from emo.config.enums import LayerRule
from emo.core.compare.cross_model import ModelRun
from emo.core.conditions.four_layer import Condition
from emo.core.geometry.cosines import finite_layers
from emo.core.geometry.generated import story_set
from emo.core.geometry.item_sets import ItemSet, Recipe
from emo.core.geometry.surface import WORDING, surface_of
from emo.core.records import NEUTRAL, Activations, EmotionVectors
from emo.errors import NotLogged, TrackingError
from emo.files.json_digests import Subject, json_digest
from emo.runs import files as serialise
from emo.runs.listing import RunListing

log = logging.getLogger(__name__)

T = TypeVar("T")


class Files(Protocol):
    """The artifacts of one run."""

    def __call__(self, name: str, reader: Callable[[Path], T], /) -> T:
        """What ``reader`` makes of the artifact ``name``.

        Raises
        ------
        TrackingError
            If it is missing, damaged or cannot be had.
        """
        ...


def model_run(run: RunListing, files: Files, rule: LayerRule) -> ModelRun:
    """A comprehension run at the layer that the rule chooses.

    Raises
    ------
    ValueError
        If the run has no layer by that rule, or that layer is not finite.
    """
    descriptors = files("descriptors.json", serialise.read_descriptors)
    layer = descriptors.layer_by(rule)
    activations = one_layer(files("activations.safetensors", serialise.read_activations), layer)
    if not finite_layers(activations.values, activations.neutral):
        raise ValueError(f"layer {layer} of {run.model} has activations that are not finite")
    vectors = run.config.vectors
    return ModelRun(
        name=run.model,
        run_id=run.run_id,
        model_id=run.tags.get("model_id", "unknown"),
        family=run.tags.get("family", "unknown"),
        variant=run.tags.get("variant", "unknown"),
        precision=run.precision,
        size_b=run.config.model.size_b,
        activations=activations,
        layer=layer,
        descriptors=descriptors,
        recipe=Recipe(remove=vectors.remove.value),
        projection=vectors.projection.value,
        embedding=_embedding(files),
    )


def _embedding(files: Files) -> Activations | None:
    try:
        return files("embedding.safetensors", serialise.read_activations)
    except NotLogged:  # a run of before it was logged
        return None
    except TrackingError as error:
        log.warning("%s; it is summarised without", error)
        return None


def one_layer(activations: Activations, layer: int) -> Activations:
    """The activations of one layer; the memory of the others is freed."""
    one = slice(layer, layer + 1)
    return replace(
        activations,
        values=activations.values[one].copy(),
        neutral=activations.neutral[one].copy(),
    )


def condition(
    run: RunListing, files: Files, name: str, passages: tuple[ItemSet, ...] = ()
) -> Condition:
    """A run as a condition of the four-layer table, at the layer that the condition defines.

    ``passages`` are the surface baselines of the passages that comprehension runs read.

    Raises
    ------
    ValueError
        If that layer is not finite.
    """
    activations = files("activations.safetensors", serialise.read_activations)
    if run.comprehension:
        d = files("descriptors.json", serialise.read_descriptors)
        layer = d.best_layer
        items = ItemSet.make(activations, layer)
        effective = len(activations.item_ids) / len(set(activations.emotions))
        surfaces, texts = passages, ""
    else:
        d = files("generation.json", serialise.read_story_descriptors)
        layer, effective = d.layer, d.n_effective
        items = story_set(activations, layer, Recipe(centring=d.centring, unit_norm=d.unit_norm))
        surfaces, texts = files("texts.jsonl", _written)
    return Condition(
        name=name,
        run_id=run.run_id,
        model=run.model,
        precision=run.precision,
        items=items,
        vectors=_at(files("vectors.safetensors", serialise.read_vectors), layer),
        layer=layer,
        n_effective=effective,
        anisotropy=d.anisotropy,
        surfaces=surfaces,
        texts=texts,
    )


def _written(path: Path) -> tuple[tuple[ItemSet, ...], str]:
    """Surface baselines of the texts of a generation run, and the digest of their token ids."""
    lines = path.read_text("utf-8").split("\n")  # texts may hold other line ends
    rows = [json.loads(line) for line in lines if line]
    ids = sorted((r["prompt_ids"], r["token_ids"]) for r in rows)
    stories = [r for r in rows if r["emotion"] != NEUTRAL for _ in range(r["weight"])]
    names = tuple(f"{r['prompt_name']}/{r['sample']}/{i}" for i, r in enumerate(stories))
    emotions = tuple(r["emotion"] for r in stories)
    surfaces = tuple(
        ItemSet.make(surface_of([r["text"] for r in stories], names, emotions, None, surface), 0)
        for surface in WORDING
    )
    return surfaces, json_digest(Subject.settings, ids)


def _at(vectors: EmotionVectors, layer: int) -> EmotionVectors:
    return replace(vectors, values=vectors.values[layer : layer + 1].copy())

"""What the files of a logged run say, as the records of the core."""

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
from emo.core.geometry.surface import SURFACES, surface_of
from emo.core.records import NEUTRAL, Activations, EmotionVectors
from emo.errors import NotLogged, TrackingError
from emo.files.json_digests import Subject, json_digest
from emo.runs import files as serialise
from emo.runs.listing import LoggedRun

log = logging.getLogger(__name__)

T = TypeVar("T")


class Files(Protocol):
    """The artifacts of one run."""

    def __call__(self, name: str, reader: Callable[[Path], T], /) -> T:
        """What a reader makes of one of them.

        Raises
        ------
        TrackingError
            If it is missing, damaged or cannot be had.
        """
        ...


def model_run(run: LoggedRun, files: Files, rule: LayerRule) -> ModelRun:
    """A comprehension run at the layer the rule names.

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
    size = run.params.get("model.size_b", "None")
    return ModelRun(
        name=run.model,
        run_id=run.run_id,
        model_id=run.tags.get("model_id", "unknown"),
        family=run.tags.get("family", "unknown"),
        variant=run.tags.get("variant", "unknown"),
        precision=run.tags.get("precision", "unknown"),
        size_b=None if size == "None" else float(size),
        activations=activations,
        layer=layer,
        descriptors=descriptors,
        recipe=Recipe(remove=run.params.get("vectors.remove", "none")),
        projection=run.params.get("vectors.projection", "none"),
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
    """Only the one layer; the others' memory is let go."""
    one = slice(layer, layer + 1)
    return replace(
        activations,
        values=activations.values[one].copy(),
        neutral=activations.neutral[one].copy(),
    )


def condition(
    run: LoggedRun, files: Files, name: str, passages: tuple[ItemSet, ...] = ()
) -> Condition:
    """A run as a condition of the four-layer table, at the layer the condition defines.

    ``passages`` are the surface baselines of what comprehension runs have read.

    Raises
    ------
    ValueError
        If that layer is not finite.
    """
    activations = files("activations.safetensors", serialise.read_activations)
    if run.tags.get("method") == "comprehension":
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
        precision=run.tags.get("precision", "unknown"),
        items=items,
        vectors=_at(files("vectors.safetensors", serialise.read_vectors), layer),
        layer=layer,
        n_effective=effective,
        anisotropy=d.anisotropy,
        surfaces=surfaces,
        texts=texts,
    )


def _written(path: Path) -> tuple[tuple[ItemSet, ...], str]:
    """Surface baselines of a generation run's texts, and the digest of their token ids."""
    lines = path.read_text("utf-8").split("\n")  # texts may hold other line ends
    rows = [json.loads(line) for line in lines if line]
    ids = sorted((r["prompt_ids"], r["token_ids"]) for r in rows)
    told = [r for r in rows if r["emotion"] != NEUTRAL for _ in range(r["weight"])]
    names = tuple(f"{r['prompt_name']}/{r['sample']}/{i}" for i, r in enumerate(told))
    emotions = tuple(r["emotion"] for r in told)
    surfaces = tuple(
        ItemSet.make(surface_of([r["text"] for r in told], names, emotions, None, surface), 0)
        for surface in SURFACES
    )
    return surfaces, json_digest(Subject.settings, ids)


def _at(vectors: EmotionVectors, layer: int) -> EmotionVectors:
    return replace(vectors, values=vectors.values[layer : layer + 1].copy())

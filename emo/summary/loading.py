"""Records of the core, read from the files of logged runs."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from emo.config.enums import LayerRule
from emo.core.compare.cross_model import ModelRun
from emo.core.compare.depth import Depth
from emo.core.conditions.four_layer import Condition
from emo.core.geometry.cosines import finite_layers
from emo.core.geometry.generated import story_set
from emo.core.geometry.item_sets import ItemSet, Recipe
from emo.core.geometry.maps import within_span
from emo.core.geometry.surface import WORDING, surface_of
from emo.core.records import NEUTRAL, Activations, Descriptors, EmotionVectors
from emo.core.stats.resampling import Resampling
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


def model_run(
    run: RunListing, files: Files, rule: LayerRule, resampling: Resampling | None = None
) -> ModelRun:
    """A comprehension run at the layer that the rule chooses.

    With ``resampling``, what figures of and comparisons over layers need is kept of the other layers.

    Raises
    ------
    ValueError
        If the run has no layer by that rule, or that layer is not finite.
    """
    descriptors = files("descriptors.json", serialise.read_descriptors)
    layer = descriptors.layer_by(rule)
    whole = files("activations.safetensors", serialise.read_activations)
    activations = one_layer(whole, layer)
    if not finite_layers(activations.values, activations.neutral):
        raise ValueError(f"layer {layer} of {run.model} has activations that are not finite")
    vectors, estimator = run.config.vectors, run.config.method.estimator.value
    recipe = Recipe(remove=vectors.remove.value, estimator=estimator)
    projection = vectors.projection.value
    depth = span = None
    if resampling is not None:
        span = within_span(files("vectors.safetensors", serialise.read_vectors))
        depth = Depth.make(whole, _layers_by_rule(descriptors), recipe, projection, resampling)
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
        recipe=recipe,
        projection=projection,
        embedding=optional(files, "embedding.safetensors"),
        depth=depth,
        span=span,
    )


def _layers_by_rule(descriptors: Descriptors) -> dict[str, int]:
    """The layer by each rule that could choose one."""
    layers = {}
    for rule in LayerRule:
        with contextlib.suppress(ValueError):  # too few passages for that criterion
            layers[rule.value] = descriptors.layer_by(rule)
    return layers


def optional(files: Files, name: str) -> Activations | None:
    """Activations that runs of earlier versions have not logged; None where they cannot be read."""
    try:
        return files(name, serialise.read_activations)
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
    estimator = run.config.method.estimator.value
    if run.comprehension:
        d = files("descriptors.json", serialise.read_descriptors)
        layer = d.best_layer
        items = ItemSet.make(activations, layer, Recipe(estimator=estimator))
        effective = len(activations.item_ids) / len(set(activations.emotions))
        surfaces, texts = passages, ""
    else:
        d = files("generation.json", serialise.read_story_descriptors)
        layer, effective = d.layer, d.n_effective
        recipe = Recipe(centring=d.centring, unit_norm=d.unit_norm, estimator=estimator)
        items = story_set(activations, layer, recipe)
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


def text_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a ``texts.jsonl``."""
    lines = path.read_text("utf-8").split("\n")  # texts may hold other line ends
    return [json.loads(line) for line in lines if line]


def _written(path: Path) -> tuple[tuple[ItemSet, ...], str]:
    """Surface baselines of the texts of a generation run, and the digest of their token ids."""
    rows = text_rows(path)
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

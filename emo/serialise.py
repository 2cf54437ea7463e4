"""Records as files and back: safetensors with labels in the header, JSON, CSV. No pickle."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from emo.core.deviation import AtLayer, PrecisionRow
from emo.core.dose_response import SteeredText, Sweep
from emo.core.equivalence import CURVES, Equivalence, EquivalenceReport
from emo.core.geometry import cosine_matrix
from emo.core.regimes import Limits
from emo.core.resampling import index
from emo.core.steering import TextMeasures
from emo.core.stories import StoryDescriptors
from emo.core.types import Activations, Descriptors, EmotionVectors, LayerChoice, StimulusSet
from emo.csv_files import WRITTEN_HERE, csv_text, no_formula


def _labels(**entries: object) -> dict[str, str]:
    """One header entry: safetensors writes several in any order, and files would differ."""
    return {"labels": json.dumps(entries, ensure_ascii=False)}


def write_vectors(vectors: EmotionVectors, path: Path, **labels: str) -> None:
    """Emotion vectors of all layers: tensor ``vectors`` [layer emotion hidden], float64.

    ``labels`` join those of the vectors in the header.
    """
    save_file(
        {"vectors": np.ascontiguousarray(vectors.values)},
        path,
        metadata=_labels(
            emotions=vectors.emotions,
            n_items=vectors.n_items,
            centring=vectors.centring,
            removed=vectors.removed,
            unit_norm=vectors.unit_norm,
            **labels,
        ),
    )


def read_vectors(path: Path) -> EmotionVectors:
    """What :func:`write_vectors` wrote."""
    tensors, meta = _open(path)
    return EmotionVectors(
        values=tensors["vectors"],
        emotions=tuple(meta["emotions"]),
        n_items=tuple(meta["n_items"]),
        centring=meta["centring"],
        removed=meta["removed"],
        unit_norm=meta.get("unit_norm", False),
    )


def write_activations(activations: Activations, path: Path) -> None:
    """Item-level activations: ``items`` [layer row hidden] and ``neutral`` [layer sentence hidden].

    Items of equal activations (repeats of a greedy text) share a row; the header says which.
    """
    items = activations.values.swapaxes(0, 1)
    digests = [hashlib.sha256(item.tobytes()).hexdigest() for item in items]
    distinct, row_of_item = index(digests)
    first = [digests.index(d) for d in distinct]
    save_file(
        {
            "items": np.ascontiguousarray(activations.values[:, first]),
            "neutral": np.ascontiguousarray(activations.neutral),
        },
        path,
        metadata=_labels(
            item_ids=activations.item_ids,
            emotions=activations.emotions,
            situations=activations.situations,
            position=activations.position,
            row_of_item=row_of_item.tolist(),
        ),
    )


def read_activations(path: Path) -> Activations:
    """What :func:`write_activations` wrote."""
    tensors, meta = _open(path)
    situations, rows = meta["situations"], meta.get("row_of_item")
    return Activations(
        values=tensors["items"] if rows is None else tensors["items"][:, rows],
        item_ids=tuple(meta["item_ids"]),
        emotions=tuple(meta["emotions"]),
        situations=None if situations is None else tuple(situations),
        neutral=tensors["neutral"],
        position=meta["position"],
    )


def _open(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    with safe_open(path, framework="numpy") as file:
        names = file.keys()
        return {name: file.get_tensor(name) for name in names}, json.loads(
            file.metadata()["labels"]
        )


def plain(value: Any) -> Any:
    """Records as JSON values; what is not finite becomes null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (np.integer, np.bool_)):
        return value.item()
    return value


def write_json(value: Any, path: Path) -> None:
    """A record as indented JSON."""
    path.write_text(json.dumps(plain(value), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_descriptors(path: Path) -> Descriptors:
    """Descriptors as :func:`write_json` wrote them; null entries of curves are NaN."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["curves"] = {
        name: np.array([np.nan if v is None else v for v in curve], dtype=np.float64)
        for name, curve in raw["curves"].items()
    }
    raw["choices"] = {
        name: None
        if c is None
        else LayerChoice(**(c | {"share": math.nan if c["share"] is None else c["share"]}))
        for name, c in raw["choices"].items()
    }
    for name in ("nearest", "farthest", "finite_layers"):
        raw[name] = tuple(raw[name])
    return Descriptors(**raw)


def read_story_descriptors(path: Path) -> StoryDescriptors:
    """What :func:`write_json` wrote of a generation run; null entries of curves are NaN."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["curves"] = {
        name: np.array([np.nan if v is None else v for v in curve], dtype=np.float64)
        for name, curve in raw["curves"].items()
    }
    for name in ("nearest", "farthest", "finite_layers"):
        raw[name] = tuple(raw[name])
    return StoryDescriptors(**raw)


def read_equivalence(path: Path) -> EquivalenceReport:
    """A report as :func:`write_json` wrote it; null entries of curves are NaN."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    for name, e in raw["compared"].items():
        for curve in CURVES:
            e[curve] = np.array([np.nan if v is None else v for v in e[curve]], dtype=np.float64)
        for mask in ("finite", "same_gaps"):
            e[mask] = np.array(e[mask], dtype=bool)
        raw["compared"][name] = Equivalence(**e)
    return EquivalenceReport(**raw)


def read_precisions(path: Path) -> tuple[PrecisionRow, ...]:
    """Rows of a precision table as :func:`write_json` wrote them."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        PrecisionRow(
            **{
                **raw,
                "non_finite_layers": tuple(raw["non_finite_layers"]),
                "at": {where: AtLayer(**at) for where, at in raw["at"].items()},
            }
        )
        for raw in rows
    )


def read_steering(path: Path) -> Sweep:
    """A sweep as :func:`write_json` wrote it; null measures are NaN."""
    raw = json.loads(path.read_text(encoding="utf-8"))

    def measures(found: dict[str, Any]) -> TextMeasures:
        known: dict[str, Any] = {k: math.nan if v is None else v for k, v in found.items()}
        return TextMeasures(**known)

    steered = tuple(
        SteeredText(
            **t | {name: measures(t[name]) for name in ("measures", "unsteered")},
        )
        for t in raw["steered"]
    )
    sampled = {name: tuple(texts) for name, texts in raw["sampled"].items()}
    fresh = {"steered": steered, "sampled": sampled, "limits": Limits(**raw["limits"])}
    fresh["alike"] = tuple(raw.get("alike", ()))
    return Sweep(**raw | fresh)


def rdm_csv(vectors: EmotionVectors, layer: int) -> str:
    """The square cosine matrix at a layer, with labels."""
    cosines = cosine_matrix(vectors.values[layer])
    rows = [[name, *map(float, row)] for name, row in zip(vectors.emotions, cosines, strict=True)]
    return csv_text(["emotion", *vectors.emotions], rows)


def stimuli_csv(stimuli: StimulusSet) -> str:
    """The passages in a form that they can be loaded from again, to the same digest.

    Every text is in quotes, so that none is taken for a comment. Where one would be a formula in a
    spreadsheet, a first line says how it was written.
    """
    crossed = stimuli.crossed
    head = ["emotion", "passage_id", "text"] + ["situation"] * crossed
    rows = [[p.emotion, p.id, p.text] + [str(p.situation)] * crossed for p in stimuli.items]
    marked = any(no_formula(cell) != cell for row in rows for cell in row)
    return f"# {WRITTEN_HERE}\n" * marked + csv_text(head, rows, quoted=True)

"""Records as files and back: safetensors with labels in the header, JSON, CSV. No pickle."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors.numpy import save

from emo.core.compare.precision import PrecisionRow
from emo.core.compare.readers import EquivalenceReport
from emo.core.geometry.cosines import cosine_matrix
from emo.core.geometry.generated import StoryDescriptors
from emo.core.records import Activations, Descriptors, EmotionVectors, StimulusSet
from emo.core.stats.resampling import index
from emo.core.steering.dose_response import Sweep
from emo.files.csv_files import WRITTEN_HERE, csv_text, no_formula
from emo.files.plain_records import from_plain, plain
from emo.files.reading import reads, record_of, tensors_of

T = TypeVar("T")


@dataclass(frozen=True)
class _VectorLabels:
    """What the header of a file of vectors says of them; a file says more of where it comes from."""

    emotions: tuple[str, ...]
    n_items: tuple[int, ...]
    centring: str
    removed: str
    unit_norm: bool = False


@dataclass(frozen=True)
class _ItemLabels:
    """What the header of a file of activations says of them."""

    item_ids: tuple[str, ...]
    emotions: tuple[str, ...]
    situations: tuple[str, ...] | None
    position: str
    row_of_item: tuple[int, ...] | None = None
    """Where the items of equal activations are; None where each has a row of its own."""


def _write(tensors: dict[str, np.ndarray], path: Path, labels: dict[str, str]) -> None:
    """Not ``save_file``: its files are for their owner alone, whatever the umask says.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path.write_bytes(save({name: np.ascontiguousarray(t) for name, t in tensors.items()}, labels))


def _labels(**entries: object) -> dict[str, str]:
    """One header entry: safetensors writes several in any order, and files would differ."""
    return {"labels": json.dumps(entries, ensure_ascii=False)}


def write_vectors(vectors: EmotionVectors, path: Path, **labels: str) -> None:
    """Emotion vectors of all layers: tensor ``vectors`` [layer emotion hidden], float64.

    ``labels`` join those of the vectors in the header.
    """
    _write(
        {"vectors": vectors.values},
        path,
        _labels(
            emotions=vectors.emotions,
            n_items=vectors.n_items,
            centring=vectors.centring,
            removed=vectors.removed,
            unit_norm=vectors.unit_norm,
            **labels,
        ),
    )


@reads
def read_vectors(path: Path) -> EmotionVectors:
    """What :func:`write_vectors` wrote.

    Raises
    ------
    DamagedFile
        If it is something else.
    """
    tensors, header = tensors_of(path)
    labels = _read_labels(_VectorLabels, header)
    if len(labels.n_items) != len(labels.emotions):
        raise ValueError(f"{len(labels.n_items)} numbers of items, {len(labels.emotions)} emotions")
    values = _layers(tensors, "vectors", np.float64)
    return EmotionVectors(values, **vars(labels))


def write_activations(activations: Activations, path: Path) -> None:
    """Item-level activations: ``items`` [layer row hidden] and ``neutral`` [layer sentence hidden].

    Items of equal activations (repeats of a greedy text) share a row; the header says which.
    """
    items = activations.values.swapaxes(0, 1)
    digests = [hashlib.sha256(item.tobytes()).hexdigest() for item in items]
    distinct, row_of_item = index(digests)
    first = [digests.index(d) for d in distinct]
    _write(
        {"items": activations.values[:, first], "neutral": activations.neutral},
        path,
        _labels(
            item_ids=activations.item_ids,
            emotions=activations.emotions,
            situations=activations.situations,
            position=activations.position,
            row_of_item=row_of_item.tolist(),
        ),
    )


@reads
def read_activations(path: Path) -> Activations:
    """What :func:`write_activations` wrote.

    Raises
    ------
    DamagedFile
        If it is something else.
    """
    tensors, header = tensors_of(path)
    labels = _read_labels(_ItemLabels, header)
    items = _layers(tensors, "items", np.float32)
    neutral = _layers(tensors, "neutral", np.float32)
    if items.shape[::2] != neutral.shape[::2]:
        raise ValueError("items and neutral sentences have other layers or dimensions")
    if labels.row_of_item is not None:
        if not all(0 <= row < items.shape[1] for row in labels.row_of_item):
            raise ValueError("a row of an item is not there")
        items = items[:, list(labels.row_of_item)]
    return Activations(
        values=items,
        item_ids=labels.item_ids,
        emotions=labels.emotions,
        situations=labels.situations,
        neutral=neutral,
        position=labels.position,
    )


def _read_labels(kind: type[T], header: Mapping[str, Any]) -> T:
    known = {f.name for f in dataclasses.fields(kind)}  # pyright: ignore[reportArgumentType]
    return from_plain(kind, {name: value for name, value in header.items() if name in known})


def _layers(tensors: Mapping[str, np.ndarray], name: str, dtype: type) -> np.ndarray:
    """A tensor [layer row hidden]."""
    values = tensors[name]
    if values.ndim != 3 or values.dtype != dtype:
        raise ValueError(f"tensor {name} has {values.ndim} axes of {values.dtype}")
    return values


def write_json(value: Any, path: Path) -> None:
    """A record as indented JSON."""
    path.write_text(json.dumps(plain(value), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@reads
def read_descriptors(path: Path) -> Descriptors:
    """Descriptors as :func:`write_json` wrote them; null entries of curves are NaN.

    Raises
    ------
    DamagedFile
        If the file holds something else. So do all readers below.
    """
    read: Descriptors = record_of(Descriptors, path)
    choices = [c.layer for c in read.choices.values() if c is not None]
    _require_layers(read.n_layers, [read.best_layer, *choices, *read.finite_layers])
    return read


@reads
def read_story_descriptors(path: Path) -> StoryDescriptors:
    """What :func:`write_json` wrote of a generation run; null entries of curves are NaN."""
    read: StoryDescriptors = record_of(StoryDescriptors, path)
    _require_layers(read.n_layers, [read.layer, *read.finite_layers])
    return read


def _require_layers(n_layers: int, layers: list[int]) -> None:
    for layer in layers:
        if not 0 <= layer < n_layers:
            raise ValueError(f"layer {layer} of {n_layers}")


def read_equivalence(path: Path) -> EquivalenceReport:
    """A report as :func:`write_json` wrote it; null entries of curves are NaN."""
    return record_of(EquivalenceReport, path)


def read_precisions(path: Path) -> tuple[PrecisionRow, ...]:
    """Rows of a precision table as :func:`write_json` wrote them."""
    return record_of(tuple[PrecisionRow, ...], path)


def read_steering(path: Path) -> Sweep:
    """A sweep as :func:`write_json` wrote it; null measures are NaN."""
    return record_of(Sweep, path)


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

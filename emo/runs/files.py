"""Records as files and back: safetensors with labels in the header, JSON, CSV. No pickle."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from emo.core.choices import DEFAULT_ESTIMATOR
from emo.core.compare.precision import PrecisionRow
from emo.core.compare.readers import EquivalenceReport
from emo.core.frames import ResidualFrame
from emo.core.geometry.cosines import cosine_matrix
from emo.core.geometry.generated import StoryDescriptors
from emo.core.records import Activations, Descriptors, EmotionVectors, StimulusSet
from emo.core.stats.resampling import index
from emo.core.steering.dose_response import DoseSweep
from emo.files.csv_files import WRITTEN_HERE, csv_text, no_formula, write_csv
from emo.files.plain_records import from_plain, plain
from emo.files.reading import reads, record_of, tensors_of
from emo.files.tensors import write_tensors
from emo.stimuli.exchange import as_in_the_file

T = TypeVar("T")


@dataclass(frozen=True)
class _VectorLabels:
    """Labels in the header of a file of vectors; the header also says where the file comes from."""

    emotions: tuple[str, ...]
    n_items: tuple[int, ...]
    centring: str
    removed: str
    unit_norm: bool = False
    estimator: str = DEFAULT_ESTIMATOR


_VECTOR_LABELS = tuple(field.name for field in fields(_VectorLabels))


@dataclass(frozen=True)
class _ItemLabels:
    """Labels in the header of a file of activations."""

    item_ids: tuple[str, ...]
    emotions: tuple[str, ...]
    situations: tuple[str, ...] | None
    position: str
    row_of_item: tuple[int, ...] | None = None
    """The row of each item, since equal activations share a row; None if each item has its own row."""


def _labels(**entries: object) -> dict[str, str]:
    """The one entry of the header: safetensors writes several in any order, so files would differ."""
    return {"labels": json.dumps(entries, ensure_ascii=False)}


def write_vectors(vectors: EmotionVectors, path: Path, **labels: str) -> None:
    """Write emotion vectors of all layers: tensor ``vectors`` [layer emotion hidden], float64.

    The tensors of their frame have the names of its fields: ``centre`` [layer hidden], ``norm`` [layer],
    and of a projection ``shift``, ``scale`` and ``axes``. ``labels`` are added to the labels of the
    vectors in the header, which stand where both name one.
    """
    frame = {} if vectors.frame is None else vars(vectors.frame)
    write_tensors(
        path,
        {"vectors": vectors.values, **{k: v for k, v in frame.items() if v is not None}},
        _labels(**labels | {name: getattr(vectors, name) for name in _VECTOR_LABELS}),
    )


@reads
def read_vectors(path: Path) -> EmotionVectors:
    """The emotion vectors that :func:`write_vectors` wrote.

    Raises
    ------
    DamagedFile
        If the file holds something else.
    """
    tensors, header = tensors_of(path)
    labels = _read_labels(_VectorLabels, header)
    if len(labels.n_items) != len(labels.emotions):
        raise ValueError(f"{len(labels.n_items)} numbers of items, {len(labels.emotions)} emotions")
    values = _layers(tensors, "vectors", np.float64)
    return EmotionVectors(values, **vars(labels), frame=_frame(tensors, values))


def _frame(tensors: Mapping[str, np.ndarray], values: np.ndarray) -> ResidualFrame | None:
    """The frame beside the vectors; None in a file of a run logged before there was any."""
    if "centre" not in tensors:
        return None
    n_layers, _, hidden = values.shape
    shapes = {"centre": (n_layers, hidden), "norm": (n_layers,)}
    if "axes" in tensors:
        axes = _layers(tensors, "axes", np.float64)
        shapes |= {"shift": (n_layers, hidden), "scale": (n_layers, hidden)}
        shapes["axes"] = (n_layers, axes.shape[1], hidden)
    for name, shape in shapes.items():
        if tensors[name].shape != shape or tensors[name].dtype != np.float64:
            raise ValueError(f"tensor {name} is not float64 of {shape}")
    return ResidualFrame(**{name: tensors[name] for name in shapes})


def write_activations(activations: Activations, path: Path) -> None:
    """Write activations per item: ``items`` [layer row hidden], ``neutral`` [layer sentence hidden].

    Items with equal activations (repeats of a greedy text) share a row; the header names the rows.
    """
    items = activations.values.swapaxes(0, 1)
    rows, row_of_item = index([hashlib.sha256(item.tobytes()).hexdigest() for item in items])
    values = activations.values
    if len(rows) < len(items):
        values = values[:, np.unique(row_of_item, return_index=True)[1]]
    write_tensors(
        path,
        {"items": values, "neutral": activations.neutral},
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
    """The activations that :func:`write_activations` wrote.

    Raises
    ------
    DamagedFile
        If the file holds something else.
    """
    tensors, header = tensors_of(path)
    labels = _read_labels(_ItemLabels, header)
    items = _layers(tensors, "items", np.float32)
    neutral = _layers(tensors, "neutral", np.float32)
    if items.shape[::2] != neutral.shape[::2]:
        raise ValueError("items and neutral sentences have other layers or dimensions")
    if labels.row_of_item is not None:
        if not all(0 <= row < items.shape[1] for row in labels.row_of_item):
            raise ValueError("the row of an item does not exist")
        if labels.row_of_item != tuple(range(items.shape[1])):
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
    """Write a record as indented JSON."""
    path.write_text(json.dumps(plain(value), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@reads
def read_descriptors(path: Path) -> Descriptors:
    """The descriptors that :func:`write_json` wrote; null entries of curves become NaN.

    Raises
    ------
    DamagedFile
        If the file holds something else.
    """
    read: Descriptors = record_of(Descriptors, path)
    choices = [c.layer for c in read.choices.values() if c is not None]
    _require_layers(read.n_layers, [read.best_layer, *choices, *read.finite_layers])
    return read


@reads
def read_story_descriptors(path: Path) -> StoryDescriptors:
    """The descriptors of a generation run, as :func:`read_descriptors` reads those of comprehension."""
    read: StoryDescriptors = record_of(StoryDescriptors, path)
    _require_layers(read.n_layers, [read.layer, *read.finite_layers])
    return read


def _require_layers(n_layers: int, layers: list[int]) -> None:
    for layer in layers:
        if not 0 <= layer < n_layers:
            raise ValueError(f"layer {layer} of {n_layers}")


def read_equivalence(path: Path) -> EquivalenceReport:
    """The equivalence report in a JSON file; null entries of curves become NaN."""
    return record_of(EquivalenceReport, path)


def read_precisions(path: Path) -> tuple[PrecisionRow, ...]:
    """The rows of the precision table in a JSON file."""
    return record_of(tuple[PrecisionRow, ...], path)


def read_steering(path: Path) -> DoseSweep:
    """The steering sweep in a JSON file; null measures become NaN."""
    return record_of(DoseSweep, path)


def rdm_csv(vectors: EmotionVectors, layer: int) -> str:
    """The square matrix of cosines at a layer, with labels, as CSV."""
    cosines = cosine_matrix(vectors.values[layer])
    rows = [[name, *map(float, row)] for name, row in zip(vectors.emotions, cosines, strict=True)]
    return csv_text(["emotion", *vectors.emotions], rows)


def write_stimuli(stimuli: StimulusSet, path: Path) -> None:
    """Write the passages as a CSV file from which they can be loaded again, with the same digest.

    Every text is in quotes, so that no text is read as a comment. If a text would be a formula in a
    spreadsheet, the first line says how texts are written.
    """
    stimuli = as_in_the_file(stimuli)
    crossed = stimuli.crossed
    head = ["emotion", "passage_id", "text"] + ["situation"] * crossed

    def rows() -> Iterator[list[str]]:
        for p in stimuli.items:
            yield [p.emotion, p.id, p.text] + [str(p.situation)] * crossed

    marked = any(no_formula(cell) != cell for row in rows() for cell in row)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {WRITTEN_HERE}\n" * marked)
        write_csv(file, head, rows(), quoted=True)

"""Vectors that other programs wrote: repeng and llama.cpp (GGUF), steering-vectors (torch), npz.

Nothing in a file is run: npz is read without pickle, torch files with ``weights_only=True``, in which
the one class of steering-vectors is replaced by a plain holder.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

EMOTION_KEY = "controlvector.emotion"
"""Where an exported control vector says its emotion; other programs write no such key."""
STEERING_CLASS = "steering_vectors.steering_vector.SteeringVector"
Directions = Mapping[int, np.ndarray]
"""By the number of the decoder block, from 0, what is added to its output [hidden]."""


class Malformed(ValueError):
    """A file that does not hold vectors in a form that is known; the message says why."""


@dataclass(frozen=True)
class ForeignVectors:
    """Vectors with labels, as they stand in a file or a folder."""

    directions: dict[str, Directions]
    """By label."""
    format: str
    """gguf, torch or npz."""


@dataclass(frozen=True)
class ImportedSet:
    """What a file of vectors holds, as a run of job=import tells it."""

    file: str
    format: str
    sha256: str
    emotions: tuple[str, ...]
    layers: tuple[int, ...]
    """The blocks that every emotion has a vector for."""
    n_layers: int
    """The model's."""
    hidden: int
    mean_cosine: tuple[float, ...]
    """Of all pairs of vectors at every layer; NaN with one emotion, and where a vector is missing."""
    centre: str
    """Where tokens are read from: the file's own centre, or the neutral sentences'."""


def digest_of(path: Path) -> str:
    """sha256 of a file, or of the names and contents of a folder's control vectors."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else _control_vectors(path):
        digest.update(f"{file.name if path.is_dir() else ''}\x1f".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def read_foreign(path: Path) -> ForeignVectors:
    """The vectors of a .gguf, .npz, .pt, .pth or .bin file, or of a folder of .gguf files.

    Raises
    ------
    Malformed
        If the file is none of these, or its content is wrong.
    """
    if path.is_dir():
        return _folder(path)
    if path.suffix not in READERS:
        known = ", ".join(sorted(READERS))
        raise Malformed(f"is of no known kind: {known}, .safetensors, or a folder of .gguf files")
    if not path.is_file():
        raise Malformed("is no file")
    name, reader = READERS[path.suffix]
    try:
        return ForeignVectors(reader(path), name)
    except Malformed:
        raise
    except Exception as error:  # what the readers of three formats raise at damaged bytes
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise Malformed(f"cannot be read as {name}: {reason}") from error


def _folder(path: Path) -> ForeignVectors:
    files = _control_vectors(path)
    if not files:
        raise Malformed("is a folder without .gguf files")
    found: dict[str, Directions] = {}
    for file in files:
        for label, directions in read_foreign(file).directions.items():
            if label in found:
                raise Malformed(f"holds two vectors that are called {label}")
            found[label] = directions
    return ForeignVectors(found, "gguf")


def _control_vectors(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if file.suffix == ".gguf" and file.is_file())


def _gguf(path: Path) -> dict[str, Directions]:
    from gguf import GGUFReader

    reader = GGUFReader(path)
    kind = _field(reader, "general.architecture")
    if kind != "controlvector":
        raise Malformed(f"is a GGUF file of {kind or 'nothing named'}, not of a control vector")
    directions = {}
    for tensor in reader.tensors:
        number = re.fullmatch(r"direction\.(\d{1,5})", tensor.name)
        if number is None:
            raise Malformed(f"has a tensor {tensor.name!r} where only direction.N is known")
        directions[int(number[1])] = np.array(tensor.data, dtype=np.float64)
    return {_field(reader, EMOTION_KEY) or path.name.removesuffix(".gguf"): directions}


def _field(reader: Any, name: str) -> str:
    field = reader.fields.get(name)
    return "" if field is None else str(field.contents())


def _npz(path: Path) -> dict[str, Directions]:
    with path.open("rb") as opened:
        file = np.load(opened, allow_pickle=False)
        if not hasattr(file, "files"):
            raise Malformed("is a single array; an npz file with labels is needed")
        arrays = {name: file[name] for name in file.files}
    if "vectors" not in arrays:
        layers = arrays.pop("layers", None)
        return {name: _stacked(values, layers) for name, values in arrays.items()}
    values, labels = arrays["vectors"], arrays.get("emotions")
    if labels is None or labels.dtype.kind != "U" or values.ndim != 3:
        raise Malformed("has vectors [layer emotion hidden] only with emotions, a text for each")
    if labels.shape != values.shape[1:2]:
        raise Malformed(f"has {labels.size} emotions for {values.shape[1]} vectors per layer")
    names = [str(label) for label in labels]
    if len(set(names)) < len(names):
        raise Malformed("has an emotion twice")
    layers = arrays.get("layers")
    return {name: _stacked(values[:, i], layers) for i, name in enumerate(names)}


def _stacked(values: np.ndarray, layers: np.ndarray | None) -> Directions:
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise Malformed(
            f"has an array of {values.ndim} axes of {values.dtype}; [layer hidden] is needed"
        )
    numbers = range(len(values)) if layers is None else layers.tolist()
    if len(set(numbers)) != len(values) or not all(type(n) is int for n in numbers):
        raise Malformed("has layers that are not a different whole number for every row")
    return {int(n): row.astype(np.float64) for n, row in zip(numbers, values, strict=True)}


class _SteeringVector:
    """Takes the place of the class of steering-vectors: it holds what the file holds."""

    layer_activations: Any = None
    layer_type: Any = "decoder_block"


def _torch(path: Path) -> dict[str, Directions]:
    import torch

    # The pair names the class that the file asks for; torch's type of the list knows classes alone.
    holders: Any = [(_SteeringVector, STEERING_CLASS)]
    with torch.serialization.safe_globals(holders), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the protocol of a damaged file
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:  # torch would advise to trust the file
            raise Malformed(
                "cannot be read as torch: damaged, or with objects besides tensors, which are not loaded"
            ) from None
    whole = _of_layers(content)
    if whole is not None:
        return {path.stem: whole}
    if not isinstance(content, dict) or not content:
        raise Malformed("holds no steering vector, and no dictionary of them by label")
    found = {str(label): _of_layers(value) for label, value in content.items()}
    if wrong := next((label for label, value in found.items() if value is None), None):
        raise Malformed(f"has under {wrong!r} no tensor per layer")
    return {label: value for label, value in found.items() if value is not None}


def _of_layers(value: Any) -> Directions | None:
    """The tensors by layer that a value is, or holds; None if it is something else."""
    kind = "decoder_block"
    if isinstance(value, _SteeringVector):
        value, kind = value.layer_activations, value.layer_type
    elif isinstance(value, dict) and "layer_activations" in value:
        value, kind = value["layer_activations"], value.get("layer_type", kind)
    if kind != "decoder_block":
        raise Malformed(
            f"is of layer type {kind}; only decoder_block, the residual stream, is known"
        )
    if not isinstance(value, dict) or not value:
        return None
    if not all(type(n) is int and hasattr(t, "detach") for n, t in value.items()):
        return None
    return {n: t.detach().to("cpu").double().numpy() for n, t in value.items()}


READERS: dict[str, tuple[str, Callable[[Path], dict[str, Directions]]]] = {
    ".gguf": ("gguf", _gguf),
    ".npz": ("npz", _npz),
    ".pt": ("torch", _torch),
    ".pth": ("torch", _torch),
    ".bin": ("torch", _torch),
}
"""By the ending of a file: the format's name, and what reads it."""


def arranged(directions: Mapping[str, Directions], n_layers: int, hidden: int) -> np.ndarray:
    """The vectors [layer emotion hidden] of a model of this shape; NaN where a file has no layer.

    Raises
    ------
    Malformed
        If a layer or a width is none of the model's, or a vector is zero or not finite.
    """
    values = np.full((n_layers, len(directions), hidden), np.nan)
    for place, (label, layers) in enumerate(directions.items()):
        if not layers:
            raise Malformed(f"has no direction for {label}")
        for layer, row in layers.items():
            if not 0 <= layer < n_layers:
                raise Malformed(
                    f"has a direction for block {layer} of {label}; the model has {n_layers}"
                )
            if row.shape != (hidden,):
                raise Malformed(
                    f"has directions of shape {row.shape} for {label}; the model's width is {hidden}"
                )
            if not np.isfinite(row).all() or not row.any():
                raise Malformed(
                    f"has a direction that is zero or not finite: block {layer} of {label}"
                )
            values[layer, place] = row
    return values

"""Emotion vectors as objects of other steering libraries, and the length that they are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from emo.api.checks import one_of, place, whole
from emo.config.enums import ExportScale
from emo.errors import ConfigError, EmoError, value_text

if TYPE_CHECKING:
    from emo.api.geometry import RunVectors
    from emo.runs.logged import LoggedRun


def run_of(vectors: RunVectors) -> LoggedRun:
    """The run whose vectors these are.

    Raises
    ------
    EmoError
        If they are of no run.
    """
    if vectors.run is None:
        raise EmoError("these vectors are of no run; take those of emo.load_run")
    return vectors.run


def neutral_norms(vectors: RunVectors) -> Float64[np.ndarray, " layer"]:
    """Mean norm of the neutral sentences' residual stream at each layer."""
    if vectors.frame is not None:
        return vectors.frame.norm
    neutral = run_of(vectors).activations.neutral.astype(np.float64)
    return np.linalg.norm(neutral, axis=-1).mean(axis=1)


def directions(
    vectors: RunVectors, emotion: str, layers: Sequence[int], scale: str
) -> Float64[np.ndarray, "layer hidden"]:
    """One vector per layer, of length 1 or of the length of a neutral sentence's residual stream.

    Raises
    ------
    EmoError
        If there is no such emotion or scale, or a vector has no direction.
    """
    rows = vectors.values[list(layers), place("emotion", emotion, vectors.emotions)]
    one_of("scale", scale, [s.value for s in ExportScale])
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    if not (np.isfinite(length).all() and length.all()):
        bad = [layer for layer, n in zip(layers, length[:, 0], strict=True) if not 0 < n < np.inf]
        raise EmoError(
            f"emotion={value_text(emotion)}: no direction at layers {', '.join(map(str, bad))} (not "
            "finite, or zero)"
        )
    unit = rows / length
    return unit * neutral_norms(vectors)[list(layers), None] if scale == "residual" else unit


def to_repeng(vectors: RunVectors, emotion: str, scale: str) -> Any:
    """See :meth:`emo.api.geometry.RunVectors.to_repeng`."""
    layers = range(len(vectors.values))
    rows = directions(vectors, emotion, layers, scale).astype(np.float32)
    try:
        from repeng import ControlVector  # pyright: ignore[reportMissingImports]
    except (ImportError, AttributeError) as error:  # repeng 0.4 asks for names of numpy 1
        raise _missing("to_repeng", "repeng", error) from None
    family = run_of(vectors).tags.get("family", "unknown").lower()
    return ControlVector(model_type=family, directions=dict(zip(layers, rows, strict=True)))


def to_steering_vectors(
    vectors: RunVectors, emotion: str, layers: Sequence[int] | None, scale: str
) -> Any:
    """See :meth:`emo.api.geometry.RunVectors.to_steering_vectors`."""
    wanted = _layers(layers, vectors)
    rows = directions(vectors, emotion, wanted, scale).astype(np.float32)
    try:
        from steering_vectors import SteeringVector  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise _missing("to_steering_vectors", "steering-vectors", error) from None
    import torch

    tensors = {layer: torch.from_numpy(row) for layer, row in zip(wanted, rows.copy(), strict=True)}
    return SteeringVector(tensors, "decoder_block")


def _layers(layers: Sequence[int] | None, vectors: RunVectors) -> list[int]:
    if layers is None:
        return [run_of(vectors).best_layer]
    if isinstance(layers, str) or not isinstance(layers, Sequence) or not layers:
        raise ConfigError("layers", layers, "None, or a list of layers")
    return [whole("layers", layer, 0, len(vectors.values) - 1) for layer in layers]


def _missing(call: str, package: str, error: Exception) -> EmoError:
    """The error about a package that cannot be imported."""
    module = package.replace("-", "_")
    if isinstance(error, ImportError) and error.name == module:
        return EmoError(f"{call}: the package {package} is missing; pip install {package}")
    hint = "; job=export job.export.format=repeng writes files for it" if module == "repeng" else ""
    return EmoError(f"{call}: the package {package} cannot be imported here ({error}){hint}")

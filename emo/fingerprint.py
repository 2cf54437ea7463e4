"""What identifies a run: everything that can change a number, and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from emo.config import BackendName, Projection, Readout, RunConfig, Source, canonical
from emo.models.weights import Weights

PROTOCOL_VERSION = 1
"""Raised when the computation changes; older store entries and runs are then not reused."""


def reader_identity(config: RunConfig, weights: Weights, device: str) -> dict[str, Any]:
    """What decides an activation besides the text; names the store entry.

    The device type is part of it (kernels differ between CPU and GPU), batch size is not:
    eager attention with right padding is within rounding (cosine >= 0.999999
    in fp32) of itself at every batch size, to the bit on one CPU thread. Batched INT8
    is the exception, and then it is.
    """
    packaged_or_tiny = config.model.source is not Source.hub
    backend = config.backend
    return {
        "protocol": PROTOCOL_VERSION,
        "model": config.model.source.value if packaged_or_tiny else weights.id,
        "revision": weights.revision,
        "backend": backend.name.value,
        **(
            {"implementation": backend.implementation.value}
            if backend.name is BackendName.tl
            else {}
        ),
        "attention": backend.attention.value,
        "device": device,
        "precision": precision_identity(config),
    }


def precision_identity(config: RunConfig) -> dict[str, Any]:
    """What of the precision can change a number; batch size only where numbers depend on it."""
    identity = config.precision.settings()
    if config.precision.batched:
        identity["batch_size"] = config.backend.batch_size
    return identity


def run_identity(
    config: RunConfig, weights: Weights, device: str, stimuli_sha256: str
) -> dict[str, Any]:
    """Everything that can change a number of an extraction run."""
    method = canonical(config.method)
    if config.method.readout is not Readout.suffix:
        del method["suffix"]
    vectors = canonical(config.vectors)
    if config.vectors.projection is Projection.none:  # as runs were named before there were any
        del vectors["projection"]
    return {
        "reader": reader_identity(config, weights, device),
        "method": method,
        "vectors": vectors,
        "resampling": canonical(config.resampling),
        "stimuli": stimuli_sha256,
        "seed": config.seed,
    }


def equivalence_identity(
    config: RunConfig, weights: Weights, device: str, stimuli_sha256: str
) -> dict[str, Any]:
    """Everything that can change a number of job=equivalence, which reads all backends."""
    identity = run_identity(config, weights, device, stimuli_sha256)
    names = ("reader", "method", "vectors", "stimuli")  # nothing is drawn at random
    return {"job": "equivalence", **{name: identity[name] for name in names}}


def fingerprint(identity: dict[str, Any]) -> str:
    """sha256 of the canonical JSON of an identity."""
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

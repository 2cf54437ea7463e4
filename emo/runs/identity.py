"""What identifies a run: everything that can change a number, and nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from emo.config import vector_settings
from emo.config.enums import BackendName, Source
from emo.config.precisions import REFERENCE
from emo.config.schema import RunConfig, canonical
from emo.generation import protocols
from emo.models.weights import Weights
from emo.runs.versions import (
    ABLATION_VERSION,
    INT8_READING,
    PROTOCOL_VERSION,
    STUDY_VERSION,
    TEXT_VERSION,
)


def reader_identity(config: RunConfig, weights: Weights, device: str) -> dict[str, Any]:
    """What decides an activation besides the text; names the store entry.

    The device type is part of it (kernels differ between CPU and GPU), batch size is not: eager
    attention with right padding is within rounding (cosine >= 0.999999 in fp32) of itself at every
    batch size. Batched INT8 is the exception, and then it is.
    """
    packaged_or_tiny = config.model.source is not Source.hub
    backend = config.backend
    return {
        "protocol": PROTOCOL_VERSION,
        "model": config.model.source.value if packaged_or_tiny else weights.origin,
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
        **({} if config.precision.causal else {"int8_reading": INT8_READING}),
    }


def precision_identity(config: RunConfig) -> dict[str, Any]:
    """What of the precision can change a number; batch size only where numbers depend on it."""
    identity = config.precision.settings()
    if config.precision.batched:
        identity["batch_size"] = config.backend.batch_size
    return identity


def text_identity(config: RunConfig, weights: Weights, device: str) -> dict[str, Any]:
    """What decides a generated text besides prompt, decoding and batch; names its store.

    Texts are written by transformers, whatever backend reads them.
    """
    reader = reader_identity(config, weights, device)
    names = ("protocol", "model", "revision", "attention", "device")
    return {
        "texts": TEXT_VERSION,
        **{name: reader[name] for name in names},
        "precision": config.precision.settings(),
    }


def story_identity(
    config: RunConfig, weights: Weights, device: str, stimuli_sha256: str, prompts_sha256: str
) -> dict[str, Any]:
    """Everything that can change a number of a generation run."""
    text_config = config.text_config()
    return {
        "reader": reader_identity(config, weights, device),
        "method": "generation",
        "subparams": protocols.identity(config.subparams),
        "texts": text_identity(text_config, weights, device),
        # In fp32 the batch size changes no text; see emo.generation.decoding.
        "batch_size": text_config.decode_batch_size if batch_decides(text_config) else None,
        "prompts": prompts_sha256,
        "stimuli": stimuli_sha256,
        "resampling": canonical(config.resampling),
        "seed": config.seed,
    }


def ablation_identity(
    config: RunConfig,
    weights: Weights,
    device: str,
    stimuli_sha256: str,
    prompts_sha256: str,
    levels: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything that can change a number of job=ablate; ``levels`` are its two settings."""
    identity = story_identity(config, weights, device, stimuli_sha256, prompts_sha256)
    del identity["subparams"]
    return {
        **identity,
        "job": "ablate",
        "version": ABLATION_VERSION,
        "levels": levels,
        "emotions": config.job.emotions,
    }


def study_identity(
    config: RunConfig,
    weights: Weights,
    device: str,
    stimuli_sha256: str,
    prompts_sha256: str,
    points: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything that makes another study of job=sensitivity, for one of the precisions it varies.

    ``points`` are the settings of its space. How long it runs and where it is kept change nothing.
    """
    identity = story_identity(config, weights, device, stimuli_sha256, prompts_sha256)
    del identity["subparams"]
    study = canonical(config.job.study)
    for name in ("n_trials", "storage", "take_over"):
        del study[name]
    return {
        **identity,
        "job": "sensitivity",
        "version": STUDY_VERSION,
        "points": points,
        "study": study,
        "emotions": config.job.emotions,
    }


def batch_decides(config: RunConfig) -> bool:
    """Whether texts depend on what they are written with: everywhere but in fp32."""
    return config.precision.name is not REFERENCE


def run_identity(
    config: RunConfig, weights: Weights, device: str, stimuli_sha256: str
) -> dict[str, Any]:
    """Everything that can change a number of a comprehension run."""
    settings = vector_settings.identity(config)
    return {
        "reader": reader_identity(config, weights, device),
        **settings,
        "method": {"name": config.method.name.value, **settings["method"]},
        "resampling": canonical(config.resampling),
        "stimuli": stimuli_sha256,
        "seed": config.seed,
    }


def equivalence_identity(
    config: RunConfig, weights: Weights, device: str, stimuli_sha256: str
) -> dict[str, Any]:
    """All that can change a number of job=equivalence, which reads all backends whatever is set."""
    config = replace(config, backend=replace(config.backend, name=BackendName.hf))
    identity = run_identity(config, weights, device, stimuli_sha256)
    del identity["resampling"], identity["seed"]  # nothing is drawn at random
    return {"job": "equivalence", **identity}


def fingerprint(identity: dict[str, Any]) -> str:
    """sha256 of the canonical JSON of an identity."""
    text = json.dumps(identity, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

"""The identity of a run: everything that can change a number, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from emo.config import vector_settings
from emo.config.enums import BackendName, OutlierColumns, Readout, Source, Validation
from emo.config.precisions import REFERENCE
from emo.config.schema import RunConfig, canonical
from emo.files.json_digests import Subject, json_digest
from emo.generation import protocols
from emo.models.weights import Weights
from emo.runs.versions import (
    ABLATION_VERSION,
    AXES_VERSION,
    DESCRIPTOR_VERSION,
    INT8_VERSION,
    MEAN_READING,
    METHODS_VERSION,
    PROTOCOL_VERSION,
    READ_VERSION,
    STUDY_VERSION,
    TEXT_VERSION,
    VALENCE_VERSION,
    VALIDATE_VERSION,
)
from emo.stimuli.emotion_lists import listed_emotions
from emo.stimuli.poles import load_poles


def reader_identity(config: RunConfig, weights: Weights, device: str) -> dict[str, Any]:
    """Everything but the text that decides an activation; it names the store entry.

    The device type is part of it, as kernels differ between CPU and GPU. The batch size is not, except
    in INT8, which amplifies last bits: eager attention with right padding gives the same numbers at
    every batch size within rounding (cosine >= 0.999999 in fp32).
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
        **({} if config.precision.causal else {"int8_reading": INT8_VERSION}),
    }


def precision_identity(config: RunConfig) -> dict[str, Any]:
    """The part of the precision that can change a number, and the batch size if numbers depend on it."""
    identity = config.precision.settings()
    if config.precision.batched:
        identity["batch_size"] = config.backend.batch_size
    return identity | _shared_columns(config)


def _shared_columns(config: RunConfig) -> dict[str, str]:
    """The outlier columns of INT8, where they are not each text's own."""
    columns = config.precision.columns
    return {} if columns is OutlierColumns.own else {"columns": columns.value}


def text_identity(config: RunConfig, weights: Weights, device: str) -> dict[str, Any]:
    """Everything but prompt, decoding and batch that decides a generated text; it names the store.

    Texts are written by transformers, whatever backend reads them.
    """
    reader = reader_identity(config, weights, device)
    names = ("protocol", "model", "revision", "attention", "device")
    return {
        "texts": TEXT_VERSION,
        **{name: reader[name] for name in names},
        "precision": config.precision.settings() | _shared_columns(config),
        **({} if config.precision.causal else {"int8": INT8_VERSION}),
    }


def story_identity(
    config: RunConfig, weights: Weights, device: str, stimuli_sha256: str, prompts_sha256: str
) -> dict[str, Any]:
    """Everything that can change a number of a generation run."""
    text_config = config.text_config()
    estimator = vector_settings.identity(config)["method"].get("estimator")
    return {
        "reader": reader_identity(config, weights, device),
        "method": "generation",
        **({} if estimator is None else {"estimator": estimator}),
        "subparams": protocols.identity(config.subparams),
        "texts": text_identity(text_config, weights, device),
        # In fp32 the batch size changes no text; see emo.generation.decoding.
        "batch_size": text_config.decode_batch_size if batch_decides(text_config) else None,
        "prompts": prompts_sha256,
        "stimuli": stimuli_sha256,
        "resampling": canonical(config.resampling),
        "seed": config.seed,
        **emotions_identity(config),
        **projection_identity(config),
        **valence_identity(config),
    }


def emotions_identity(config: RunConfig) -> dict[str, Any]:
    """The emotions that texts are written about, where they are not those of the passages."""
    listed = listed_emotions(config)
    return {} if listed is None else {"emotions": list(listed)}


def projection_identity(config: RunConfig) -> dict[str, Any]:
    """What is done to the activations of written texts before vectors are made, where anything is."""
    changed = {s.field: s.value(config) for s in vector_settings.changed(config)}
    return {"projection": changed["projection"]} if "projection" in changed else {}


def valence_identity(config: RunConfig) -> dict[str, Any]:
    """What decides the valence of a run: the version, and poles of the user's own."""
    path = config.stimuli.poles
    own = {} if path is None else {"poles": load_poles(config.path(path)).sha256}
    return {"valence": {"version": VALENCE_VERSION, **own}}


def _resampling_of_stories(config: RunConfig) -> dict[str, Any]:
    """The resampling settings less those of the nulls, which studies of many settings do not have."""
    resampling = canonical(config.resampling)
    del resampling["n_permutations"]
    return resampling


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
    del identity["subparams"], identity["valence"]
    return {
        **identity,
        "resampling": _resampling_of_stories(config),
        "job": "ablate",
        "version": ABLATION_VERSION,
        "levels": levels,
        "emotions": config.job.ablate.emotions,
    }


def study_identity(
    config: RunConfig,
    weights: Weights,
    device: str,
    stimuli_sha256: str,
    prompts_sha256: str,
    points: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything that makes a study of job=sensitivity another study, for one precision that it varies.

    ``points`` are the settings of its space. The number of trials and the storage are no part of it.
    """
    identity = story_identity(config, weights, device, stimuli_sha256, prompts_sha256)
    del identity["subparams"], identity["valence"]
    study = canonical(config.job.sensitivity)
    for name in ("n_trials", "storage", "take_over", "emotions"):
        del study[name]
    return {
        **identity,
        "resampling": _resampling_of_stories(config),
        "job": "sensitivity",
        "version": STUDY_VERSION,
        "points": points,
        "study": study,
        "emotions": config.job.sensitivity.emotions,
    }


def batch_decides(config: RunConfig) -> bool:
    """Whether a text depends on the texts that are written with it: in every precision but fp32."""
    return config.precision.name is not REFERENCE


def run_identity(
    config: RunConfig, weights: Weights, device: str, stimuli_sha256: str
) -> dict[str, Any]:
    """Everything that can change a number of a comprehension run."""
    settings = vector_settings.identity(config)
    labelled = settings.pop("stimuli", {})
    return {
        "reader": reader_identity(config, weights, device),
        **settings,
        "descriptors": DESCRIPTOR_VERSION,
        "method": {"name": config.method.name.value, **settings["method"], **mean_reading(config)},
        "resampling": canonical(config.resampling),
        "stimuli": {"sha256": stimuli_sha256, **labelled} if labelled else stimuli_sha256,
        "seed": config.seed,
        **valence_identity(config),
    }


def axes_identity(
    extraction: dict[str, Any], config: RunConfig, norms_sha256: str
) -> dict[str, Any]:
    """Everything that can change a number of job=axes: the extraction's, the norms, the search."""
    return {
        **extraction,
        "job": "axes",
        "version": AXES_VERSION,
        "axes": canonical(config.job.axes),
        "norms": norms_sha256,
    }


def methods_identity(
    readings: Sequence[dict[str, Any]], config: RunConfig, steering: Sequence[str]
) -> dict[str, Any]:
    """Everything that can change a number of job=methods.

    Parameters
    ----------
    readings
        Identities of the extractions.
    config
        Of the job.
    steering
        Ids of the steering runs whose success stands in the table.
    """
    job = canonical(config.job.methods)
    return {
        "job": "methods",
        "version": METHODS_VERSION,
        "readings": list(readings),
        "methods": {name: job[name] for name in ("estimators", "depth")},
        "resampling": canonical(config.resampling),
        "seed": config.seed,
        "steering": list(steering),
        **valence_identity(config),
    }


def read_identity(
    config: RunConfig, weights: Weights, device: str, texts_sha256: str, vectors: str
) -> dict[str, Any]:
    """Everything that can change a number of job=read; ``vectors`` is the extraction's fingerprint."""
    read = canonical(config.job.read)
    return {
        "job": "read",
        "version": READ_VERSION,
        "reader": reader_identity(config, weights, device),
        "vectors": vectors,
        "read": {name: read[name] for name in ("measure", "layers", "criterion")},
        "texts": texts_sha256,
        **({} if config.model.thinking is None else {"thinking": config.model.thinking}),
    }


def validate_identity(
    config: RunConfig, weights: Weights, device: str, data_sha256: str, vectors: str
) -> dict[str, Any]:
    """What can change a number of job=validate; ``vectors`` is the extraction's fingerprint."""
    settings = canonical(config.job.validate)
    del settings["run"]
    if Validation.preference_steered not in config.job.validate.which:
        del settings["preference_strength"]
    return {
        "job": "validate",
        "version": VALIDATE_VERSION,
        "reader": reader_identity(config, weights, device),
        "vectors": vectors,
        "validate": {**settings, "which": sorted(settings["which"])},
        "texts": data_sha256,
        "batch_size": (
            [config.batch_size, config.decode_batch_size] if batch_decides(config) else None
        ),
        "seed": config.seed,
        **valence_identity(config),
        **({} if config.model.thinking is None else {"thinking": config.model.thinking}),
    }


def mean_reading(config: RunConfig) -> dict[str, int]:
    """The version of the mean over tokens, for a run that reads by it."""
    return {"mean_reading": MEAN_READING} if config.method.readout is Readout.mean else {}


def equivalence_identity(
    config: RunConfig, weights: Weights, device: str, stimuli_sha256: str
) -> dict[str, Any]:
    """Everything that can change a number of job=equivalence; the configured backend cannot."""
    config = replace(config, backend=replace(config.backend, name=BackendName.hf))
    identity = run_identity(config, weights, device, stimuli_sha256)
    # Nothing is drawn at random or described.
    for name in ("resampling", "seed", "descriptors", "valence"):
        del identity[name]
    if config.method.readout is not Readout.last:
        identity["neutral"] = DESCRIPTOR_VERSION  # 1 read neutral sentences at the last token
    return {"job": "equivalence", **identity}


def fingerprint(identity: dict[str, Any]) -> str:
    """sha256 of the canonical JSON of an identity."""
    return json_digest(Subject.run, identity)

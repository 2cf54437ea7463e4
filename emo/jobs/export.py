"""job=export: emotion vectors of a logged extraction as files that other programs load."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from emo.config.enums import ExportFormat, ExportScale
from emo.config.schema import RunConfig
from emo.core.records import EmotionVectors
from emo.errors import ConfigError, EmoError
from emo.files import control_vectors
from emo.files.names import name_part
from emo.files.whole import new_folder, remove_leftovers
from emo.pipeline.prerequisites import residual_norms, settings, vector_source
from emo.runs.files import write_vectors
from emo.runs.logged import LoggedRun
from emo.runs.outcome import Outcome


def check(config: RunConfig) -> None:
    """Refuse a run that is not there or has no vectors to export."""
    vector_source(config, "job.export.run", config.job.export.run)


def run(config: RunConfig) -> Outcome:
    """Write the files; nothing is computed but the scale, and nothing is logged."""
    export = config.job.export
    source = vector_source(config, "job.export.run", export.run)
    vectors = _scaled(_chosen(source.vectors, export.emotions), source, export.scale)
    folder = config.path(export.folder)
    model = source.tags.get("model", "model")
    readout = source.tags.get("readout", "")
    name = f"{name_part(model)}_{readout}_{source.run_id[:8]}_{export.scale.value}"
    files: dict[str, str] = {}
    with _all_or_none(folder) as partial:
        if export.format is ExportFormat.safetensors:
            file = f"{name}{_subset(export.emotions)}.safetensors"
            write_vectors(vectors, partial / file, **_origin(source, export.scale))
            files[file] = ""
        else:
            suffix = "repeng.gguf" if export.format is ExportFormat.repeng else "gguf"
            for i, emotion in enumerate(vectors.emotions):
                file = f"{name}_{name_part(emotion)}.{suffix}"
                files[file] = f"{emotion}: "
                control_vectors.write(
                    vectors.values[:, i],
                    partial / file,
                    source.tags.get("family", model).lower(),
                    first_layer=0 if export.format is ExportFormat.repeng else 1,
                    emotion=emotion,
                )
    paths = {folder / file: emotion for file, emotion in files.items()}
    lines = [f"{model}: {len(vectors.emotions)} emotions as {export.format.value}"]
    lines += [f"  {emotion}{path}" for path, emotion in paths.items()]
    return Outcome(
        status="finished",
        run_id=source.run_id,
        artifacts={path.name: str(path) for path in paths},
        table="\n".join(lines),
    )


@contextmanager
def _all_or_none(folder: Path) -> Iterator[Path]:
    """A folder whose files get their places in ``folder`` when all of them are written.

    Raises
    ------
    ConfigError
        If they cannot be written there; those of an earlier export are as they were then.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        with new_folder(folder) as partial:
            yield partial
            for path in partial.iterdir():
                if (folder / path.name).is_dir():
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path.name)
            for path in partial.iterdir():
                path.replace(folder / path.name)
    except OSError as error:
        allowed = f"a folder that takes the files ({error.strerror or error}); none is written"
        raise ConfigError("job.export.folder", folder, allowed) from error


def _origin(source: LoggedRun, scale: ExportScale) -> dict[str, str]:
    """What a file says of itself besides the vectors' labels."""
    tags = ("model", "model_id", "revision", "precision", "method", "readout", "stimuli_sha256")
    return {
        "run": source.run_id,
        **{name: source.tags[name] for name in tags if name in source.tags},
        **{name.rpartition(".")[2]: value for name, value in settings(source).items()},
        "layers": "row l: output of decoder block l, counted from 0 (resid_post)",
        "scale": scale.value,
    }


def _subset(emotions: list[str] | None) -> str:
    """Part of a file name: a file of some emotions is not one of all, nor one of others."""
    if emotions is None:
        return ""
    joined = "+".join(map(name_part, emotions))
    return f"_{joined if len(joined) <= 60 else name_part(json.dumps(emotions))}"


def _chosen(vectors: EmotionVectors, names: list[str] | None) -> EmotionVectors:
    if names is None:
        return vectors
    words = {name for name in names if isinstance(name, str)}
    if not words or len(words) < len(names) or not words <= set(vectors.emotions):
        allowed = f"each once, of {', '.join(vectors.emotions)}"
        raise ConfigError("job.export.emotions", names, allowed, vectors.emotions)
    places = [vectors.emotions.index(name) for name in names]
    return replace(
        vectors,
        values=vectors.values[:, places],
        emotions=tuple(names),
        n_items=tuple(vectors.n_items[i] for i in places),
    )


def _scaled(vectors: EmotionVectors, source: LoggedRun, scale: ExportScale) -> EmotionVectors:
    """Unit vectors, or those times the mean residual norm of the neutral sentences' read token.

    Raises
    ------
    EmoError
        If a vector or a norm is not finite or zero.
    """
    length = np.linalg.norm(vectors.values, axis=-1, keepdims=True)
    if not (np.isfinite(length).all() and length.all()):
        bad = np.flatnonzero((~np.isfinite(length) | (length == 0)).any(axis=(1, 2)))
        raise EmoError(
            f"job.export.run={source.run_id}: no direction at layers {', '.join(map(str, bad))} (not "
            "finite, or zero); extract with precision=bf16 or fp32"
        )
    values = vectors.values / length
    if scale is ExportScale.residual:
        values = values * residual_norms(source)[:, None, None]
    return replace(vectors, values=values, unit_norm=scale is ExportScale.unit)

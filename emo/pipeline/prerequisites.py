"""The logged extraction whose vectors job=steer adds, job=export writes and job=read reads against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emo.config import vector_settings
from emo.config.enums import Projection
from emo.config.schema import RunConfig
from emo.errors import ConfigError, TrackingError, value_text
from emo.runs.logged import LoggedRun, logged_run
from emo.tracking import NoSuchRun

if TYPE_CHECKING:
    from jaxtyping import Float64


def vector_source(config: RunConfig, parameter: str, run_id: str | None) -> LoggedRun:
    """The run named by ``parameter``, if its vectors are directions of the residual stream.

    A projection that leaves out components keeps directions; z_score has a scale for every
    dimension, and what is added to a model or exported would point elsewhere.

    Raises
    ------
    EmoError
        If the run is not there, is no extraction, or its vectors are z-scored.
    """
    run = named_extraction(config, parameter, run_id)
    if (projection := run.config.vectors.projection) is Projection.z_score:
        allowed = (
            "a run with vectors in the residual stream's own units; this has vectors.projection="
            f"{projection.value}"
        )
        raise ConfigError(parameter, run_id, allowed)
    return run


def named_extraction(config: RunConfig, parameter: str, run_id: str | None) -> LoggedRun:
    """The finished run of job=extract named by ``parameter``: by its id, its beginning, or ``latest``.

    Raises
    ------
    EmoError
        If the run is not there, or is no extraction.
    """
    if not run_id:
        raise ConfigError(parameter, run_id, "the id of a job=extract run")
    try:
        run = logged_run(run_id, config.root, config.tracking.uri)
    except NoSuchRun as error:
        raise TrackingError(f"{parameter}={value_text(run_id)}: {error.problem}") from error
    if run.tags.get("job") != "extract" and not run.imported:
        raise ConfigError(parameter, run_id, "the id of a job=extract run")
    return run


def residual_norms(source: LoggedRun) -> Float64[np.ndarray, " layer"]:
    """Mean length of the neutral sentences' activations per layer: the scale of the residual stream.

    Of a run that has none beside its vectors it is computed from the run's activations.
    """
    frame = source.vectors.frame
    if frame is not None:
        return frame.norm
    neutral = source.activations.neutral.astype(np.float64)
    return np.linalg.norm(neutral, axis=-1).mean(axis=1)


def settings(source: LoggedRun) -> dict[str, str]:
    """The settings that decide the vectors of a run, by dotted name.

    Those of the group ``method`` say how passages are read: a run that wrote its texts has none.
    """
    values = vector_settings.values_of(source.config)
    passages = "readout" in source.tags
    return {name: v for name, v in values.items() if passages or not name.startswith("method.")}


def vector_tags(source: LoggedRun) -> dict[str, str]:
    """What a steering run says of its vectors: a run named need not be of its configuration."""
    names = ("stimuli_sha256", "precision", "versions")
    tags = {f"vectors_{name}": source.tags[name] for name in names if name in source.tags}
    values = settings(source)
    return tags | {
        s.tag: values[s.name] for s in vector_settings.VECTOR_SETTINGS if s.name in values
    }

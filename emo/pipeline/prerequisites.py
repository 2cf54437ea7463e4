"""The logged extraction whose vectors job=steer adds and job=export writes."""

from __future__ import annotations

from emo.api import LoadedRun, load_run
from emo.config.enums import Projection
from emo.config.schema import RunConfig
from emo.errors import ConfigError, TrackingError
from emo.tracking import NoSuchRun

SETTINGS = {"vectors.remove": "none", "vectors.projection": "none"}
"""Parameters of a run that decide what its vectors are, and what older runs without them had."""


def vector_source(config: RunConfig, parameter: str, run_id: str | None) -> LoadedRun:
    """The run named by ``parameter``, if its vectors are directions of the residual stream.

    A projection that leaves out components keeps directions; z_score has a scale for every
    dimension, and what is added to a model or exported would point elsewhere.

    Raises
    ------
    EmoError
        If the run is not there, is no extraction, or its vectors are z-scored.
    """
    if not run_id:
        raise ConfigError(parameter, run_id, "the id of a job=extract run")
    try:
        found = load_run(run_id, config.root, config.tracking.uri)
    except NoSuchRun as error:
        raise TrackingError(f"{parameter}={run_id}: {error.problem}") from error
    if found.tags.get("job") != "extract":
        raise ConfigError(parameter, run_id, "the id of a job=extract run")
    name = "vectors.projection"
    if (theirs := settings(found)[name]) == Projection.z_score.value:
        allowed = f"a run with vectors in the residual stream's own units; this has {name}={theirs}"
        raise ConfigError(parameter, run_id, allowed)
    return found


def settings(source: LoadedRun) -> dict[str, str]:
    """``SETTINGS`` as a run has them."""
    return {name: source.params.get(name, default) for name, default in SETTINGS.items()}


def vector_tags(source: LoadedRun) -> dict[str, str]:
    """What a steering run says of its vectors: a run named need not be of its configuration."""
    names = ("stimuli_sha256", "readout", "precision")
    found = {f"vectors_{name}": source.tags[name] for name in names if name in source.tags}
    return found | {name.replace(".", "_"): value for name, value in settings(source).items()}

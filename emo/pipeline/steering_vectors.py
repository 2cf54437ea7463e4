"""The logged extraction whose vectors a job adds to the residual stream, and its best layer."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from emo.config.enums import LayerRule, Projection
from emo.config.jobs import JobConfig
from emo.config.schema import RunConfig
from emo.core.geometry.generated import StoryDescriptors
from emo.errors import ArtifactError, ConfigError
from emo.models.weights import weights_name
from emo.pipeline.extraction import ensure_extraction, extraction_plan
from emo.pipeline.prerequisites import vector_source
from emo.runs.logged import LoggedRun
from emo.steering.doses import Site, parse_sites

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WantedVectors:
    """Which vectors a job adds, by its settings."""

    setting: str
    """What the parameters of the job begin with: ``job.steer``."""
    run: str | None
    """Id of an extraction run; None: the one of this configuration."""
    criterion: LayerRule
    """What makes a layer the best."""


def vectors_identity(config: RunConfig, wanted: WantedVectors) -> str:
    """What names the vectors in a fingerprint, before they need to be there.

    Raises
    ------
    EmoError
        If the run named has no vectors that can be added, or they are no directions.
    """
    if wanted.run is None:
        if config.vectors.projection is Projection.z_score:
            job = config.job.name.value
            allowed = f"none, all_but_the_top or neutral_pcs with job={job}, which adds directions"
            raise ConfigError("vectors.projection", "z_score", allowed)
        return extraction_plan(_extraction(config)).provenance.fingerprint
    source = vector_source(config, f"{wanted.setting}.run", wanted.run)
    return source.tags.get("fingerprint", source.run_id)


def vectors_run(config: RunConfig, revision: str, wanted: WantedVectors) -> LoggedRun:
    """The extraction whose vectors are added: the one named, or this configuration's own.

    Raises
    ------
    EmoError
        If the run is not of this model in this revision of its weights, or the extraction fails.
    """
    parameter = f"{wanted.setting}.run"
    source = (
        _own_extraction(config, wanted)
        if wanted.run is None
        else vector_source(config, parameter, wanted.run)
    )
    run_id = source.run_id
    model, theirs = (source.tags.get(tag, "unknown") for tag in ("model_id", "revision"))
    if weights_name(model, theirs) == weights_name(config.model.id, revision):
        return source
    if model != config.model.id:
        raise ConfigError(parameter, run_id, f"a run of {config.model.id}; this is of {model}")
    allowed = f"a run of revision {revision} of {config.model.label}; this is of {theirs}"
    raise ConfigError(parameter, run_id, allowed)


def best_layer(source: LoggedRun, criterion: LayerRule) -> int | None:
    """The run's best layer; a generation run has one, however it was chosen."""
    if source.imported:
        return len(source.vectors.values) // 2 if criterion is LayerRule.middle else None
    descriptors = source.descriptors
    if isinstance(descriptors, StoryDescriptors):
        return descriptors.layer
    try:
        return descriptors.layer_by(criterion)
    except ValueError:
        return None


def fitting_sites(
    source: LoggedRun, loaded: LoadedModel, wanted: WantedVectors, layers: Any, needs_best: bool
) -> tuple[list[Site], int | None]:
    """The groups of layers that ``layers`` names in this model, and the run's best layer.

    Raises
    ------
    ConfigError
        If the vectors are of another width or depth, a layer is none of the model's, or no layer is the
        best where one is needed.
    """
    shape = loaded.model.config.get_text_config()
    if source.vectors.values.shape[::2] != (shape.num_hidden_layers, shape.hidden_size):
        allowed = "vectors with this model's layers and width"
        raise ConfigError(f"{wanted.setting}.run", source.run_id, allowed)
    best = best_layer(source, wanted.criterion)
    parameter = f"{wanted.setting}.layers"
    sites = parse_sites(layers, shape.num_hidden_layers, best, parameter)
    if best is None and (needs_best or any(not site.layers for site in sites)):
        allowed = "middle, or layers by number" if source.imported else "published"
        why = f"{allowed}: this run has no layer by it"
        raise ConfigError(f"{wanted.setting}.criterion", wanted.criterion.value, why)
    return sites, best


def _extraction(config: RunConfig) -> RunConfig:
    """The run whose vectors are added where none is named."""
    return replace(config, job=JobConfig(), force=False)


def _own_extraction(config: RunConfig, wanted: WantedVectors) -> LoggedRun:
    """This configuration's own extraction; made again where its files turn out to be damaged.

    Raises
    ------
    EmoError
        If the extraction fails.
    """
    extraction, parameter = _extraction(config), f"{wanted.setting}.run"
    source = vector_source(config, parameter, ensure_extraction(extraction).run_id)
    try:
        best_layer(source, wanted.criterion)
        _ = source.vectors
    except ArtifactError as error:
        log.warning("run %s: %s: extracted again", source.run_id, error.problem)
        repeated = ensure_extraction(replace(extraction, force=True))
        source = vector_source(config, parameter, repeated.run_id)
    return source

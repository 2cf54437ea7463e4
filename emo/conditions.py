"""The configs that make the conditions of the four-layer table, and running those."""

from __future__ import annotations

from dataclasses import replace

from emo.config.enums import (
    JobName,
    MethodName,
    PrecisionName,
    Projection,
    Readout,
    Removal,
    Templates,
)
from emo.config.schema import RunConfig, SubparamsConfig
from emo.core.conditions.four_layer import FORCED, HALVES
from emo.errors import ConfigError
from emo.generation.protocols import LOOSE, MATCHED

STORIES: dict[str, SubparamsConfig] = {
    "B": LOOSE,
    "B'": replace(LOOSE, seed=1),
    "C": MATCHED,
    HALVES[0]: replace(MATCHED, templates=Templates.odd),
    HALVES[1]: replace(MATCHED, templates=Templates.even),
    "D": MATCHED,
    FORCED: MATCHED,
}
NAMES = ("A", *STORIES)


def condition_config(name: str, config: RunConfig) -> RunConfig:
    """The config of job=extract that makes a condition of the configured model.

    Raises
    ------
    ConfigError
        If there is no such condition, or the precision of A, B and C would be quantised.
    """
    if name not in NAMES:
        raise ConfigError("job.summarize.make", name, NAMES)
    if config.precision.quantised:
        raise ConfigError(
            "precision", config.precision.label, "fp32, bf16, fp16 with job.summarize.make"
        )
    method = replace(config.method, name=MethodName.comprehension, readout=Readout.last)
    vectors = replace(config.vectors, remove=Removal.none, projection=Projection.none)
    made = replace(
        config, job=replace(config.job, name=JobName.extract), method=method, vectors=vectors
    )
    if name == "A":
        return made
    sub = replace(STORIES[name], prompts_path=config.subparams.prompts_path)
    precision = config.precision
    if name in ("D", FORCED):
        if name == FORCED:
            sub = replace(sub, texts_from=precision.name)
        precision = replace(precision, name=PrecisionName.int8)
    return replace(
        made,
        method=replace(method, name=MethodName.generation),
        subparams=sub,
        precision=precision,
    )


def planned(config: RunConfig) -> dict[str, RunConfig]:
    """The configs of the conditions in ``job.summarize.make``.

    Raises
    ------
    ConfigError
        If there is no such condition, or the precision of A, B and C would be quantised.
    """
    return {name: condition_config(name, config) for name in config.job.summarize.make}

"""The configs that make the conditions of the four-layer table, and running those."""

from __future__ import annotations

import logging
from dataclasses import replace

from emo.choices import JobName, MethodName, PrecisionName, Projection, Readout, Removal, Templates
from emo.config import RunConfig, SubparamsConfig
from emo.core.four_layer import FORCED, HALVES
from emo.errors import ConfigError, EmoError
from emo.generation.protocols import LOOSE, MATCHED

log = logging.getLogger(__name__)

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
        raise ConfigError("job.summary.make", name, NAMES)
    if config.precision.quantised:
        raise ConfigError(
            "precision", config.precision.label, "fp32, bf16, fp16 with job.summary.make"
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


def make(config: RunConfig) -> None:
    """Run the conditions of ``job.summary.make``; what is finished already is only looked up.

    Raises
    ------
    EmoError
        If one of them fails; before any is made, if the prompts do not have what one of them needs.
    """
    made = {name: condition_config(name, config) for name in config.job.summary.make}
    if not made:
        return
    from emo.generation.stories import check_templates
    from emo.jobs import extract
    from emo.jobs.stories import read_prompts

    for name, each in made.items():
        if name != "A":
            check_templates(read_prompts(each), each.subparams)
    for name, each in made.items():
        log.info("condition %s of %s", name, config.model.label)
        outcome = extract.run(each)
        if outcome.failed:
            raise EmoError(f"condition {name}: {outcome.error}")

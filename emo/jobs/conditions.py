"""The configs that make the conditions of the four-layer table, and running those."""

from __future__ import annotations

from dataclasses import replace

from emo.choices import JobName, MethodName, PrecisionName, Projection, Readout, Removal, Templates
from emo.config import RunConfig, SubparamsConfig
from emo.core.four_layer import FORCED, HALVES
from emo.errors import ConfigError, EmoError
from emo.generation.protocols import LOOSE, MATCHED
from emo.progress import steps

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


def planned(config: RunConfig) -> dict[str, RunConfig]:
    """The configs of the conditions in ``job.summary.make``.

    Raises
    ------
    ConfigError
        If there is no such condition, or the precision of A, B and C would be quantised.
    """
    return {name: condition_config(name, config) for name in config.job.summary.make}


def make(config: RunConfig) -> set[str]:
    """Run the conditions of ``job.summary.make``; what is finished already is only looked up.

    Returns
    -------
    set of str
        Ids of their runs.

    Raises
    ------
    EmoError
        If one of them fails; before any is made, if the prompts do not have what one of them needs.
    """
    made = planned(config)
    if not made:
        return set()
    from emo.generation.stories import check_templates
    from emo.jobs import extract
    from emo.jobs.stories import read_prompts

    for name, each in made.items():
        if name != "A":
            check_templates(read_prompts(each), each.subparams)
    runs: set[str] = set()
    for name, each in steps(made.items(), "condition", lambda pair: _title(*pair)):
        outcome = extract.run(each)
        if outcome.failed or outcome.run_id is None:
            raise EmoError(f"condition {name}: {outcome.error}")
        runs.add(outcome.run_id)
    return runs


def _title(name: str, config: RunConfig) -> str:
    return f"{name}, {config.model.label} in {config.precision.label}"

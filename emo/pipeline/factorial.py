"""The 256 settings of the sub-parameters between matched and loose, and the plan of an ablation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from emo.config.schema import RunConfig, SubparamsConfig, canonical
from emo.core.stats.factorial import full_factorial
from emo.errors import ConfigError
from emo.generation import protocols
from emo.generation.protocols import SUBPARAMETERS
from emo.pipeline.writer import story_emotions
from emo.runs.identity import ablation_identity
from emo.runs.plan import Plan, make_plan
from emo.stimuli.prompts import PromptSet

FACTORS = tuple(SUBPARAMETERS)
KEPT = ("seed", "temperature", "top_p", "prompts_path", "texts_from")
"""Fields that are not sub-parameters: taken from the config, for all settings."""


def refuse_ignored(config: RunConfig, why: str, elsewhere: Mapping[str, str]) -> None:
    """Refuse sub-parameters where the job sets them itself, and what it would ignore.

    ``why`` says what the job takes instead, ``elsewhere`` more of it for some fields.

    Raises
    ------
    ConfigError
        Naming the first such field.
    """
    matched, job = canonical(protocols.MATCHED), f"job={config.job.name.value}"
    for name, value in canonical(config.subparams).items():
        if name in KEPT or value == matched[name]:
            continue
        parameter = "subparams" if name == "name" else f"subparams.{name}"
        instead = elsewhere.get(name, why)
        raise ConfigError(parameter, value, f"{matched[name]} with {job}, {instead}")


def levels(config: RunConfig) -> tuple[SubparamsConfig, SubparamsConfig]:
    """The matched and the loose setting, with the budgets and sample counts of the job."""
    kept = {name: getattr(config.subparams, name) for name in KEPT}
    return tuple(  # pyright: ignore[reportReturnType]
        replace(
            level,
            **kept,
            max_new_tokens=config.job.ablate.tokens[i],
            samples=config.job.ablate.samples[i],
        )
        for i, level in enumerate((protocols.MATCHED, protocols.LOOSE))
    )


def settings_of(config: RunConfig) -> list[SubparamsConfig]:
    """All 256 settings in the order of :func:`full_factorial`; the first is all matched."""
    matched, loose = levels(config)
    out = []
    for row in full_factorial(len(FACTORS)):
        changed = [
            f for name, on in zip(FACTORS, row, strict=True) if on for f in SUBPARAMETERS[name]
        ]
        out.append(replace(matched, name="ablation", **{f: getattr(loose, f) for f in changed}))
    return out


def first_emotions(plan: Plan, parameter: str, n: int | None) -> tuple[str, ...]:
    """The first ``n`` emotions that texts are written about; all of them for None.

    Raises
    ------
    ConfigError
        Naming ``parameter`` if there are fewer than ``n``; if there are too few for a geometry.
    """
    emotions = story_emotions(plan)
    if n is not None and n > len(emotions):
        raise ConfigError(parameter, n, f"3 to {len(emotions)}, or null for all")
    return emotions[:n]


def plan_of(config: RunConfig, prompts: PromptSet) -> Plan:
    """The plan of an ablation; nothing has been loaded or written then."""
    settings = [protocols.identity(sub) for sub in levels(config)]
    return make_plan(
        config, partial(ablation_identity, prompts_sha256=prompts.sha256, levels=settings)
    )

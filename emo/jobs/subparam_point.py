"""One point of the sub-parameters as numbers: what job=sensitivity asks of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from enum import Enum
from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np

from emo.choices import PrecisionName
from emo.config import RunConfig, SubparamsConfig
from emo.core.agreement import split_half
from emo.core.cells import left_out_accuracy
from emo.core.correlation import spearman
from emo.core.describe import Resampling
from emo.core.item_sets import ItemSet, common_emotions
from emo.errors import ConfigError
from emo.fingerprint import study_identity
from emo.generation import protocols
from emo.generation.protocols import MATCHED
from emo.generation.stories import check_templates, most_texts
from emo.jobs.ablate import KEPT, emotions_of
from emo.jobs.plan import make_plan
from emo.jobs.points import Points
from emo.jobs.stories import best_layer, read_prompts
from emo.jobs.story_source import StorySource
from emo.stimuli.prompts import PromptSet

PRECISION = "precision"
"""May be varied as the sub-parameters are."""
OF_SEVERAL_TEXTS = ("reliability", "accuracy")
"""Values that a point with one text an emotion does not have."""
OBJECTIVES = ("rho_matched", *OF_SEVERAL_TEXTS)
"""What a study may be about.

``accuracy`` is the share of texts that are nearest to their own emotion's mean, each left out of the
means with all texts of its prompt.
"""


def evaluator(config: RunConfig) -> Callable[[Mapping[str, Any]], dict[str, float]]:
    """A function from a point to its ``OBJECTIVES`` and what it cost.

    The reference is the matched protocol with the first value of every parameter of the space. The
    model is loaded at the first point, and anew where the next point is of another precision.

    Raises
    ------
    EmoError
        If the space has a name or a value that a sub-parameter does not have, or an objective is
        none or cannot be had at some point.
    """
    variants = precisions(config)
    every = settings(config)
    prompts = read_prompts(config)
    for sub in every:
        check_templates(prompts, sub)
    _check_objectives(config, prompts, every)
    made: dict[str, Points] = {}

    def points_in(precision: str) -> Points:
        for name, others in made.items():
            if name != precision:
                others.let_go()
        if precision not in made:
            variant = variants[precision]
            plan = make_plan(variant)
            source = StorySource(plan, prompts, emotions_of(plan))
            named = any(sub.layer == "best" for sub in every)
            best = best_layer(replace(variant, subparams=MATCHED)).layer if named else 0
            tokens, samples = (
                max(getattr(sub, f) for sub in every) for f in ("max_new_tokens", "samples")
            )
            points = Points(source, best, tokens, samples)
            budgets = config.job.study.space.get("max_new_tokens", [MATCHED.max_new_tokens])
            points.check(every, "job.study.space.max_new_tokens", budgets)
            made[precision] = points
        return made[precision]

    @cache
    def referred() -> ItemSet:
        (items,), _ = points_in(next(iter(variants))).evaluate([every[0]])
        return items

    def at(point: Mapping[str, Any]) -> dict[str, float]:
        reference = referred()
        sub = setting(config, {name: value for name, value in point.items() if name != PRECISION})
        precision = str(point.get(PRECISION, config.precision.name.value))
        (items,), cost = points_in(precision).evaluate([sub])
        emotions = common_emotions(reference.emotions, items.emotions)
        values = {
            "rho_matched": float(spearman(reference.rdm(emotions), items.rdm(emotions))),
            "tokens_written": float(cost.tokens_written),
            "tokens_reused": float(cost.tokens_distinct - cost.tokens_written),
            "forward_passes": float(cost.forward_passes),
        }
        resampling = Resampling(seed=config.seed, **asdict(config.resampling))
        _, reliability = split_half(items, resampling)
        everything = np.ones((1, len(items.gram.cells.size)))
        (accuracy,) = left_out_accuracy(items.gram, everything)
        for name, value in (("reliability", reliability), ("accuracy", accuracy)):
            if np.isfinite(value):  # one text an emotion has neither
                values[name] = float(value)
        return values

    return at


def identity(config: RunConfig) -> str:
    """What tells a study from others, known before a model is loaded.

    Raises
    ------
    EmoError
        If the space is wrong, or the stimuli, the prompts, the weights or a precision cannot be had.
    """
    points = [protocols.identity(sub) for sub in settings(config)]
    prompts_sha256 = read_prompts(config).sha256
    named = partial(study_identity, prompts_sha256=prompts_sha256, points=points)
    plans = [make_plan(variant, named) for variant in precisions(config).values()]
    return " ".join(plan.provenance.fingerprint for plan in plans)


def precisions(config: RunConfig) -> dict[str, RunConfig]:
    """The config in each precision of the space, its own where the space has none.

    Raises
    ------
    ConfigError
        If there is no such precision.
    """
    names = config.job.study.space.get(PRECISION, [config.precision.name.value])
    allowed = [p.value for p in PrecisionName]
    for name in names:
        if name not in allowed:
            raise ConfigError(f"job.study.space.{PRECISION}", name, allowed)
    return {
        name: replace(config, precision=replace(config.precision, name=PrecisionName(name)))
        for name in names
    }


def settings(config: RunConfig) -> list[SubparamsConfig]:
    """Every point of the space but for the precision; the first has the first of all values.

    Raises
    ------
    ConfigError
        If a name or a value is none of a sub-parameter.
    """
    space = {n: values for n, values in config.job.study.space.items() if n != PRECISION}
    for name, values in space.items():
        for value in values:
            setting(config, {name: value})
    return [
        setting(config, dict(zip(space, values, strict=True)))
        for values in product(*space.values())
    ]


def _check_objectives(
    config: RunConfig, prompts: PromptSet, every: Sequence[SubparamsConfig]
) -> None:
    for name in config.job.study.objectives:
        if name not in OBJECTIVES:
            raise ConfigError("job.study.objectives", name, OBJECTIVES)
        if name not in OF_SEVERAL_TEXTS:
            continue
        why = f"(the objective {name} needs two texts an emotion)"
        for sub in every:
            if sub.samples < 2:
                raise ConfigError("job.study.space.samples", sub.samples, f"2 or more {why}")
            if most_texts(prompts, sub) < 2:
                allowed = f"sampled where prompts={sub.prompts.value} {why}"
                raise ConfigError("job.study.space.decoding", "greedy", allowed)


def setting(config: RunConfig, point: Mapping[str, Any]) -> SubparamsConfig:
    """The matched protocol with a point's values; unit norm goes with neutral centring.

    Raises
    ------
    ConfigError
        If a name or a value is none of a sub-parameter.
    """
    known = [f.name for f in fields(MATCHED) if f.name not in (*KEPT, "name")]
    sub = replace(MATCHED, name="study", **{k: getattr(config.subparams, k) for k in KEPT})
    changes: dict[str, Any] = {}
    for name, value in point.items():
        if name not in known:
            raise ConfigError("job.study.space", name, [*known, PRECISION])
        kind = type(getattr(MATCHED, name))
        if issubclass(kind, Enum):
            allowed = [str(member.value) for member in kind]
            if value not in allowed:
                raise ConfigError(f"job.study.space.{name}", value, allowed)
            changes[name] = kind(value)
        elif name == "layer":
            changes[name] = str(value)
        elif type(value) is not kind or (kind is int and value < 1):
            raise ConfigError(f"job.study.space.{name}", value, f"{kind.__name__} values")
        else:
            changes[name] = value
    if "centring" in changes and "unit_norm" not in changes:
        changes["unit_norm"] = changes["centring"] is MATCHED.centring
    return replace(sub, **changes)

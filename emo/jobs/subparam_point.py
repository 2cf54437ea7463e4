"""One point of the sub-parameters as numbers: what job=sensitivity asks of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from enum import Enum
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from emo.config import RunConfig, SubparamsConfig
from emo.core.agreement import split_half
from emo.core.correlation import spearman
from emo.core.describe import Resampling
from emo.core.item_sets import ItemSet, common_emotions
from emo.errors import ConfigError
from emo.generation.protocols import MATCHED
from emo.jobs.ablate import emotions_of
from emo.jobs.plan import make_plan
from emo.jobs.points import Points
from emo.jobs.stories import best_layer, read_prompts
from emo.jobs.story_source import StorySource

KEPT = ("seed", "temperature", "top_p", "prompts_path", "texts_from")
"""Fields that are not sub-parameters: taken from the config."""


def evaluator(config: RunConfig) -> Callable[[Mapping[str, Any]], dict[str, float]]:
    """A function from a point to ``rho_matched``, ``reliability`` and what it cost.

    The reference is the matched protocol with the first value of every parameter of the space. The
    model is loaded at the first point.

    Raises
    ------
    ConfigError
        If the space has a name or a value that a sub-parameter does not have.
    """
    space = config.job.study.space
    for name, values in space.items():
        for value in values:
            setting(config, {name: value})
    first = setting(config, {name: values[0] for name, values in space.items()})

    @cache
    def prepared() -> tuple[Points, ItemSet]:
        plan = make_plan(config)
        source = StorySource(plan, read_prompts(config), emotions_of(plan))
        every = [
            setting(config, dict(zip(space, values, strict=True)))
            for values in product(*space.values())
        ]
        named = any(sub.layer == "best" for sub in every)
        best = best_layer(replace(config, subparams=MATCHED)).layer if named else 0
        tokens, samples = (
            max(getattr(sub, f) for sub in every) for f in ("max_new_tokens", "samples")
        )
        points = Points(source, best, tokens, samples)
        points.check(every)
        (reference,), _ = points.evaluate([first])
        return points, reference

    def at(point: Mapping[str, Any]) -> dict[str, float]:
        points, reference = prepared()
        (items,), cost = points.evaluate([setting(config, point)])
        emotions = common_emotions(reference.emotions, items.emotions)
        values = {
            "rho_matched": float(spearman(reference.rdm(emotions), items.rdm(emotions))),
            "tokens_written": float(cost.tokens_written),
            "tokens_reused": float(cost.tokens_distinct - cost.tokens_written),
            "forward_passes": float(cost.forward_passes),
        }
        resampling = Resampling(seed=config.seed, **asdict(config.resampling))
        _, reliability = split_half(items, resampling)
        if np.isfinite(reliability):  # one text an emotion has no halves
            values["reliability"] = float(reliability)
        return values

    return at


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
            raise ConfigError("job.study.space", name, known)
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

"""One point of the sub-parameters as numbers: what job=sensitivity asks of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import Field, asdict, fields, replace
from enum import Enum
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from emo.config.enums import PrecisionName, Prompts
from emo.config.resolve import LAYERS
from emo.config.schema import RunConfig, SubparamsConfig
from emo.core.conditions.replicates import MOST_DIVISIONS, Point, replicate_agreement
from emo.core.geometry.halves import split_half
from emo.core.geometry.item_sets import ItemSet, common_emotions
from emo.core.stats.correlation import spearman
from emo.core.stats.resampling import Resampling
from emo.errors import ConfigError, EmoError
from emo.generation import protocols
from emo.generation.protocols import MATCHED, OF_TOPICS
from emo.generation.stories import check_templates, most_texts
from emo.pipeline.factorial import KEPT, first_emotions
from emo.pipeline.generation import best_layer, read_prompts
from emo.pipeline.replicate_points import LEAST_SAMPLES, Replicated, check_reference, needed
from emo.pipeline.settings_grid import SettingGrid
from emo.pipeline.writer import StorySource
from emo.report.runs.ablation import Cost
from emo.runs.identity import study_identity
from emo.runs.plan import make_plan
from emo.stimuli.prompts import PromptSet
from emo.study.effects import without_each

SPACE = "job.sensitivity.space"
PRECISION = "precision"
"""May be varied as the sub-parameters are."""
LAYER = re.compile(f"{'|'.join(LAYERS)}|[0-9]+")
KINDS = {int: "whole numbers", bool: "true and false"}
MOST_POINTS = 100_000
"""Of a space: all of them are checked, and name the study, before it begins."""
OF_SEVERAL_TEXTS = ("reliability", "accuracy")
"""Values that a point with one text per emotion does not have."""
RELATIVE = "relative_rho"
"""Agreement with the reference on other prompts, over what replicates reach: 1 is no change."""
OBJECTIVES = (RELATIVE, "rho_matched", *OF_SEVERAL_TEXTS)
"""What a study may be about.

``rho_matched`` is the rho with the reference on all texts, so that the texts' noise lowers it.
``accuracy`` is the share of texts that are nearest to their own emotion's mean, each left out of the
means with all texts of its prompt.
"""


class Evaluator:
    """A function from a point to its ``OBJECTIVES`` and what it cost.

    The reference is the matched protocol with the first value of every parameter of the space. The
    model is loaded at the first point, and anew where the next point is of another precision.

    Raises
    ------
    EmoError
        If the space has a name or a value that a sub-parameter does not have, or an objective is
        none or cannot be had at some point.
    """

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._variants = precisions(config)
        self._settings = settings(config)
        self._prompts = read_prompts(config)
        for sub in self._settings:
            check_templates(self._prompts, sub)
        _check_objectives(config, self._prompts, self._settings)
        self._relative = RELATIVE in config.job.sensitivity.objectives
        self._samples = max(sub.samples for sub in self._settings)
        if self._relative:
            self._samples = max(self._samples, LEAST_SAMPLES)
            check_reference(self._replicated(self._settings[0]), self._prompts)
        self._made: dict[str, SettingGrid] = {}
        self._reference: dict[SubparamsConfig, ItemSet] | None = None

    def __call__(self, point: Mapping[str, Any]) -> dict[str, float]:
        """What is measured at a point."""
        config, matched = self._config, self._referred()
        sub = setting(config, {name: value for name, value in point.items() if name != PRECISION})
        precision = str(point.get(PRECISION, config.precision.name.value))
        sets, cost = self._evaluate(precision, sub)
        items, reference = sets[sub], matched[self._settings[0]]
        emotions = common_emotions(reference.emotions, items.emotions)
        values = {
            "rho_matched": float(spearman(reference.rdm(emotions), items.rdm(emotions))),
            "tokens_written": float(cost.tokens_written),
            "tokens_reused": float(cost.tokens_distinct - cost.tokens_written),
            "forward_passes": float(cost.forward_passes),
        }
        resampling = Resampling(seed=config.seed, **asdict(config.resampling))
        _, reliability = split_half(items, resampling)
        accuracy = items.left_out_accuracy()
        for name, value in (("reliability", reliability), ("accuracy", accuracy)):
            if np.isfinite(value):  # one text per emotion has neither
                values[name] = float(value)
        if self._relative:
            values |= self._agreement(self._replicated(sub).point(sets))
        return values

    def _agreement(self, point: Point) -> dict[str, float]:
        """Agreement of a point with the reference on other prompts, and what replicates reach.

        Raises
        ------
        EmoError
            If the point or the reference does not agree with its own replicate.
        """
        config = self._config
        whole = self._replicated(self._settings[0]).point(self._referred()).items
        n_divisions = min(config.resampling.n_splits, MOST_DIVISIONS)
        agreement = replicate_agreement(whole, [point], n_divisions, config.seed)
        value, *left_out = agreement.relative[:, 0]
        if not np.isfinite(value):
            of_point, of_reference = agreement.reliability[0, 0], agreement.reference[0]
            raise EmoError(
                f"no {RELATIVE}: the texts are too noisy (rho of the point with its own replicate "
                f"{of_point:+.2f}, of the reference {of_reference:+.2f})"
            )
        values = {
            RELATIVE: float(value),
            "disjoint_rho": float(agreement.disjoint[0, 0]),
            "ceiling": float(agreement.ceiling[0, 0]),
            "reference_replicate": float(agreement.reference[0]),
        }
        return values | (without_each(RELATIVE, left_out) if np.isfinite(left_out).all() else {})

    def _needed(self) -> list[SubparamsConfig]:
        if not self._relative:
            return self._settings
        return needed([self._replicated(sub) for sub in self._settings])

    def _replicated(self, sub: SubparamsConfig) -> Replicated:
        return Replicated.of(sub, self._prompts, self._samples)

    def check(self) -> None:
        """Load the model and refuse values that it cannot have; nothing has been written then.

        Raises
        ------
        EmoError
            If a budget leaves no room in the model's context, it has no such layer, or it cannot be
            loaded.
        """
        self._points_in(next(iter(self._variants)))

    def _referred(self) -> dict[SubparamsConfig, ItemSet]:
        if self._reference is None:
            first = next(iter(self._variants))
            self._reference, _ = self._evaluate(first, self._settings[0])
        return self._reference

    def _evaluate(
        self, precision: str, sub: SubparamsConfig
    ) -> tuple[dict[SubparamsConfig, ItemSet], Cost]:
        points = self._points_in(precision)
        if points.best_layer is None and any(s.layer == "best" for s in self._settings):
            points.let_go()  # never are two models held at a time
            variant = replace(self._variants[precision], subparams=MATCHED)
            points.best_layer = best_layer(variant).layer
        wanted = needed([self._replicated(sub)]) if self._relative else [sub]
        sets, cost = points.evaluate(wanted)
        return dict(zip(wanted, sets, strict=True)), cost

    def _points_in(self, precision: str) -> SettingGrid:
        for name, others in self._made.items():
            if name != precision:
                others.let_go()
        if precision not in self._made:
            plan = make_plan(self._variants[precision])
            n = self._config.job.sensitivity.emotions
            emotions = first_emotions(plan, "job.sensitivity.emotions", n)
            source = StorySource(plan, self._prompts, emotions)
            tokens = max(sub.max_new_tokens for sub in self._settings)
            points = SettingGrid(source, None, tokens, self._samples)
            space = self._config.job.sensitivity.space
            budgets = space.get("max_new_tokens", [MATCHED.max_new_tokens])
            try:
                points.check(self._needed(), f"{SPACE}.max_new_tokens", budgets)
            except ConfigError as error:
                if error.parameter != "subparams.layer":
                    raise
                raise ConfigError(f"{SPACE}.layer", space["layer"], error.allowed) from None
            self._made[precision] = points
        return self._made[precision]


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
    names = config.job.sensitivity.space.get(PRECISION, [config.precision.name.value])
    allowed = [p.value for p in PrecisionName]
    for name in names:
        if name not in allowed:
            raise ConfigError(f"{SPACE}.{PRECISION}", name, allowed)
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
    space = {n: values for n, values in config.job.sensitivity.space.items() if n != PRECISION}
    if (size := prod(map(len, space.values()))) > MOST_POINTS:
        raise ConfigError(SPACE, f"{size} points", f"at most {MOST_POINTS}")
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
    for name in config.job.sensitivity.objectives:
        if name not in OBJECTIVES:
            raise ConfigError("job.sensitivity.objectives", name, OBJECTIVES)
        if name not in OF_SEVERAL_TEXTS:
            continue
        why = f"(the objective {name} needs two texts per emotion)"
        for sub in every:
            if sub.samples < 2:
                raise ConfigError(f"{SPACE}.samples", sub.samples, f"2 or more {why}")
            if most_texts(prompts, sub) < 2:
                allowed = f"sampled where prompts={sub.prompts.value} {why}"
                raise ConfigError(f"{SPACE}.decoding", "greedy", allowed)


def setting(config: RunConfig, point: Mapping[str, Any]) -> SubparamsConfig:
    """The matched protocol with a point's values; unit norm goes with neutral centring.

    Raises
    ------
    ConfigError
        If a name or a value is none of a sub-parameter.
    """
    left = (*KEPT, *OF_TOPICS, "with_prompt", "name")
    known = {f.name: f for f in fields(MATCHED) if f.name not in left}
    sub = replace(MATCHED, name="study", **{k: getattr(config.subparams, k) for k in KEPT})
    changes: dict[str, Any] = {}
    for name, value in point.items():
        if name not in known:
            raise ConfigError(SPACE, name, [*known, PRECISION])
        changes[name] = _value(known[name], value)
    if changes.get("prompts") is Prompts.topics:
        allowed = "stories, paragraph: texts about topics have no matched ones to be compared with"
        raise ConfigError(f"{SPACE}.prompts", "topics", allowed)
    if "centring" in changes and "unit_norm" not in changes:
        changes["unit_norm"] = changes["centring"] is MATCHED.centring
    return replace(sub, **changes)


def _value(field: Field[Any], value: Any) -> Any:
    """A value of the space as a sub-parameter's own."""
    parameter, kind = f"{SPACE}.{field.name}", type(getattr(MATCHED, field.name))
    if issubclass(kind, Enum):
        allowed = [str(member.value) for member in kind]
        if value not in allowed:
            raise ConfigError(parameter, value, allowed)
        return kind(value)
    if field.name == "layer":
        number = type(value) is int and value >= 0
        if not number and not (isinstance(value, str) and LAYER.fullmatch(value)):
            raise ConfigError(parameter, value, f"{', '.join(LAYERS)}, or a layer's number from 0")
        return str(value)
    if type(value) is not kind:
        raise ConfigError(parameter, value, KINDS[kind])
    least, most = (field.metadata.get(name, value) for name in ("min", "max"))
    if not least <= value <= most:
        raise ConfigError(parameter, value, f"whole numbers from {least} to {most}")
    return value

"""What job=steer needs, checked before a run is opened: scenarios, vectors, doses, judge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emo.activations.embedding import table_rows
from emo.activations.reading import note_appended
from emo.config.enums import SteerControl, SteerVector
from emo.config.schema import RunConfig, canonical
from emo.core.choices import Direction
from emo.errors import ConfigError
from emo.generation.generating import check_prompts, check_room
from emo.generation.prompting import prompt_ids
from emo.generation.samples import Request
from emo.generation.texts import TextStore
from emo.models.weights import Weights
from emo.pipeline.steering_judges import (
    JUDGE_FIELDS,
    check_judges,
    judge_identities,
    open_judges,
)
from emo.pipeline.steering_vectors import WantedVectors, fitting_sites, vectors_identity
from emo.runs.identity import batch_decides, reader_identity, text_identity
from emo.runs.plan import Plan, make_plan
from emo.runs.versions import STEER_VERSION
from emo.steering.doses import Dose, Site, parse_sites, plan_doses
from emo.steering.judging import Judge
from emo.stimuli.scenarios import Scenario, load_scenarios

if TYPE_CHECKING:
    from emo.core.records import EmotionVectors
    from emo.generation.ways import Way
    from emo.models.loading import LoadedModel
    from emo.runs.logged import LoggedRun


@dataclass(frozen=True)
class Chosen:
    """The scenarios of a run, and the file they are of."""

    scenarios: tuple[Scenario, ...]
    """Those that are steered."""
    listed: tuple[Scenario, ...]
    """All of the file; the unsteered texts of all set the limits of the robust rule."""
    sha256: str


def chosen_scenarios(config: RunConfig) -> Chosen:
    """The scenarios asked for and those of their file; what needs no model is checked here.

    Raises
    ------
    EmoError
        If one of the steering parameters is not allowed.
    """
    steer = config.job.steer
    parse_sites(steer.layers)
    good = [math.isfinite(s) and s >= 0 for s in steer.strengths]
    if not all(good) or not good or len(set(steer.strengths)) < len(good):
        raise ConfigError("job.steer.strengths", steer.strengths, "different numbers of at least 0")
    check_judges(steer)
    emotions = steer.emotions
    if emotions is not None and (not emotions or len(set(emotions)) < len(emotions)):
        raise ConfigError(
            "job.steer.emotions", emotions, "null, or emotions of the vectors, each once"
        )
    if len(set(steer.controls)) < len(steer.controls):
        raise ConfigError(
            "job.steer.controls", [c.value for c in steer.controls], "each control once"
        )
    listed = load_scenarios(config.path(steer.scenarios_path) if steer.scenarios_path else None)
    by_id = {s.id: s for s in listed.items}
    names = list(by_id) if steer.scenarios is None else steer.scenarios
    if not names or len(set(names)) < len(names) or not set(names) <= set(by_id):
        allowed = f"each once, of {', '.join(by_id)}"
        raise ConfigError("job.steer.scenarios", names, allowed, by_id)
    return Chosen(tuple(by_id[name] for name in names), tuple(listed.items), listed.sha256)


def steer_plan(config: RunConfig, scenarios_sha256: str) -> Plan:
    """The plan, named by everything that can change a text or a verdict.

    Raises
    ------
    EmoError
        If the run named has no vectors that can be added.
    """
    steer = config.job.steer
    vectors = vectors_identity(config, wanted_vectors(config))

    def identity(config: RunConfig, weights: Weights, device: str, _sha256: str) -> dict[str, Any]:
        settings = canonical(steer)
        for name in ("name", "run", "scenarios_path", *JUDGE_FIELDS):
            del settings[name]
        if not steer.permuted:
            del settings["permuted"]
        if steer.chat_template and config.model.thinking is not None:
            settings["thinking"] = config.model.thinking
        return {
            "job": "steer",
            "version": STEER_VERSION,
            "reader": reader_identity(config, weights, device),
            "vectors": vectors,
            "steer": settings,
            "scenarios": scenarios_sha256,
            **judge_identities(config),
            "batch_size": (
                [config.batch_size, config.decode_batch_size] if batch_decides(config) else None
            ),
            "seed": config.seed,
        }

    return make_plan(config, identity)


def wanted_vectors(config: RunConfig) -> WantedVectors:
    """The vectors that job=steer adds."""
    return WantedVectors("job.steer", config.job.steer.run, config.job.steer.criterion)


@dataclass(frozen=True)
class Work:
    """Everything a sweep needs, checked before a run is opened."""

    plan: Plan
    loaded: LoadedModel
    vectors: EmotionVectors
    source: int | None
    scenarios: tuple[Scenario, ...]
    listed: tuple[Scenario, ...]
    doses: list[Dose]
    prompts: dict[str, tuple[int, ...]]
    judge: Judge
    second: Judge | None = None
    """Scores the same texts beside the judge."""


def scenario_prompts(
    config: RunConfig, scenarios: tuple[Scenario, ...], loaded: LoadedModel
) -> dict[str, tuple[int, ...]]:
    """The token ids of each scenario's prompt, by the scenario's id.

    Raises
    ------
    ConfigError
        If the model has no room for a prompt and its text.
    ModelError
        If the model has no embedding for a token of a prompt.
    """
    steer, thinking = config.job.steer, config.model.thinking
    prompts = {
        s.id: prompt_ids(loaded.tokenizer, s.text, steer.chat_template, thinking).ids
        for s in scenarios
    }
    note_appended(loaded.tokenizer)
    requests = [Request(ids) for ids in prompts.values()]
    check_prompts(requests, table_rows(loaded.model))
    parameters = ("job.steer.max_new_tokens", "job.steer.scenarios_path")
    check_room(requests, steer.max_new_tokens, loaded.context, *parameters)
    return prompts


def prepare(
    config: RunConfig,
    plan: Plan,
    chosen: Chosen,
    prompts: dict[str, tuple[int, ...]],
    source: LoggedRun,
    loaded: LoadedModel,
) -> Work:
    """Fit what was asked for to this model and these vectors.

    Raises
    ------
    ConfigError
        If a layer or an emotion does not fit.
    """
    steer, vectors, scenarios = config.job.steer, source.vectors, chosen.scenarios
    wanted = list(dict.fromkeys(steer.emotions or [s.emotion for s in scenarios]))
    if missing := [e for e in wanted if e not in vectors.emotions]:
        where = "job.steer.emotions" if steer.emotions else "job.steer.scenarios: emotion"
        raise ConfigError(where, missing[0], vectors.emotions)
    needs_best = steer.vector is SteerVector.best
    sites, best = fitting_sites(source, loaded, wanted_vectors(config), steer.layers, needs_best)
    if len(vectors.emotions) < 2 and SteerControl.shuffled in steer.controls:
        allowed = "controls without shuffled: the run has a single vector"
        raise ConfigError("job.steer.controls", "shuffled", allowed)
    return Work(
        plan,
        loaded,
        vectors,
        best if steer.vector is SteerVector.best else None,
        scenarios,
        chosen.listed,
        _doses(config, scenarios, sites),
        prompts,
        *open_judges(config, loaded.device),
    )


def text_store(plan: Plan, way: Way) -> TextStore:
    """The store of steered texts: by the backend, too, so that backends can be compared."""
    config = plan.config
    identity = {
        "steered": text_identity(config, plan.weights, plan.device),
        "reader": reader_identity(config, plan.weights, plan.device),
    }
    if config.backend.label != "hooked":  # which has one way, always
        identity |= way.identity
    return TextStore(config.path(config.paths.store), identity)


def _doses(config: RunConfig, scenarios: tuple[Scenario, ...], sites: list[Site]) -> list[Dose]:
    directions = [Direction.target, *(c.direction for c in config.job.steer.controls)]
    emotions = config.job.steer.emotions
    strengths = sorted(config.job.steer.strengths)
    permuted = config.job.steer.permuted
    return plan_doses(scenarios, emotions, directions, sites, strengths, permuted)

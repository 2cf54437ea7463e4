"""The vector that job=behave adds while a model answers, and the directions that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emo.config.jobs import BehaveSteerConfig
from emo.config.schema import RunConfig, canonical
from emo.core.choices import Direction
from emo.core.stats.resampling import stream
from emo.core.steering.text_measures import derangement
from emo.errors import ConfigError
from emo.pipeline.steering_vectors import (
    WantedVectors,
    fitting_sites,
    vectors_identity,
    vectors_run,
)
from emo.runs.plan import Plan
from emo.steering.doses import Additions, Dose, parse_sites
from emo.stimuli.scenarios import Scenario

if TYPE_CHECKING:
    from emo.runs.logged import LoggedRun
    from emo.steering.injection import Addition
    from emo.steering.steerable import Steerable

SETTING = "job.behave.steer"
PLAIN = Scenario("plain texts", "", "", "")
"""Stands as the scenario of all conversations. They share one dose: its unit is the mean residual norm
of the bundled plain texts."""


@dataclass(frozen=True)
class Added:
    """One vector that everything is asked under."""

    direction: Direction
    draw: int
    """Number of the permuted vector, from 1; 0 for the other directions."""
    addition: Addition


@dataclass(frozen=True)
class Directions:
    """The emotion's vector, first, and each control, all of one norm."""

    emotion: str
    site: str
    strength: float
    added: tuple[Added, ...]
    source: LoggedRun
    """The run whose vectors they are."""


def wanted_vectors(config: RunConfig) -> WantedVectors:
    """The vectors that job=behave adds."""
    steer = config.job.behave.steer
    return WantedVectors(SETTING, steer.run, steer.criterion)


def check_steering(config: RunConfig) -> None:
    """Refuse settings that are wrong whatever the model is.

    Raises
    ------
    ConfigError
        If something is set and nothing is added, a control is named twice, or there are several sites.
    """
    steer, usual = config.job.behave.steer, canonical(BehaveSteerConfig())
    if steer.emotion is None:
        changed = [k for k, v in canonical(steer).items() if v != usual[k]]
        if changed:
            allowed = f"an emotion where {SETTING}.{changed[0]} is set"
            raise ConfigError(f"{SETTING}.emotion", None, allowed)
        return
    if len(parse_sites(steer.layers, parameter=f"{SETTING}.layers")) > 1:
        allowed = (
            "best, all, a layer, or a range such as 8-15: conversations are held under one dose"
        )
        raise ConfigError(f"{SETTING}.layers", steer.layers, allowed)
    controls = [c.value for c in steer.controls]
    if len(set(controls)) < len(controls):
        raise ConfigError(f"{SETTING}.controls", controls, "each control once")


def steering_identity(config: RunConfig) -> dict[str, object]:
    """The part of a fingerprint that says what is added; empty where nothing is.

    Raises
    ------
    EmoError
        If the run named has no vectors that can be added.
    """
    steer = config.job.behave.steer
    if steer.emotion is None:
        return {}
    settings = canonical(steer)
    del settings["run"]
    settings["layers"] = str(settings["layers"])
    return {"steer": {**settings, "vectors": vectors_identity(config, wanted_vectors(config))}}


def open_directions(plan: Plan, model: Steerable) -> Directions | None:
    """The vectors to be added; None where nothing is. A missing extraction is made.

    Raises
    ------
    EmoError
        If the vectors are not this model's, a layer or the emotion is missing, or a vector is beyond the
        range of the model's numbers.
    """
    config, steer = plan.config, plan.config.job.behave.steer
    if steer.emotion is None:
        return None
    source = vectors_run(config, plan.weights.revision, wanted_vectors(config))
    vectors = source.vectors
    if steer.emotion not in vectors.emotions:
        raise ConfigError(f"{SETTING}.emotion", steer.emotion, vectors.emotions)
    if len(vectors.emotions) < 2 and Direction.shuffled in steer.controls:
        allowed = "controls without shuffled: the run has a single vector"
        raise ConfigError(f"{SETTING}.controls", "shuffled", allowed)
    wanted = wanted_vectors(config)
    (site,), _ = fitting_sites(source, model.loaded, wanted, steer.layers, needs_best=False)
    directions = [(Direction.target, 0), *((c.direction, 0) for c in steer.controls)]
    directions += [(Direction.permuted, draw) for draw in range(1, steer.permuted + 1)]
    doses = [
        Dose(PLAIN, steer.emotion, direction, site, steer.strength, draw)
        for direction, draw in directions
    ]
    additions = _additions(plan, model, source, doses)
    return Directions(
        steer.emotion,
        site.name,
        steer.strength,
        tuple(Added(d.direction, d.draw, additions.addition(d)) for d in doses),
        source,
    )


def _additions(plan: Plan, model: Steerable, source: LoggedRun, doses: list[Dose]) -> Additions:
    """The vectors of doses, checked to be within the range of the model's numbers."""
    import torch

    from emo.steering.damage import plain_texts
    from emo.steering.scoring import mean_norms

    config, vectors = plan.config, source.vectors
    texts = list(plain_texts(model.loaded).values())
    norms = mean_norms(model, texts, config.batch_size, doses[0].site.layers).mean(axis=0)
    rng = stream(config.seed, "steering", "shuffled")
    partners = derangement(vectors.emotions, rng) if len(vectors.emotions) > 1 else {}
    additions = Additions(
        vectors, {PLAIN.id: norms}, partners, None, config.seed, SETTING, "strength"
    )
    dtype = model.loaded.model.dtype
    largest = min(torch.finfo(t).max for t in (dtype, torch.float32))
    additions.check_range(doses, largest, str(dtype).split(".")[-1])
    return additions

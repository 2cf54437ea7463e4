"""Which vector is added where and how strongly: layers, directions, strengths as planned doses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from emo.core.records import EmotionVectors
from emo.core.stats.resampling import stream
from emo.core.steering.text_measures import Direction, randomly_turned
from emo.errors import ConfigError, EmoError
from emo.steering.injection import Addition
from emo.stimuli.scenarios import Scenario

MOST_LAYERS = 10_000
LAYERS_ALLOWED = "all, best, a layer, a range such as 8-15 (steered at once), or a list of these"


@dataclass(frozen=True)
class Site:
    """Layers steered at the same time, and what they are called."""

    name: str
    layers: tuple[int, ...]


@dataclass(frozen=True)
class Dose:
    """One text to be written: a scenario under a strength of a direction at a site."""

    scenario: Scenario
    emotion: str
    direction: Direction
    site: Site
    strength: float


def parse_sites(value: Any, n_layers: int | None = None, best: int | None = None) -> list[Site]:
    """``job.steer.layers`` as sites. Without the number of layers only the form is checked.

    Raises
    ------
    ConfigError
        If an entry is none of these, is named twice, or is beyond the last layer.
    """
    entries = [str(v).strip() for v in (value if isinstance(value, (list, tuple)) else [value])]
    sites = [_site(entry, value, n_layers, best) for entry in entries]
    if not sites or len({s.name for s in sites}) < len(sites):
        raise ConfigError("job.steer.layers", value, f"{LAYERS_ALLOWED}, each once")
    return sites


def _site(entry: str, value: Any, n_layers: int | None, best: int | None) -> Site:
    if entry == "all":
        return Site("all", tuple(range(n_layers or 0)))
    if entry == "best":
        return Site("best" if best is None else f"best_{best}", () if best is None else (best,))
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", entry)
    if match is None:
        raise ConfigError("job.steer.layers", value, LAYERS_ALLOWED)
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise ConfigError("job.steer.layers", value, f"{LAYERS_ALLOWED}; {entry} is empty")
    if n_layers is not None and last >= n_layers:
        raise ConfigError("job.steer.layers", value, f"layers 0 to {n_layers - 1} of this model")
    if last >= MOST_LAYERS:
        raise ConfigError(
            "job.steer.layers", value, f"{LAYERS_ALLOWED}; no model has {MOST_LAYERS} layers"
        )
    return Site(entry, tuple(range(first, last + 1)))


def plan_doses(
    scenarios: Sequence[Scenario],
    emotions: Sequence[str] | None,
    directions: Sequence[Direction],
    sites: Sequence[Site],
    strengths: Sequence[float],
) -> list[Dose]:
    """Every steered text: all combinations, each scenario with its own emotion or with all given."""
    return [
        Dose(scenario, emotion, direction, site, strength)
        for scenario in scenarios
        for emotion in (emotions or [scenario.emotion])
        for site in sites
        for direction in directions
        for strength in strengths
    ]


class Additions:
    """From doses to what is added: strength x mean residual norm of the prompt x a unit vector.

    The unit vector is the emotion's at ``source`` (one layer's vector at every site, as published) or,
    with ``source`` None, at the steered layer itself. The norm is the mean over the prompt's tokens
    at the steered layer, unsteered: a text's dose depends on its prompt and on nothing else in the
    batch, and steering at earlier layers does not change it.
    """

    def __init__(
        self,
        vectors: EmotionVectors,
        norms: Mapping[str, Float64[np.ndarray, " layer"]],
        partners: Mapping[str, str],
        source: int | None,
        seed: int,
    ) -> None:
        self._vectors = vectors
        self._norms = norms
        self.partners = partners
        self._source = source
        self._seed = seed
        self._turned: dict[tuple[str, str, Site], Float64[np.ndarray, "layer hidden"]] = {}

    def addition(self, dose: Dose) -> Addition:
        """Layer -> vector, float32; empty at strength 0.

        Raises
        ------
        EmoError
            If the emotion has no usable vector at a layer.
        """
        if dose.strength == 0:
            return {}
        norms = self._norms[dose.scenario.id]
        return {
            layer: (dose.strength * norms[layer] * unit).astype(np.float32)
            for layer, unit in zip(dose.site.layers, self._units(dose), strict=True)
        }

    def check_range(self, doses: Sequence[Dose], largest: float, dtype: str) -> None:
        """Refuse strengths whose vectors the model's numbers cannot hold.

        Raises
        ------
        ConfigError
            With the largest strength that all scenarios, layers and directions allow.
        """
        most = min(
            largest / float(self._norms[dose.scenario.id][layer] * np.abs(unit).max())
            for dose in doses
            for layer, unit in zip(dose.site.layers, self._units(dose), strict=True)
        )
        if (strongest := max(dose.strength for dose in doses)) > most:
            raise ConfigError(
                "job.steer.strengths", strongest, f"at most {most:.3g} here ({dtype})"
            )

    def _units(self, dose: Dose) -> Float64[np.ndarray, "layer hidden"]:
        """One unit vector a layer of the site."""
        if dose.direction is Direction.random:
            return self._random(dose)
        name = dose.emotion
        if dose.direction is Direction.shuffled:
            name = self.partners[name]
        units = np.stack([self._unit(name, layer) for layer in dose.site.layers])
        return -units if dose.direction is Direction.opposite else units

    def _random(self, dose: Dose) -> Float64[np.ndarray, "layer hidden"]:
        key = (dose.scenario.id, dose.emotion, dose.site)
        if key not in self._turned:
            target = np.stack([self._unit(dose.emotion, layer) for layer in dose.site.layers])
            rng = stream(self._seed, "steering", dose.scenario.id, dose.emotion)
            self._turned[key] = randomly_turned(target, rng)
        return self._turned[key]

    def _unit(self, name: str, layer: int) -> Float64[np.ndarray, " hidden"]:
        layer = layer if self._source is None else self._source
        vector = self._vectors.values[layer, self._vectors.emotions.index(name)]
        length = np.linalg.norm(vector)
        if not np.isfinite(length) or length == 0:
            raise EmoError(
                f"job.steer.layers: the vector of {name} at layer {layer} has norm {length}; take other "
                "layers, or vectors extracted with precision=bf16 or fp32"
            )
        return vector / length

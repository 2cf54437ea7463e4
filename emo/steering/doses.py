"""The doses of a steering run: which vector is added at which layers, and how strongly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from jaxtyping import Float64

from emo.core.choices import Direction
from emo.core.records import EmotionVectors
from emo.core.stats.resampling import stream
from emo.core.steering.text_measures import randomly_turned
from emo.errors import ConfigError, EmoError
from emo.steering.injection import Addition
from emo.stimuli.scenarios import Scenario

MOST_LAYERS = 10_000
LAYERS_ALLOWED = "all, best, a layer, a range such as 8-15 (steered at once), or a list of these"


@dataclass(frozen=True)
class Site:
    """Layers that are steered at the same time, and the name of the group."""

    name: str
    layers: tuple[int, ...]


@dataclass(frozen=True)
class Dose:
    """One text to write: a scenario under a direction, at a site, with a strength."""

    scenario: Scenario
    emotion: str
    direction: Direction
    site: Site
    strength: float
    draw: int = 0
    """Number of the permuted vector, from 1; 0 for the other directions."""


def parse_sites(
    value: Any,
    n_layers: int | None = None,
    best: int | None = None,
    parameter: str = "job.steer.layers",
) -> list[Site]:
    """The sites of a parameter's value; without the number of layers, only its form is checked.

    Raises
    ------
    ConfigError
        If an entry is malformed, is named twice, or is beyond the last layer.
    """
    entries = [str(v).strip() for v in (value if isinstance(value, (list, tuple)) else [value])]
    sites = [_site(entry, value, n_layers, best, parameter) for entry in entries]
    if not sites or len({s.name for s in sites}) < len(sites):
        raise ConfigError(parameter, value, f"{LAYERS_ALLOWED}, each once")
    return sites


def _site(entry: str, value: Any, n_layers: int | None, best: int | None, parameter: str) -> Site:
    if entry == "all":
        return Site("all", tuple(range(n_layers or 0)))
    if entry == "best":
        return Site("best" if best is None else f"best_{best}", () if best is None else (best,))
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", entry)
    if match is None:
        raise ConfigError(parameter, value, LAYERS_ALLOWED)
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise ConfigError(parameter, value, f"{LAYERS_ALLOWED}; {entry} is empty")
    if n_layers is not None and last >= n_layers:
        raise ConfigError(parameter, value, f"layers 0 to {n_layers - 1} of this model")
    if last >= MOST_LAYERS:
        raise ConfigError(parameter, value, f"{LAYERS_ALLOWED}; no model has {MOST_LAYERS} layers")
    return Site(entry, tuple(range(first, last + 1)))


def plan_doses(
    scenarios: Sequence[Scenario],
    emotions: Sequence[str] | None,
    directions: Sequence[Direction],
    sites: Sequence[Site],
    strengths: Sequence[float],
    permuted: int = 0,
) -> list[Dose]:
    """All combinations of the settings; each scenario has its own emotion, or all given ones.

    ``permuted`` is the number of permuted vectors per emotion, which come last at every site.
    """
    vectors = [(direction, 0) for direction in directions]
    vectors += [(Direction.permuted, draw) for draw in range(1, permuted + 1)]
    return [
        Dose(scenario, emotion, direction, site, strength, draw)
        for scenario in scenarios
        for emotion in (emotions or [scenario.emotion])
        for site in sites
        for direction, draw in vectors
        for strength in strengths
    ]


class Additions:
    """The vectors of doses: strength x mean residual norm of the prompt x a unit vector.

    The unit vector is the emotion's vector at layer ``source`` (one vector for all sites, as published)
    or, if ``source`` is None, at the steered layer. The norm is the mean over the prompt's tokens at the
    steered layer of the unsteered model (:func:`emo.steering.scoring.mean_norms`), so a text's dose
    depends on its prompt only, and not on its batch or on steering at earlier layers. Refusals name the
    parameters ``layers`` and ``strength`` of ``setting``.
    """

    def __init__(
        self,
        vectors: EmotionVectors,
        norms: Mapping[str, Float64[np.ndarray, " layer"]],
        partners: Mapping[str, str],
        source: int | None,
        seed: int,
        setting: str = "job.steer",
        strength: str = "strengths",
    ) -> None:
        self._vectors = vectors
        self._norms = norms
        self.partners = partners
        self._source = source
        self._seed = seed
        self._setting = setting
        self._strength = f"{setting}.{strength}"
        self._turned: dict[tuple[str, str, Site], Float64[np.ndarray, "layer hidden"]] = {}

    def addition(self, dose: Dose) -> Addition:
        """The vector of each layer, in float32; no layer at strength 0.

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
        """Refuse strengths whose vectors overflow the model's number format.

        Raises
        ------
        ConfigError
            Naming the largest strength that all scenarios, layers and directions allow.
        """
        most = min(
            largest / float(self._norms[dose.scenario.id][layer] * np.abs(unit).max())
            for dose in doses
            for layer, unit in zip(dose.site.layers, self._units(dose), strict=True)
        )
        if (strongest := max(dose.strength for dose in doses)) > most:
            raise ConfigError(self._strength, strongest, f"at most {most:.3g} here ({dtype})")

    def _units(self, dose: Dose) -> Float64[np.ndarray, "layer hidden"]:
        """One unit vector per layer of the site."""
        match dose.direction:
            case Direction.target:
                return self._along(dose.emotion, dose.site)
            case Direction.opposite:
                return -self._along(dose.emotion, dose.site)
            case Direction.shuffled:
                return self._along(self.partners[dose.emotion], dose.site)
            case Direction.random:
                return self._random(dose)
            case Direction.permuted:
                return self._permuted(dose)
            case _:
                assert_never(dose.direction)

    def _along(self, emotion: str, site: Site) -> Float64[np.ndarray, "layer hidden"]:
        return np.stack([self._unit(emotion, layer) for layer in site.layers])

    def _random(self, dose: Dose) -> Float64[np.ndarray, "layer hidden"]:
        key = (dose.scenario.id, dose.emotion, dose.site)
        if key not in self._turned:
            target = self._along(dose.emotion, dose.site)
            rng = stream(self._seed, "steering", dose.scenario.id, dose.emotion)
            self._turned[key] = randomly_turned(target, rng)
        return self._turned[key]

    def _permuted(self, dose: Dose) -> Float64[np.ndarray, "layer hidden"]:
        """One permutation of the dimensions per emotion and draw: one vector for all scenarios."""
        rng = stream(self._seed, "steering", "permuted", dose.emotion, str(dose.draw))
        target = self._along(dose.emotion, dose.site)
        return target[:, rng.permutation(target.shape[1])]

    def _unit(self, name: str, layer: int) -> Float64[np.ndarray, " hidden"]:
        layer = layer if self._source is None else self._source
        vector = self._vectors.values[layer, self._vectors.emotions.index(name)]
        length = np.linalg.norm(vector)
        if not np.isfinite(length) or length == 0:
            raise EmoError(
                f"{self._setting}.layers: the vector of {name} at layer {layer} has norm {length}; take "
                "other layers, or vectors extracted with precision=bf16 or fp32"
            )
        return vector / length

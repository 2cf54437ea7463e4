"""The points of a study: what is varied, and which point is at each place of its sequence.

A point is a function of the study's seed and of the place (of the values told before, too, with tpe),
and not of how often a trial at that place was killed, or of who evaluates it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from emo.config.enums import SamplerName
from emo.core.stats.resampling import stream

Value = str | int | float | bool | None

PLACE = "place"
"""Attribute of a trial: its place in the study's sequence."""


def place_of(trial: FrozenTrial) -> int:
    """A trial's place; the number of one from before there were places."""
    return trial.user_attrs.get(PLACE, trial.number)


@dataclass(frozen=True)
class Space:
    """What is varied: the values each parameter may take. One value means it is held fixed."""

    choices: Mapping[str, Sequence[Value]]

    @property
    def varied(self) -> dict[str, CategoricalDistribution]:
        """Optuna's distributions of the parameters that have several values."""
        return {
            name: CategoricalDistribution(tuple(values))
            for name, values in self.choices.items()
            if len(values) > 1
        }

    @property
    def fixed(self) -> dict[str, Value]:
        """The others."""
        return {name: v[0] for name, v in self.choices.items() if len(v) == 1}

    @property
    def size(self) -> int:
        """How many points there are."""
        return math.prod(len(values) for values in self.choices.values())


class _Given(RandomSampler):
    """Takes a point that has been chosen."""

    def __init__(self, point: Mapping[str, Value]) -> None:
        super().__init__()
        self.point = point

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Value:
        return self.point[param_name]


def sampler_at(name: SamplerName, space: Space, place: int, seed: int) -> BaseSampler:
    """What draws the point at a place of a study's sequence; a grid has a place for each of its points.

    Optuna's own GridSampler forgets points whose trial failed. Its QMCSampler counts what it has drawn
    in the storage, where two processes read the same count, and draws the first trial of each that
    starts on an empty study at random, all alike.
    """
    match name:
        case SamplerName.random:
            return RandomSampler(seed=_seed_at(place, seed))
        case SamplerName.tpe:
            return TPESampler(seed=_seed_at(place, seed))
        case SamplerName.grid:
            return _Given(_of_grid(space, place, seed))
        case SamplerName.qmc:
            return _Given(_of_sequence(space, place, seed))


def _seed_at(place: int, seed: int) -> int:
    return int(stream(seed, "trial", place).integers(2**32))


def _of_sequence(space: Space, place: int, seed: int) -> dict[str, Value]:
    """A point of the study's one scrambled Sobol' sequence, a coordinate a parameter."""
    from scipy.stats.qmc import Sobol

    varied = sorted(space.varied.items())
    sequence = Sobol(len(varied), scramble=True, rng=stream(seed, "sequence"))
    if place:
        sequence.fast_forward(place)
    return {
        name: distribution.choices[int(coordinate * len(distribution.choices))]
        for coordinate, (name, distribution) in zip(sequence.random(1)[0], varied, strict=True)
    }


def _of_grid(space: Space, place: int, seed: int) -> dict[str, Value]:
    """A point of the grid, all points in the study's own random order."""
    varied = space.varied
    sizes = [len(distribution.choices) for distribution in varied.values()]
    levels = np.unravel_index(_shuffled(space.size, seed).at(place), sizes)
    return {
        name: distribution.choices[int(level)]
        for level, (name, distribution) in zip(levels, varied.items(), strict=True)
    }


class _Shuffled:
    """The numbers below ``size`` in random order, drawn as far as they have been asked for."""

    def __init__(self, size: int, seed: int) -> None:
        self._left, self._order, self._seed = list(range(size)), list[int](), seed

    def at(self, place: int) -> int:
        while len(self._order) <= place:
            draw = stream(self._seed, "trial", len(self._order)).integers(len(self._left))
            self._order.append(self._left.pop(draw))
        return self._order[place]


_shuffled = lru_cache(maxsize=4)(_Shuffled)

"""The space of a study, and the point at each place of its sequence.

A point depends on the study's seed and on the place (with tpe also on the values of earlier trials). It
does not depend on the process that evaluates it, or on how often a trial at its place was killed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

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
    """The place of a trial; its number if an earlier version made it."""
    return trial.user_attrs.get(PLACE, trial.number)


@dataclass(frozen=True)
class Space:
    """The values that each parameter may take; a parameter with one value is held fixed."""

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
        """The parameters that have one value, with that value."""
        return {name: v[0] for name, v in self.choices.items() if len(v) == 1}

    @property
    def size(self) -> int:
        """The number of points."""
        return math.prod(len(values) for values in self.choices.values())


class _Given(RandomSampler):
    """Gives the parameters of a point that was chosen before."""

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
    """The sampler of the point at a place of a study's sequence; a grid has a place per point.

    Optuna's own GridSampler forgets points whose trial failed. Its QMCSampler keeps the number of its
    draws in the storage, where two processes read the same number. Each process that starts on an empty
    study draws its first trial at random, and all of them draw the same one.
    """
    match name:
        case SamplerName.random:
            return RandomSampler(seed=_seed_at(place, seed))
        case SamplerName.tpe:
            return TPESampler(seed=_seed_at(place, seed))
        case SamplerName.grid:
            return _Given(_grid_point(space, place, seed))
        case SamplerName.qmc:
            return _Given(_sequence_point(space, place, seed))
        case _:
            assert_never(name)


def _seed_at(place: int, seed: int) -> int:
    return int(stream(seed, "trial", place).integers(2**32))


def _sequence_point(space: Space, place: int, seed: int) -> dict[str, Value]:
    """The point at a place of the study's scrambled Sobol' sequence: a coordinate per parameter."""
    from scipy.stats.qmc import Sobol

    varied = sorted(space.varied.items())
    sequence = Sobol(len(varied), scramble=True, rng=stream(seed, "sequence"))
    if place:
        sequence.fast_forward(place)
    return {
        name: distribution.choices[int(coordinate * len(distribution.choices))]
        for coordinate, (name, distribution) in zip(sequence.random(1)[0], varied, strict=True)
    }


def _grid_point(space: Space, place: int, seed: int) -> dict[str, Value]:
    """The point at a place of the grid, whose points are in a random order of the study."""
    varied = space.varied
    sizes = [len(distribution.choices) for distribution in varied.values()]
    levels = np.unravel_index(_shuffled(space.size, seed).number(place), sizes)
    return {
        name: distribution.choices[int(level)]
        for level, (name, distribution) in zip(levels, varied.items(), strict=True)
    }


class _Shuffled:
    """The numbers below ``size`` in random order, drawn up to the last place that was asked for."""

    def __init__(self, size: int, seed: int) -> None:
        self._undrawn, self._order, self._seed = list(range(size)), list[int](), seed

    def number(self, place: int) -> int:
        """The number at a place of the order."""
        while len(self._order) <= place:
            draw = stream(self._seed, "trial", len(self._order)).integers(len(self._undrawn))
            self._order.append(self._undrawn.pop(draw))
        return self._order[place]


_shuffled = lru_cache(maxsize=4)(_Shuffled)

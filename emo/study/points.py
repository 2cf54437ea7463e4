"""The points of a study: what is varied, and which point each trial takes.

Every trial draws from a stream of its own number, so that a resumed study draws nothing twice and
processes that start together draw different points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from emo.choices import SamplerName
from emo.core.resampling import stream

Value = str | int | float | bool | None


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


def trial_sampler(
    name: SamplerName, study: optuna.Study, space: Space, number: int, seed: int
) -> BaseSampler | None:
    """The sampler of one trial; None if a grid has no point left for it.

    Optuna's own GridSampler forgets points whose trial failed. Its QMCSampler counts what it has drawn
    in the storage, where two processes read the same count, and draws the first trial of each that
    starts on an empty study at random, all alike.
    """
    rng = stream(seed, "trial", number)
    match name:
        case SamplerName.random:
            return RandomSampler(seed=int(rng.integers(2**32)))
        case SamplerName.tpe:
            return TPESampler(seed=int(rng.integers(2**32)))
        case SamplerName.grid:
            left = untried(study, space)
            return _Given(left[rng.integers(len(left))]) if left else None
        case SamplerName.qmc:
            return _Given(_of_sequence(space, number, seed))


def _of_sequence(space: Space, number: int, seed: int) -> dict[str, Value]:
    """A trial's point of the study's one scrambled Sobol' sequence, a coordinate a parameter."""
    from scipy.stats.qmc import Sobol

    varied = sorted(space.varied.items())
    sequence = Sobol(len(varied), scramble=True, rng=stream(seed, "sequence"))
    if number:
        sequence.fast_forward(number)
    return {
        name: distribution.choices[int(place * len(distribution.choices))]
        for place, (name, distribution) in zip(sequence.random(1)[0], varied, strict=True)
    }


def untried(study: optuna.Study, space: Space) -> list[dict[str, Value]]:
    """Points that no complete or running trial has."""
    names = list(space.varied)
    drawn = [t.params for t in live(study) if len(t.params) == len(names)]
    tried = {tuple(repr(params[name]) for name in names) for params in drawn}
    points = itertools.product(*(d.choices for d in space.varied.values()))
    return [
        dict(zip(names, point, strict=True))
        for point in points
        if tuple(map(repr, point)) not in tried
    ]


def live(study: optuna.Study) -> list[FrozenTrial]:
    """Complete and running trials, by number."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING))

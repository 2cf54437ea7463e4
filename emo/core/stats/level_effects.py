"""What each value of several parameters changes in a response, from points of any design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from emo.core.stats.intervals import LEVEL, Estimates
from emo.core.stats.jackknife import estimates


@dataclass(frozen=True)
class LevelEffects:
    """Changes of the response from each parameter's first value to its others."""

    names: tuple[tuple[str, Any], ...]
    """Parameter and value of every change."""
    change: Estimates
    """In units of the response, [change]; each interval of the level asked for."""
    told: tuple[str, ...]
    """Parameters with a change that differs from zero, all changes taken together (Bonferroni)."""


def level_effects(
    choices: Mapping[str, Sequence[Any]],
    points: Sequence[Mapping[str, Any]],
    response: Float64[np.ndarray, " point"],
    left_out: Float64[np.ndarray, "unit point"],
    level: float = LEVEL,
) -> LevelEffects | None:
    """Main effects by least squares, with jackknife intervals over the units left out.

    ``choices`` are the values of every parameter, its first one first. None if the points do not tell
    all changes apart. The intervals hold the error of the responses, not that of other points.

    Example
    -------
    >>> points = [{"x": 0}, {"x": 1}]
    >>> found = level_effects({"x": [0, 1]}, points, np.array([1.0, 0.5]), np.empty((0, 2)))
    >>> found.names, found.change.value.round(3)
    ((('x', 1),), array([-0.5]))
    """
    names = [(name, value) for name, values in choices.items() for value in values[1:]]
    columns = [[float(p[name] == value) for p in points] for name, value in names]
    design = np.array([[1.0] * len(points), *columns]).T
    if len(points) < design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    linear = np.linalg.pinv(design)[1:].T
    without = left_out if np.isfinite(left_out).all() else left_out[:0]

    def changes(at: float) -> Estimates:
        return estimates(response @ linear, without @ linear, at)

    together = changes(1 - (1 - level) / len(names))
    sure = (together.low > 1e-9) | (together.high < -1e-9)
    told = dict.fromkeys(name for (name, _), s in zip(names, sure, strict=True) if s)
    return LevelEffects(tuple(names), changes(level), tuple(told))

"""What each value of a parameter changes in a study's objective, against the noise of the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from optuna.trial import FrozenTrial

from emo.core.stats.level_effects import LevelEffects, level_effects
from emo.study.space import Space
from emo.study.trials import values_of

WITHOUT = "_without_"
"""Stands between an objective and the number of the emotion that its value is without."""


def without_each(objective: str, values: Sequence[float]) -> dict[str, float]:
    """Names of an objective's values without each emotion, as an evaluation returns them."""
    return {f"{objective}{WITHOUT}{i:02d}": float(value) for i, value in enumerate(values, 1)}


def effects_of(
    space: Space, trials: Sequence[FrozenTrial], objectives: Sequence[str]
) -> dict[str, LevelEffects]:
    """Objective -> changes with intervals, for those whose trials have values without each emotion."""
    choices = {name: d.choices for name, d in space.varied.items()}
    changes = {}
    for i, objective in enumerate(objectives):
        left_out = [_left_out(values_of(t), objective) for t in trials]
        if not left_out or not left_out[0] or len({len(row) for row in left_out}) > 1:
            continue
        effects = level_effects(
            choices,
            [t.params for t in trials],
            np.array([t.values[i] for t in trials]),
            np.array(left_out).T,
        )
        if effects is not None:
            changes[objective] = effects
    return changes


def _left_out(values: Mapping[str, float], objective: str) -> list[float]:
    prefix = f"{objective}{WITHOUT}"
    return [values[name] for name in sorted(values) if name.startswith(prefix)]

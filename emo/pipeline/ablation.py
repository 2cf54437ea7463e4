"""The settings of an ablation, and their comparison on other prompts than the reference's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emo.config.schema import SubparamsConfig
from emo.core.conditions.ablation import Ablation, ablation
from emo.core.conditions.replicates import MOST_DIVISIONS, replicate_agreement
from emo.core.geometry.generated import TextCounts
from emo.core.geometry.item_sets import ItemSet
from emo.pipeline.factorial import FACTORS
from emo.pipeline.generation import Best, counts_of
from emo.pipeline.replicate_points import Replicated
from emo.pipeline.settings_grid import SettingGrid
from emo.pipeline.writer import StorySource
from emo.process.progress import track
from emo.runs.plan import Plan


@dataclass(frozen=True)
class Factorial:
    """The settings that are evaluated, and what they are evaluated with."""

    plan: Plan
    source: StorySource
    points: Sequence[Replicated]
    grid: SettingGrid
    best: Best

    @property
    def settings(self) -> list[SubparamsConfig]:
        return [p.setting for p in self.points]


def compared(
    factorial: Factorial, sets: Mapping[SubparamsConfig, ItemSet], counts: Sequence[TextCounts]
) -> Ablation:
    """The effects, from every point against the reference on other prompts."""
    config, grid = factorial.plan.config, factorial.grid
    points = [p.point(sets) for p in factorial.points]
    n_divisions = min(config.resampling.n_splits, MOST_DIVISIONS)
    agreement = replicate_agreement(points[0].items, points, n_divisions, config.seed, track)
    measured = {
        whole: counts_of(grid.texts(whole), whole).effective
        for whole in {p.whole for p in factorial.points}
    }
    lengths = [
        each.effective / (measured[p.whole] / (2 if p.like is None else 1))
        for p, each in zip(factorial.points, counts, strict=True)
    ]
    return ablation(FACTORS, agreement, np.array(lengths))

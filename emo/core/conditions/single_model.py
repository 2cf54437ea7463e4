"""What one model alone can show: what can change its RDM.

See docs/summary.md, "One model".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emo.core.choices import Projection
from emo.core.compare.cross_model import ModelRun
from emo.core.conditions.four_layer import Condition
from emo.core.geometry.item_sets import ItemSet, common_emotions, own_design
from emo.core.geometry.projections import Normalisation, linear_normalisations
from emo.core.records import LabelMismatch
from emo.core.stats.correlation import spearman
from emo.core.stats.resampling import stream


@dataclass(frozen=True)
class SingleModel:
    """One model, and its RDM after all that may change it."""

    model: ModelRun
    projections: dict[str, float]
    """Spearman of its RDM under each projection with the unprojected one."""
    compared: tuple[str, str]
    """The two RDMs of the normalisations, in words."""
    normalisations: tuple[Normalisation, ...]
    """Of the first RDM against the second; none where a half lacks an emotion."""

    @property
    def largest_effect(self) -> float:
        """Largest change of Spearman or Pearson under any linear normalisation."""
        plain = self.normalisations[0]
        return max(
            max(abs(n.spearman - plain.spearman), abs(n.pearson - plain.pearson))
            for n in self.normalisations
        )


def single_model(
    model: ModelRun,
    conditions: Mapping[str, Condition],
    seed: int,
) -> SingleModel:
    """What can change one model's RDM.

    The linear normalisations are shown on the RDMs of condition A and of C (of B, if there is no C);
    without those, on the RDMs of two random halves of the passages.

    Parameters
    ----------
    model
        The model, at the layer it is compared at.
    conditions
        The model's conditions, by name; may be empty.
    seed
        Names the stream of the random halves.
    """
    items = model.items()
    names = items.emotions
    raw = model.items("none").rdm(names)
    compared, rdms = _two_conditions(conditions) or _two_halves(items, seed)
    return SingleModel(
        model=model,
        projections={
            name.value: float(spearman(raw, model.items(name).rdm(names))) for name in Projection
        },
        compared=compared,
        normalisations=linear_normalisations(*rdms) if np.isfinite(rdms).all() else (),
    )


def _two_conditions(
    conditions: Mapping[str, Condition],
) -> tuple[tuple[str, str], np.ndarray] | None:
    other = next((n for n in ("C", "B") if n in conditions), None)
    if "A" not in conditions or other is None:
        return None
    pair = conditions["A"].items, conditions[other].items
    try:
        names = common_emotions(*(x.emotions for x in pair))
    except LabelMismatch:
        return None
    return ("condition A", f"condition {other}"), np.stack([x.rdm(names) for x in pair])


def _two_halves(items: ItemSet, seed: int) -> tuple[tuple[str, str], np.ndarray]:
    first = own_design(items).halves(1, stream(seed, "halves"))
    weights = np.concatenate([first, ~first]).astype(np.float64)
    return ("one half of the passages", "the other half"), items.rdms(weights, items.emotions)

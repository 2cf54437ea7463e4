"""Damage by steering: how far an added vector moves a model's predictions on plain texts.

The Kullback-Leibler divergence of the steered from the unsteered next-token distribution, in nats
per token, where nothing asks for an emotion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emo.core.steering.text_measures import mean_interval


@dataclass(frozen=True)
class Damage:
    """One plain text under one dose."""

    prompt: int
    """Number of the text, from 0."""
    emotion: str
    direction: str
    site: str
    strength: float
    kl: float
    """Mean over the second half of the text; NaN where the steered logits are not finite."""


@dataclass(frozen=True)
class DamageCell:
    """All plain texts of one direction, site and strength."""

    direction: str
    site: str
    strength: float
    n: int
    """Plain texts."""
    kl: float
    """Mean over the texts, in nats per token; NaN where the logits of one are not finite."""
    low: float
    """95 % interval over the texts (Student's), not below 0; ``high`` is the other end."""
    high: float


def damage_cells(damages: Sequence[Damage]) -> list[DamageCell]:
    """One cell per direction, site and strength, in order of first appearance."""
    groups: dict[tuple[str, str, float], list[Damage]] = {}
    for d in damages:
        groups.setdefault((d.direction, d.site, d.strength), []).append(d)
    return [_cell(*key, group) for key, group in groups.items()]


def _cell(direction: str, site: str, strength: float, group: Sequence[Damage]) -> DamageCell:
    values = np.array([d.kl for d in group], dtype=np.float64)
    found = (np.nan, np.nan, np.nan)
    if np.isfinite(values).all():
        found = mean_interval(values, [str(d.prompt) for d in group])
    mean, low, high = found
    return DamageCell(direction, site, strength, len(group), mean, max(low, 0.0), high)

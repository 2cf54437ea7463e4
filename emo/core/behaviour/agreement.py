"""How far two scorers agree beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emo.core.stats.intervals import percentile_interval
from emo.core.stats.resampling import index, stream

REPLICATES = 2000


@dataclass(frozen=True)
class Agreement:
    """Of two scorers on the same answers, each hold or flip."""

    n: int
    same: int
    kappa: float
    """Cohen 1960; NaN where a scorer says one thing only and so does the other."""
    low: float
    high: float
    """Bootstrap over items; NaN below three items or where too few replicates have a kappa."""


def cohen_kappa(a: Sequence[str], b: Sequence[str]) -> float:
    """Agreement beyond chance, (observed - expected) / (1 - expected). Cohen 1960.

    Example
    -------
    >>> round(cohen_kappa(["hold", "hold", "flip", "flip"], ["hold", "hold", "flip", "hold"]), 3)
    0.5
    """
    names = sorted({*a, *b})
    table = np.zeros((len(names), len(names)))
    for x, y in zip(a, b, strict=True):
        table[names.index(x), names.index(y)] += 1
    return _kappa(table)


def _kappa(table: np.ndarray) -> float:
    return float(_kappas(table[None])[0])


def _kappas(tables: np.ndarray) -> np.ndarray:
    """Kappa of each table of counts; NaN where both scorers say one and the same thing only."""
    total = tables.sum(axis=(1, 2)).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.trace(tables, axis1=1, axis2=2) / total
        expected = (tables.sum(axis=2) * tables.sum(axis=1)).sum(axis=1) / total**2
        return np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)


def agreement(a: Sequence[str], b: Sequence[str], items: Sequence[str]) -> Agreement:
    """Agreement of two scorers, with an interval over items: answers of one item are not independent."""
    names = ("hold", "flip")
    same = sum(x == y for x, y in zip(a, b, strict=True))
    if not len(a):
        return Agreement(0, 0, *[float("nan")] * 3)
    listed, place = index(items)
    tables = np.zeros((len(listed), 2, 2))
    for i, x, y in zip(place, a, b, strict=True):
        tables[i, names.index(x), names.index(y)] += 1
    low = high = float("nan")
    if len(listed) >= 3:
        share = np.full(len(listed), 1 / len(listed))
        drawn = stream(0, "behaviour", "kappa").multinomial(len(listed), share, size=REPLICATES)
        replicates = _kappas(np.tensordot(drawn, tables, axes=1))
        if np.isfinite(replicates).mean() > 0.9:
            low, high = (float(x) for x in percentile_interval(replicates))
    return Agreement(len(a), same, _kappa(tables.sum(axis=0)), low, high)

"""Texts that models write against passages that they read, with models as units.

Source: [M] tests the mean pairwise cosine by Mann-Whitney over models. The statistic stands here under
both centrings, and beside it what no centring fixes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emo.core.compare.method_result import Bounded, MethodsResult, Reading
from emo.core.stats.paired import PairedModels, paired_models

GLOBAL = "mean cosine, both less their mean"
NEUTRAL = "mean cosine, both less neutral texts"
MIXED = "mean cosine, written less neutral, read less mean"
"""The centrings of the published protocols, which differ between the two."""
NAMES = {
    "accuracy": "left-out accuracy, as many units",
    "crossnobis": "crossnobis, as many units",
    "reliability": "reliability, as many units",
}


def between_models(results: Sequence[MethodsResult]) -> dict[str, PairedModels]:
    """Every measure of written texts against passages, in the first reading of each, by its name.

    Only measures that a model has of both; empty where no model has both kinds of text.
    """
    pairs: dict[str, list[tuple[float, float]]] = {}
    for result in results:
        read, written = result.of("comprehension"), result.of("generation")
        if not read or not written:
            continue
        for name, one, other in (
            (GLOBAL, _cosine(written[0]), _cosine(read[0])),
            (NEUTRAL, _cosine(written[0], True), _cosine(read[0], True)),
            (MIXED, _cosine(written[0], True), _cosine(read[0])),
            *((NAMES[c.measure], c.generation, c.comprehension) for c in result.contrasts),
        ):
            pairs.setdefault(name, []).append((_value(one), _value(other)))
    found = {name: np.array(values) for name, values in pairs.items()}
    return {
        name: paired_models(values[:, 0], values[:, 1])
        for name, values in found.items()
        if np.isfinite(values).all(axis=1).any()
    }


def _cosine(reading: Reading, neutral: bool = False) -> Bounded | None:
    """The published statistic of difference of means; None where it was not asked for."""
    row = reading.row()
    return row and (row.neutral_cosine if neutral else row.global_cosine)


def _value(found: Bounded | None) -> float:
    return float("nan") if found is None else found.value

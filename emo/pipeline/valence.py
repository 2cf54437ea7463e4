"""Valence of a run: the poles of its emotions, a line about those that have none, what is logged."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from emo.core.criterion_search import CriterionSearch
from emo.core.geometry.valence import no_valence
from emo.errors import first_of
from emo.runs.plan import Plan, say


def poles_of(plan: Plan, emotions: Sequence[str]) -> dict[str, float]:
    """The poles of those of the emotions that have one; who has none is said once per process."""
    known = plan.poles.of(emotions)
    if reason := no_valence(known):
        say(logging.WARNING, f"no valence: {reason} (stimuli.poles)")
    elif without := [e for e in emotions if e not in known]:
        names = first_of(without, ", ")
        say(logging.INFO, f"valence: emotions without a pole are left out: {names} (stimuli.poles)")
    return known


def valence_metrics(search: CriterionSearch | None) -> dict[str, float | None]:
    """The search as metrics: the best layer, and layers that other items chose; none without."""
    if search is None:
        return {}
    chosen = search.chosen
    return {
        "valence_best": search.rho,
        "valence_best_layer": search.layer,
        "valence_line": search.line,
        "valence_search_p": search.p,
        "valence_nested": chosen and chosen.other,
        "valence_nested_same": chosen and chosen.same,
        "valence_nested_line": chosen and chosen.line,
        "valence_nested_p": chosen and chosen.p,
    }


def valence_curves(search: CriterionSearch | None) -> dict[str, np.ndarray]:
    """What permuted emotions give at every layer by itself, by the name of its metric."""
    if search is None:
        return {}
    return {
        "curve_valence_chance_low": search.chance_low,
        "curve_valence_chance_high": search.chance_high,
        "curve_valence_mantel_p": search.mantel_p,
    }

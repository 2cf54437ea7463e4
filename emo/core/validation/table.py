"""The table of job=validate: every number with its null, and the smallest effect that would count."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from emo.core.validation.components import Components
from emo.core.validation.diagonal import Diagonal
from emo.core.validation.findings import Finding
from emo.core.validation.layers import LayerStability
from emo.core.validation.preference import Correlate, Preference
from emo.core.validation.result import Feels, Lens, Scenarios, Turns, ValidationResult
from emo.core.validation.steered_preference import SteeredPreference
from emo.core.validation.trends import Trends

DIAGONAL = 0.5
"""Standard deviations by which the own column must stand out to count."""
R = 0.3
"""Correlations below this do not count: nine percent of the variance (Cohen 1988, a medium effect)."""
R_APART = 0.5
"""Two places hold different things where their agreement over its ceiling is below this."""
DIFFERENCE = 0.1
"""Smallest difference of two correlations that counts."""
PERCENTILE = 0.1
"""Of the vocabulary, by which own words must rank above random directions to count."""
SHARE = 0.05
"""Of the variance, by which a component must exceed permuted labels to count."""
ELO_POINTS = 35.0
"""Smallest shift that counts: of two equal activities one is chosen in 55 % then."""
STABLE = 0.8
"""Layers hold one geometry where disjoint rho over its ceiling is above this."""

WORDS = {
    "lens_words": "logit lens: own words against the other emotions', in SD",
    "lens_random": "logit lens: percentile of own words, against random directions",
    "scenarios": "scenarios at the colon: own emotion beyond the words, in SD",
    "scenarios_held_out": "the same, battery held out",
    "numbers": "numbers in texts: signed rho beyond the control",
    "user_colon": "user's turn and colon: r over ceiling, claimed below 0.5",
    "colon_answer": "colon and the answer: r, against permuted labels",
    "colon_beyond_user": "the same less r of the user's turn",
    "preference": "preference: r of pleasant less unpleasant readings with Elo",
    "preference_blissful": "preference: r of blissful with Elo",
    "preference_hostile": "preference: r of hostile with Elo, claimed negative",
    "preference_steered": "steering activities: r of shift in Elo with the readings' r, over emotions",
    "preference_moved": "steering activities: pleasant less unpleasant, shift in Elo points",
    "pc1_share": "share of the first component",
    "pc2_share": "share of the second component",
    "pc1_valence": "first component and valence (poles): size of r",
    "layers": "layers from a third on: disjoint rho over ceiling, claimed above 0.8",
    "feels": '"He feels": own word under own vector, in SD',
}
"""What each number is, in words, in the order of the table."""


def table_of(result: ValidationResult) -> tuple[Finding, ...]:
    """The findings of all parts that a result has, in the order of :data:`WORDS`."""
    parts = (
        () if result.lens is None else _lens(result.lens),
        () if result.scenarios is None else _scenarios(result.scenarios),
        () if result.numbers is None else _numbers(result.numbers),
        () if result.turns is None else _turns(result.turns),
        () if result.preference is None else _preference(result.preference),
        () if result.preference_steered is None else _steered(result.preference_steered),
        () if result.components is None else _components(result.components),
        () if result.layers is None else _layers(result.layers),
        () if result.feels is None else _feels(result.feels),
    )
    return tuple(finding for part in parts for finding in part)


def _lens(lens: Lens) -> Iterator[Finding]:
    if (ranks := lens.ranks) is None:
        return
    units, random = f"{len(ranks.emotions)} emotions", float(np.mean(ranks.random))
    yield _diagonal("lens_words", ranks.others, units)
    yield Finding(
        *("lens_random", ranks.value, ranks.low, ranks.high),
        *(random, random + PERCENTILE, ranks.p, units),
        control=random,
    )


def _scenarios(s: Scenarios) -> Iterator[Finding]:
    for name, battery in (("scenarios", s.first), ("scenarios_held_out", s.second)):
        units = f"{battery.found.n_columns} emotions"
        yield _diagonal(name, battery.found, units, battery.surface)


def _numbers(t: Trends) -> Iterator[Finding]:
    controls = [x.control for x in t.templates if math.isfinite(x.control)]
    control = float(np.mean(controls)) if controls else math.nan
    units = f"{len(t.templates)} texts"
    yield Finding("numbers", t.value, t.low, t.high, 0.0, R, t.p, units, control=control)


def _turns(t: Turns) -> Iterator[Finding]:
    a, p, units = t.agreement, t.prediction, f"{t.n} scenarios"
    yield Finding(
        *("user_colon", a.over_ceiling, a.over_low, a.over_high),
        *(R_APART, R_APART, a.p_below, units),
        sign=-1,
    )
    if p is None:
        return
    nothing = max(p.colon_control, 0.0) if math.isfinite(p.colon_control) else 0.0
    yield Finding(
        *("colon_answer", p.colon, p.colon_low, p.colon_high),
        *(nothing, nothing + R * (1 - nothing), p.colon_p, units),
        control=p.colon_control,
    )
    nothing = max(p.control, 0.0) if math.isfinite(p.control) else 0.0
    yield Finding(
        *("colon_beyond_user", p.difference, p.low, p.high),
        *(nothing, nothing + DIFFERENCE, p.p, units),
        control=p.control,
    )


def _preference(p: Preference) -> Iterator[Finding]:
    units = f"{p.n_categories} categories"
    yield _correlate("preference", p.combined, 1, units)
    for each in p.emotions:
        if each.name in ("blissful", "hostile") and each.sign:
            yield _correlate(f"preference_{each.name}", each, each.sign, units)


def _correlate(name: str, c: Correlate, sign: int, units: str) -> Finding:
    return Finding(name, c.r, c.low, c.high, 0.0, sign * R, c.p, units, sign)


def _steered(s: SteeredPreference) -> Iterator[Finding]:
    nothing = max(s.control, 0.0) if math.isfinite(s.control) else 0.0
    yield Finding(
        *("preference_steered", s.r, s.low, s.high),
        *(nothing, nothing + R * (1 - nothing), s.p, f"{len(s.emotions)} emotions"),
        control=s.control,
    )
    yield Finding(
        *("preference_moved", s.difference, s.difference_low, s.difference_high),
        *(0.0, ELO_POINTS, s.difference_p, f"{s.n_categories} categories"),
        control=s.difference_control,
    )


def _components(c: Components) -> Iterator[Finding]:
    for name, share in zip(("pc1_share", "pc2_share"), c.shares, strict=True):
        yield Finding(
            *(name, share.value, share.low, share.high),
            *(share.null, share.null + SHARE, share.p, f"{len(c.emotions)} emotions"),
            control=share.null,
        )
    units = f"{len(c.emotions)} emotions"
    yield Finding(
        *("pc1_valence", c.valence, c.valence_low, c.valence_high, 0.0, R, c.valence_p, units),
    )


def _layers(s: LayerStability) -> Iterator[Finding]:
    units = f"{len(s.layers)} layers"
    yield Finding("layers", s.value, s.low, s.high, STABLE, STABLE, s.p, units)


def _feels(f: Feels) -> Iterator[Finding]:
    yield _diagonal("feels", f.found, f"{len(f.emotions)} emotions", f.control)


def _diagonal(name: str, d: Diagonal, units: str, control: float = math.nan) -> Finding:
    return Finding(name, d.value, d.low, d.high, 0.0, DIAGONAL, d.p, units, control=control)

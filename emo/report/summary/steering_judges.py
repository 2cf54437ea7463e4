"""Judges of the steering runs in a summary: direction-specific emotions, base rates, agreement."""

from __future__ import annotations

import math
from collections.abc import Iterator

from emo.core.steering.direction_specific import FEWEST_PERMUTED, Specificity, direction_specificity
from emo.core.steering.judges import agreement, base_rates
from emo.report.table import Entry, Interval, Table
from emo.summary.assemble import Summary
from emo.summary.steering import Steered


def judge_tables(s: Summary) -> list[Table]:
    """One table of all steering runs that name their judges; nothing where none does."""
    rows = [row for steered in s.steering for row in _rows(steered)]
    if not rows:
        return []
    return [
        Table(
            "steering_judges",
            "Steering: judges, and emotions that are direction-specific",
            "Direction-specific: emotions whose own vector raises the judge's score more than the same "
            f"vector with its dimensions permuted does (at least {FEWEST_PERMUTED} permutations each, "
            "false discovery rate 0.05), of the emotions that can be told; a dash without permuted "
            "vectors. Unsteered: texts at strength 0 that the judge calls by the emotion that is added "
            "later, with 95 % interval. Kappa (Cohen 1960): agreement of both judges on which texts of "
            "the emotions' own vectors are better, beyond chance; its interval draws whole scenarios. "
            "A number of emotions that one judge gives and the other does not is the judge's.",
            (
                *("model", "precision", "layers", "judge", "direction-specific", "which"),
                *("unsteered", "kappa of both judges", "texts of both"),
            ),
            tuple(rows),
            key=("model", "precision", "layers", "judge", "direction-specific", "unsteered"),
            names=4,
        )
    ]


def _rows(s: Steered) -> Iterator[tuple[Entry, ...]]:
    """One row per site and judge; per judge where no emotion has permuted vectors."""
    judges = s.sweep.judges
    found = direction_specificity(s.sweep)
    rates = {r.judge: r.share for r in base_rates(s.sweep)} if judges else {}
    both = agreement(s.sweep.steered) if len(judges) > 1 else None
    known = both is not None and math.isfinite(both.kappa)
    for judge in judges:
        share = rates[judge.name]
        for each in [f for f in found if f.judge == judge.name] or [None]:
            yield (
                *(s.model, s.precision, None if each is None else each.site, judge.name),
                *_specific(each),
                Interval(share.k / share.n, share.low, share.high) if share.n else None,
                Interval(both.kappa, both.low, both.high) if both and known else None,
                None if both is None else both.n,
            )


def _specific(found: Specificity | None) -> tuple[Entry, Entry]:
    if found is None:
        return None, None
    if not found.n:
        return f"cannot be told of {len(found.emotions)}", None
    return f"{found.k} of {found.n}", ", ".join(
        e.emotion for e in found.emotions if e.specific
    ) or None

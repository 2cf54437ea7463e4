"""Steering in a summary: a table and two figures a model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from emo.core.dose_response import Cell, Mean, Proportion, cells
from emo.report.steering_figures import dose_response, regime_map
from emo.report.summary_figures import Drawn
from emo.report.tables import Cell as TableCell
from emo.report.tables import Interval, Table, stem
from emo.summary.steering import Steered

PREFIX = "steering_"
"""Begins the names of these figures and tables."""


def steering_table(s: Steered) -> Table:
    """One row a direction, site and strength."""
    rows = tuple(_row(c) for c in cells(s.sweep.steered, s.sweep.limits))
    return Table(
        f"{PREFIX}{stem(s.model)}",
        f"Steering: {s.model}",
        "Judged better: texts that the judge scores above zero and above the unsteered text of the same "
        "scenario, of those it can judge; fluent: of these, the ones the robust rule calls fluent. "
        "Exact 95 % intervals. An effect that the random directions have as well is not the emotion's. "
        "A regime with ? is not sure: the interval of a share that decides it holds its cut-off.",
        (
            *("layers", "strength", "direction", "judged better", "fluent", "perplexity ratio"),
            *("repetition", "regime, robust", "regime, published", "rules"),
        ),
        rows,
    )


def steering_figures(s: Steered) -> list[Drawn]:
    """Dose-response and regime map; the data behind both is the table."""
    data, ids = steering_table(s), (s.run.run_id,)
    return [
        Drawn(
            f"{PREFIX}dose_response_{stem(s.model)}",
            f"Dose and response: {s.model}",
            "Against the strength, in mean residual norms of the prompt: share of texts judged better "
            "than unsteered, log perplexity under the unsteered model, repeated token 3-grams; 95 % "
            "intervals. Grey: random directions of the same norm.",
            dose_response(s.sweep, s.model),
            data,
            ids,
        ),
        Drawn(
            f"{PREFIX}regimes_{stem(s.model)}",
            f"Regimes: {s.model}",
            "By the published rule and by the robust one, and the robust one for random directions. "
            "Framed: the rules disagree.",
            regime_map(s.sweep, s.model),
            data,
            ids,
        ),
    ]


def steering_parts(found: Sequence[Steered]) -> tuple[list[Drawn], list[Table]]:
    """Figures and tables of all models."""
    return [f for s in found for f in steering_figures(s)], [steering_table(s) for s in found]


def _row(c: Cell) -> tuple[TableCell, ...]:
    ratio = c.log_perplexity_ratio
    return (
        c.site,
        c.strength,
        c.direction,
        _share(c.success),
        _share(c.fluent_success),
        Interval(*(math.exp(x) for x in (ratio.value, ratio.low, ratio.high))),
        _mean(c.repetition),
        c.robust.name + ("" if c.robust.sure else "?"),
        c.published.name,
        "disagree" if c.disagree else "agree",
    )


def _share(p: Proportion) -> Interval | None:
    return Interval(p.k / p.n, p.low, p.high) if p.n else None


def _mean(m: Mean) -> Interval:
    return Interval(m.value, m.low, m.high)

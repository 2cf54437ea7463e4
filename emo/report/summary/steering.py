"""Steering in a summary: a table and two figures a model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from emo.core.steering.dose_response import DoseCell, Mean, Proportion, by_emotion, by_site, cells
from emo.files.names import name_part
from emo.reference import published_regime_of
from emo.report.runs.steering_figures import dose_response, emotions, regime_map
from emo.report.summary.figures import Drawn, figure_or_failure
from emo.report.table import Cell as TableCell
from emo.report.table import Interval, Table
from emo.summary.steering import Steered

PREFIX = "steering_"
"""Begins the names of these figures and tables."""


def steering_table(s: Steered) -> Table:
    """One row a direction, site and strength."""
    rows = tuple(_row(c) for c in cells(s.sweep.steered, s.sweep.limits))
    return Table(
        f"{PREFIX}{name_part(s.model)}",
        f"Steering: {s.model} ({s.settings})",
        "Judged better: texts that the judge scores above zero and above the unsteered text of the same "
        "scenario, of those it can judge. Better and fluent: judged better and called fluent by the "
        "robust rule, of the same texts. 95 % intervals: exact where each scenario has one text in a "
        "row, else from drawing whole scenarios; means have none below five texts. An effect that the "
        "random directions have as well is not the emotion's. "
        "A regime with ? is not sure: the interval of a share that decides it holds its cut-off.",
        (
            *("layers", "strength", "direction", "texts"),
            *("better / judged", "judged better", "fluent / judged", "better and fluent"),
            *("perplexity ratio",),
            *("repetition", "regime, robust", "regime, published", "rules"),
        ),
        rows,
    )


def steering_figures(s: Steered) -> list[Drawn]:
    """Dose-response and regime map; the data behind both is the table."""
    data, ids = steering_table(s), (s.run.run_id,)
    return [
        figure_or_failure(
            f"{PREFIX}dose_response_{name_part(s.model)}",
            f"Dose and response: {s.model} ({s.settings})",
            "Against the strength, in mean residual norms of the prompt: share of texts judged better "
            "than unsteered, log perplexity ratio under the unsteered model, repeated token 3-grams; "
            "95 % intervals as in the table. Grey: random directions of the same norm.",
            lambda: (dose_response(s.sweep, s.model), data),
            ids,
        ),
        figure_or_failure(
            f"{PREFIX}emotions_{name_part(s.model)}",
            f"Shift by emotion: {s.model} ({s.settings})",
            "The judge's score minus that of the unsteered text of the same scenario, a panel an "
            "emotion and layers; band: 95 % interval over scenarios where an emotion has five or more.",
            lambda: (emotions(s.sweep, s.model), emotions_table(s)),
            ids,
        ),
        figure_or_failure(
            f"{PREFIX}regimes_{name_part(s.model)}",
            f"Regimes: {s.model} ({s.settings})",
            "By the published rule and by the robust one, and the robust one for random directions. "
            "Framed: the rules disagree.",
            lambda: (regime_map(s.sweep, s.model), data),
            ids,
        ),
    ]


def emotions_table(s: Steered) -> Table:
    """The data behind the figure of emotions."""
    return Table(
        f"{PREFIX}emotions_{name_part(s.model)}",
        f"Shift by emotion: {s.model}",
        "",
        ("layers", "strength", "emotion", "direction", "texts", "shift"),
        tuple(
            (d.site, d.strength, d.emotion, d.direction, d.n_texts, _mean(d.shift))
            for d in by_emotion(s.sweep.steered)
        ),
    )


def steering_parts(found: Sequence[Steered]) -> tuple[list[Drawn], list[Table]]:
    """Figures and tables of all models."""
    tables = [regimes_table(found)] if found else []
    tables += [steering_table(s) for s in found]
    return [f for s in found for f in steering_figures(s)], tables


def regimes_table(found: Sequence[Steered]) -> Table:
    """The fourth descriptor: one row a model and site, beside what the study gives."""
    rows: list[tuple[TableCell, ...]] = []
    for s in found:
        given = published_regime_of(s.run.tags.get("model_id", ""))
        for r in by_site(s.sweep.steered, s.sweep.limits):
            same = None if given is None else "yes" if r.published.name == given else "no"
            robust = r.robust.name + ("" if r.robust.sure else "?")
            rows.append((s.model, r.site, r.n_texts, robust, r.published.name, given, same))
    return Table(
        f"{PREFIX}regime_of_each_model",
        "Steering: regime of each model",
        "Both rules over all texts of the emotions' own vectors at these layers, pooled over strengths "
        "and scenarios (the pooling is this project's reading). In the study: the regime given "
        "by Jeong 2026 (arXiv:2604.11050) by its rule, scenarios and doses; a dash where it gives none.",
        (
            *("model", "layers", "texts", "regime, robust", "regime, published rule"),
            *("in the study", "same by its rule"),
        ),
        tuple(rows),
    )


def _row(c: DoseCell) -> tuple[TableCell, ...]:
    ratio = c.log_perplexity_ratio
    return (
        c.site,
        c.strength,
        c.direction,
        c.n_texts,
        f"{c.success.k}/{c.success.n}",
        _share(c.success),
        f"{c.fluent_success.k}/{c.fluent_success.n}",
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

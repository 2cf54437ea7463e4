"""What a summary shows of runs of job=methods: their tables and figures, and tests over models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from emo.core.compare.method_models import between_models
from emo.core.compare.method_result import MethodsResult
from emo.core.stats.paired import PairedModels
from emo.files.names import name_part
from emo.reference import methods as published
from emo.report.runs.methods import depth_table, methods_table
from emo.report.runs.methods_figures import methods_figure
from emo.report.summary.parts import Drawn, draw_or_say_why
from emo.report.table import Entry, Interval, Table
from emo.summary.assemble import Summary


def method_table(s: Summary) -> list[Table]:
    """One row per model, reading and estimator; nothing without runs of job=methods."""
    return _with_models(s, methods_table) if s.methods else []


def method_depth_table(s: Summary) -> list[Table]:
    """One row per model, reading and measure of separation over depth."""
    if not s.methods:
        return []
    (table,) = _with_models(s, depth_table)
    return [replace(table, name="methods_depth")]


def _with_models(s: Summary, make: Callable[[MethodsResult], Table]) -> list[Table]:
    """The tables of all models as one, with a column of models."""
    made = [(m.model, make(m.result)) for m in s.methods]
    first = made[0][1]
    return [
        replace(
            first,
            columns=("model", *first.columns),
            rows=tuple((model, *row) for model, table in made for row in table.rows),
            key=("model", *first.key[:6]),
            names=first.names + 1,
        )
    ]


def method_model_table(s: Summary) -> list[Table]:
    """One row per measure: written texts against passages, models as units."""
    found = between_models([m.result for m in s.methods])
    if not found:
        return []
    return [
        Table(
            "methods_over_models",
            "Written texts against passages, models as units",
            "Difference of means, first reading of each. Rank-biserial correlation of all pairs of "
            "models (Newcombe's interval) with Mann-Whitney's p, which takes a model's two values for "
            "independent; the signed-rank test takes them as pairs. Least p: the smallest that so many "
            "models allow. Positive: higher in written texts. Cohen's d divides by a spread that "
            f"centring leaves next to nothing of. Published ({published.SOURCE}), of the mean cosine: "
            f"Mann-Whitney p {published.MANN_WHITNEY_P}, d {published.COHEN_D}, no interval; "
            f"{published.NEUTRAL_CENTRED_COSINE} for one model's vectors less neutral texts, near "
            f"{published.GLOBAL_CENTRED_COSINE} less their mean, where centring alone gives "
            f"{s.methods[0].result.algebraic:.3f}. p is not corrected over the rows.",
            (
                *("measure", "models", "higher in", "rank-biserial", "Mann-Whitney p", "least p"),
                *("matched rank-biserial", "signed-rank p", "least signed-rank p", "Cohen's d"),
            ),
            tuple(_row(name, each) for name, each in found.items()),
            key=(
                *("measure", "models", "higher in", "rank-biserial", "Mann-Whitney p"),
                *("signed-rank p", "least signed-rank p"),
            ),
        )
    ]


def _row(name: str, found: PairedModels) -> tuple[Entry, ...]:
    return (
        *(name, found.n, f"{found.higher} of {found.n}"),
        Interval(found.rank_biserial, found.low, found.high),
        *(found.mann_whitney_p, found.mann_whitney_least, found.matched),
        *(found.wilcoxon_p, found.wilcoxon_least, found.cohen_d),
    )


def method_figures(s: Summary) -> list[Drawn]:
    """One figure per model."""
    return [
        draw_or_say_why(
            f"methods_{name_part(m.model)}",
            f"Estimators and readouts: {m.model}",
            "Above: left-out accuracy and reliability of every estimator and reading. Below: left-out "
            "accuracy and the mean pairwise cosine of difference-of-means vectors over depth. Bars and "
            "bands: 95 % intervals over situations or prompts; dotted: chance, and the cosine that "
            "centring alone gives.",
            lambda m=m: (methods_figure(m.result, m.model), methods_table(m.result)),
            (m.run.run_id,),
        )
        for m in s.methods
    ]

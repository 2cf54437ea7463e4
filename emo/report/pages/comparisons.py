"""The pages of runs that compare: precisions, backends, norms, sub-parameters by ablation or study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emo.core.compare.axes_result import AxesResult
from emo.core.compare.precision import PrecisionRow
from emo.core.compare.readers import EquivalenceReport
from emo.core.conditions.ablation import Ablation
from emo.core.stats.intervals import Estimates
from emo.core.stats.level_effects import LevelEffects
from emo.report.pages.generation import texts_section
from emo.report.pages.page import Page, Section, fragment
from emo.report.runs.ablation_figures import rank_text
from emo.report.table import Interval, text

if TYPE_CHECKING:
    from emo.study.importance import Importance

WHERE = "50%"
"""The depth at which precisions are compared in the table."""


def ablation_page(
    title: str,
    answer: str,
    terminal: str,
    a: Ablation,
    rows: Sequence[Mapping[str, Any]],
    written_with: Sequence[str],
) -> Page:
    """Effects of the sub-parameters, the figures, and every text with what it was written with."""
    drawn = a.effects is not None
    html = _table(*_effects(a)) if drawn else "<p>These texts tell no effect from noise.</p>"
    settings = [
        ", ".join(f"{name} {str(row[name]).lower()}" for name in written_with) for row in rows
    ]
    listed = [{**row, "setting": words} for row, words in zip(rows, settings, strict=True)]
    effects = Section("What each sub-parameter changes", html)
    figures = _figures(("effects", "interactions") if drawn else ())
    return Page(title, answer, (effects, *figures, texts_section(listed)), terminal)


def _effects(a: Ablation) -> tuple[Sequence[str], list[list[Any]], str]:
    columns = (
        *("sub-parameter", "rank", "Shapley (95 %)", "mean change"),
        *("from matched", "from loose", "noise alone"),
    )
    assert a.effects is not None
    t = a.effects
    rows = []
    for name in t.ranking:
        i = t.factors.index(name)
        values = [float(x.value[i]) for x in (t.main, t.loosened, t.restored)]
        noise = float(a.noise[a.factors.index(name)])
        rows.append([name, rank_text(t.rank[i]), _interval(t.shapley[i]), *values, noise])
    return columns, rows, "Drop of the agreement with matched, in units of what replicates reach."


def precision_page(title: str, answer: str, terminal: str, rows: Sequence[PrecisionRow]) -> Page:
    """What each precision changes at half of the depth, and the figure over the layers."""
    columns = (
        *("precision", "against", "RDM rho", "cosine of activations", "cosine of vectors"),
        *("reliability", "anisotropy"),
    )
    cells = [
        [row.name, row.against, x.rho, x.cosine_mean, x.vector_cosine, x.reliability, x.anisotropy]
        for row in rows
        for x in (row.at[WHERE],)
    ]
    caption = f"At {WHERE} of the depth; precision.csv has every depth and every measure."
    table = Section("What each precision changes", _table(columns, cells, caption))
    return Page(title, answer, (table, *_figures(("precision",))), terminal)


def equivalence_page(title: str, answer: str, terminal: str, compared: EquivalenceReport) -> Page:
    """Largest differences of each reader layer by layer, and the figure."""
    columns = (
        *("layer", "1 - mean cosine", "1 - smallest cosine", "1 - rho of the RDM"),
        *("relative difference", "largest difference", "verdict"),
    )
    sections = []
    for name, e in compared.compared.items():
        curves = (1 - e.cosine_mean, 1 - e.cosine_min, 1 - e.rdm_rho, e.relative, e.max_abs)
        rows = [
            [str(layer), *(f"{float(curve[layer]):.1e}" for curve in curves), verdict]
            for layer, verdict in enumerate(e.verdicts)
        ]
        caption = f"Rounding explains a relative difference of up to {e.tolerance:.1e}."
        sections.append(Section(f"{name} against transformers", _table(columns, rows, caption)))
    return Page(title, answer, (*sections, *_figures(("differences",))), terminal)


def axes_page(
    title: str, answer: str, terminal: str, result: AxesResult, figures: Iterable[str]
) -> Page:
    """Every rating with its findings, the rated emotions, and the figures."""
    columns = (
        *("rating", "found in", "held fixed", "layer", "value (95 %)", "line of the search"),
        *("on other passages",),
    )
    rows = [
        [
            f.rating,
            f.measure.value if f.component is None else f"{f.measure.value} {f.component}",
            " and ".join(f.held) or None,
            f.layer,
            text(Interval(f.value, f.low, f.high)),
            f.line,
            f.other,
        ]
        for f in result.findings
    ]
    caption = "Shown where the value is above the line, which 5 % of permuted ratings reach."
    found = Section("Ratings and geometry", _table(columns, rows, caption))
    per_emotion = [
        [e, *(float(values[i]) for values in result.per_emotion.values())]
        for i, e in enumerate(result.emotions)
    ]
    rated = Section("Ratings per emotion", _table(("emotion", *result.per_emotion), per_emotion))
    return Page(title, answer, (found, *_figures(figures), rated), terminal)


def study_page(
    title: str,
    answer: str,
    terminal: str,
    measured: Sequence[Importance],
    effects: Mapping[str, LevelEffects],
    trials: tuple[Sequence[str], Sequence[Sequence[Any]]],
    figures: Iterable[str],
) -> Page:
    """Changes and importances of every objective, the figures, and all trials."""
    sections = []
    for name, found in effects.items():
        changes = [
            [f"{parameter}={value}", _interval(found.change[i])]
            for i, (parameter, value) in enumerate(found.names)
        ]
        caption = "From the parameter's first value; 0: no more than replicates differ."
        columns = ("value", f"change of {name} (95 %)")
        sections.append(Section(f"What changes {name}", _table(columns, changes, caption)))
    for i in measured:
        rows = [[name, value, i.fanova[name]] for name, value in i.impurity.items()]
        caption = f"{i.n_trials} trials; each column adds up to 1."
        table = _table(("parameter", "impurity", "fANOVA"), rows, caption)
        sections.append(Section(f"Importances for {i.objective}", table))
    listed = Section("Trials", _table(*trials))
    return Page(title, answer, (*sections, *_figures(figures), listed), terminal)


def _figures(names: Iterable[str]) -> tuple[Section, ...]:
    shown = tuple(names)
    return (Section("Figures", "", figures=shown),) if shown else ()


def _interval(e: Estimates) -> str:
    return text(Interval.of(e))


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "") -> str:
    return fragment("table.html", columns=columns, rows=rows, caption=caption)

"""The page of job=methods: the table of estimators, the figure, the sources, the depth."""

from __future__ import annotations

from collections.abc import Iterable

from emo.core.compare.method_result import MethodsResult
from emo.report.pages.page import Page, Section, fragment
from emo.report.runs.methods import contrast_table, depth_table, methods_table
from emo.report.table import Table


def methods_page(
    title: str, answer: str, terminal: str, result: MethodsResult, figures: Iterable[str]
) -> Page:
    """One table of all readings and estimators, one figure, the contrast, and the verdicts."""
    tables = [methods_table(result), contrast_table(result), depth_table(result)]
    first, *others = [_section(t) for t in tables if t.rows]
    drawn = Section("Estimators and depth", "", figures=tuple(figures))
    return Page(title, answer, (first, drawn, *others), terminal)


def _section(table: Table) -> Section:
    rows = table.texts()
    html = fragment("table.html", columns=table.columns, rows=rows, caption=table.caption)
    return Section(table.title, html)

"""The files of the report: the page, and every table and figure as files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emo.report.drawing import FORMATS
from emo.report.summary.page import RunLink, render
from emo.report.summary.sections import Section, all_figures, all_tables
from emo.report.table import Form, together
from emo.summary.assemble import Summary

REPORT = "summary.html"


def write_report(
    folder: Path,
    s: Summary,
    sections: Sequence[Section],
    commit: str,
    links: Sequence[RunLink] = (),
) -> None:
    """Write the page, ``tables/`` and ``figures/`` into a folder."""
    (folder / REPORT).write_text(render(s, sections, commit, links), encoding="utf-8")
    tables = all_tables(sections)
    (folder / "tables").mkdir()
    for table in tables:
        (folder / "tables" / f"{table.name}.csv").write_text(table.to_csv(), encoding="utf-8")
    for form in Form:
        text = together(tables, form)
        (folder / "tables" / f"tables.{form}").write_text(text, encoding="utf-8")
    (folder / "figures").mkdir()
    for f in all_figures(sections):
        if f.figure is None or f.data is None:
            continue
        for suffix, save in FORMATS.items():
            (folder / "figures" / f"{f.name}.{suffix}").write_bytes(save(f.figure))
        (folder / "figures" / f"{f.name}.csv").write_text(f.data.to_csv(), encoding="utf-8")

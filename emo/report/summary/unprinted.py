"""Figures of the study that its paper does not print, for the models of a summary."""

from __future__ import annotations

from emo.reference.unprinted import unprinted
from emo.report.table import Table
from emo.summary.assemble import Summary


def unprinted_table(s: Summary) -> list[Table]:
    """One row per figure of the summary's models; no table if there is none."""
    ids = {m.model_id for m in s.models} | {t.model_id for t in s.tables}
    published = unprinted()
    figures = published.about(ids)
    if not figures:
        return []
    withdrawn = f" {published.withdrawn}" if any(f.withdrawn for f in figures) else ""
    return [
        Table(
            "unprinted",
            "Figures that the study does not print",
            f"{published.source} Not measured here under these names. Two models' rho on the same "
            "passages beside rho on texts that each wrote itself: one text per emotion, so that an "
            f"unknown part of the difference is noise.{withdrawn}",
            ("figure", "of", "in the study's outputs"),
            tuple((f.figure, ", ".join(f.models), f.value) for f in figures),
        )
    ]

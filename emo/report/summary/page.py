"""The report as one HTML file that fetches nothing."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape

from emo.core.conditions import verdicts
from emo.report.drawing import svg
from emo.report.labels import in_words_of
from emo.report.summary.headline import headline
from emo.report.summary.methods import methods
from emo.report.summary.sections import Section, all_figures
from emo.summary.assemble import Summary
from emo.summary.selection import RULES as SELECTION_RULES

TEMPLATES = Path(__file__).parent / "templates"


def render(s: Summary, sections: Sequence[Section], commit: str) -> str:
    """The HTML of the report."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    images = {
        f.name: "data:image/svg+xml;base64," + base64.b64encode(svg(f.figure)).decode()
        for f in all_figures(sections)
        if f.figure is not None
    }
    return environment.get_template("summary.html").render(
        title=in_words_of(s.config.stimuli.label, "Emotion geometry in language models: summary"),
        headline=headline(s),
        methods=methods(s),
        sections=sections,
        images=images,
        missing=[*((t.table.model, m) for t in s.tables for m in t.missing), *s.untold],
        sentences=[(t.table.model, r) for t in s.tables for r in t.table.rows],
        verdict_rules=verdicts.rules(s.config.job.summarize.margin),
        selection_rules=SELECTION_RULES,
        commit=commit,
    )

"""The report as one HTML file that fetches nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from emo import conditions
from emo.core.conditions import verdicts
from emo.report import pages
from emo.report.drawing import svg
from emo.report.glossary import glossary, meaning
from emo.report.labels import in_words_of
from emo.report.pages.page import as_json
from emo.report.summary.explorer import explorer
from emo.report.summary.headline import lines, mark_of
from emo.report.summary.methods import methods
from emo.report.summary.sections import Section, all_figures
from emo.summary.assemble import Summary
from emo.summary.selection import RULES as SELECTION_RULES

TEMPLATES = Path(__file__).parent / "templates"
LOOK = Path(pages.__file__).parent
"""What all pages share."""


@dataclass(frozen=True)
class RunLink:
    """Where a run is to be seen."""

    run_id: str
    mlflow: str = ""
    """Its page in MLflow; empty where none is known."""
    page: str = ""
    """Its own page, from the folder of the report; empty where it has none."""


def render(
    s: Summary, sections: Sequence[Section], commit: str, links: Sequence[RunLink] = ()
) -> str:
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
    shown = explorer(s)
    return environment.get_template("summary.html").render(
        title=title(s),
        made=made_of(s),
        styles=[_file(LOOK / "look.css"), _file(TEMPLATES / "report.css")],
        script=_file(LOOK / "page.js"),
        explorer=shown,
        explorer_html=Markup(shown.html) if shown else "",
        explorer_data=Markup(as_json(shown.data)) if shown else "",
        explorer_script=_file(LOOK / "geometry.js"),
        lines=lines(s),
        methods=methods(s),
        sections=sections,
        images=images,
        links=_by_start(links),
        meaning=meaning,
        words=glossary(),
        conditions=_conditions(s),
        missing=[*((t.table.model, m) for t in s.tables for m in t.missing), *s.untold],
        sentences=[(t.table.model, r, mark_of(r.verdict)) for t in s.tables for r in t.table.rows],
        verdict_rules=verdicts.rules(s.config.job.summarize.margin),
        selection_rules=SELECTION_RULES,
        commit=commit,
    )


def title(s: Summary) -> str:
    """What the report is about, with its models."""
    about = in_words_of(s.config.stimuli.label, "Emotion geometry")
    names = list(dict.fromkeys([*(m.name for m in s.models), *(t.table.model for t in s.tables)]))
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"{about}: {shown or 'no model'}"


def made_of(s: Summary) -> str:
    """What was summarised, and when."""
    stimuli, runs = s.stimuli, len(s.runs)
    day = datetime.now(UTC).date().isoformat()
    about = f"{len(stimuli.items)} passages of {len(stimuli.emotions)} emotions"
    about = in_words_of(s.config.stimuli.label, about)
    return f"{about}, {runs} run{'' if runs == 1 else 's'}, made {day}"


def _conditions(s: Summary) -> list[tuple[str, str]]:
    """The conditions of the summary's tables, each in words."""
    used = {c.name for t in s.tables for c in t.table.conditions}
    return [(row.name, row.in_words) for row in conditions.CONDITIONS if row.name in used]


def _by_start(links: Sequence[RunLink]) -> Mapping[str, RunLink]:
    """The links by the ids of the runs, whole and as tables shorten them."""
    return {name: link for link in links for name in (link.run_id, link.run_id[:8])}


def _file(path: Path) -> Markup:
    return Markup(path.read_text(encoding="utf-8"))

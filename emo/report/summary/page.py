"""One HTML file of a summary: nothing is fetched from anywhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape

from emo.core.conditions.verdicts import RULES as VERDICT_RULES
from emo.report.drawing import svg
from emo.report.summary import methods
from emo.report.summary.figures import Drawn
from emo.report.summary.steering import PREFIX
from emo.report.table import Table
from emo.summary.assemble import Summary
from emo.summary.selection import RULES as SELECTION_RULES

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Section:
    """A heading with the figures and tables under it."""

    anchor: str
    title: str
    figures: Sequence[Drawn]
    tables: Sequence[Table]


def render(s: Summary, figures: Sequence[Drawn], tables: Sequence[Table], commit: str) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    images = {
        f.name: "data:image/svg+xml;base64," + base64.b64encode(svg(f.figure)).decode()
        for f in figures
        if f.figure is not None
    }
    return environment.get_template("summary.html").render(
        headline=methods.headline(s),
        methods=methods.methods(s),
        sections=sections({f.name: f for f in figures}, {t.name: t for t in tables}),
        images=images,
        missing=[*((t.table.model, m) for t in s.tables for m in t.missing), *s.untold],
        sentences=[(t.table.model, r) for t in s.tables for r in t.table.rows],
        verdict_rules=VERDICT_RULES,
        selection_rules=SELECTION_RULES,
        commit=commit,
        layer=s.config.job.summarize.layer.value,
    )


def sections(figures: Mapping[str, Drawn], tables: Mapping[str, Table]) -> list[Section]:
    """What stands where; every table and figure once."""
    four = [n for n in tables if n.startswith("four_layer")]
    steered, doses = ([n for n in of if n.startswith(PREFIX)] for of in (figures, tables))
    plan = (
        ("surviving", "What survives other passages", ("fig6_surviving",), ("blocks",)),
        ("four-layers", "Four layers", ("fig5_four_layers",), four),
        ("models", "Every model with every other", ("fig1_rdm_of_rdms",), ("pairs",)),
        (
            "families",
            "Base and instruct, families",
            ("fig4_base_instruct",),
            ("families", "deltas"),
        ),
        (
            "descriptors",
            "Descriptors and size",
            ("fig2_layers", "fig3_size"),
            ("descriptors", "sizes"),
        ),
        ("surface", "What the surface of the passages explains", (), ("baselines",)),
        ("invariance", "What can change an RDM", (), ("normalisations", "projections")),
        ("steering", "Steering", steered, doses),
        ("published", "Published figures", (), ("claims",)),
        ("provenance", "Runs", (), ("runs", "left_out")),
    )
    made = [
        Section(
            anchor,
            title,
            [figures[f] for f in drawn if f in figures],
            [tables[t] for t in shown if t in tables],
        )
        for anchor, title, drawn, shown in plan
    ]
    return [x for x in made if x.figures or x.tables]

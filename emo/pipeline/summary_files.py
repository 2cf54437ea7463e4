"""A summary as a result: its headline, its text on the terminal, its report, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from emo.config.schema import public
from emo.report import drawing
from emo.report.summary import methods, page
from emo.report.summary.figures import Drawn, figures
from emo.report.summary.steering import steering_parts
from emo.report.summary.tables import tables
from emo.report.table import Table, together
from emo.runs.drawing import say_left_out
from emo.runs.files import write_json
from emo.runs.job import Report, Result
from emo.runs.metadata import params
from emo.runs.provenance import package_versions
from emo.summary.assemble import Summary

REPORT = "summary.html"


@dataclass(frozen=True)
class Parts:
    """The figures and tables of a summary."""

    figures: Sequence[Drawn]
    tables: Sequence[Table]


def summary_result(s: Summary, commit: str) -> Result:
    """What the run of a summary logs; a figure that cannot be drawn is named in the log."""
    from emo.tracking import DESCRIPTION

    steering_figures, steering_tables = steering_parts(s.steering)
    parts = Parts([*figures(s), *steering_figures], [*tables(s), *steering_tables])
    for f in parts.figures:
        if f.failure:
            say_left_out(f.name, f.failure)
    description = [*methods.headline(s), f"The report is the artifact `{REPORT}`."]
    return Result(
        report=Report(_text(s), headline(s)),
        write=partial(_write, s, parts, commit),
        tags={DESCRIPTION: "\n\n".join(description)},
        params=params(s.config),
    )


def _write(s: Summary, parts: Parts, commit: str, folder: Path) -> None:
    report = page.render(s, parts.figures, parts.tables, commit)
    (folder / REPORT).write_text(report, encoding="utf-8")
    (folder / "tables").mkdir()
    for table in parts.tables:
        (folder / "tables" / f"{table.name}.csv").write_text(table.to_csv(), encoding="utf-8")
    for form, suffix in (("markdown", "md"), ("latex", "tex")):
        text = together(parts.tables, form)
        (folder / "tables" / f"tables.{suffix}").write_text(text, encoding="utf-8")
    (folder / "figures").mkdir()
    for f in parts.figures:
        if f.figure is None or f.data is None:
            continue
        (folder / "figures" / f"{f.name}.png").write_bytes(drawing.png(f.figure))
        (folder / "figures" / f"{f.name}.svg").write_bytes(drawing.svg(f.figure))
        (folder / "figures" / f"{f.name}.csv").write_text(f.data.to_csv(), encoding="utf-8")
    write_json(public(s.config), folder / "config.json")
    provenance = {
        "code_commit": commit,
        "package_versions": package_versions(),
        "runs": {r.run_id: dict(r.tags) for r in s.runs},
        "left_out": {e.run.run_id: e.reason for e in s.left_out},
    }
    write_json(provenance, folder / "provenance.json")


def headline(s: Summary) -> dict[str, float | None]:
    """Numbers of all models together."""
    out: dict[str, float | None] = {
        "models": len(s.models),
        "four_layer_tables": len(s.tables),
        "runs_used": len(s.runs),
        "runs_left_out": len(s.left_out),
    }
    if s.study is not None:
        block, share = s.study.blocks[0], s.study.halves.mean_share
        numbers = {
            "rho_same_mean": block.same[1],
            "rho_disjoint_mean": block.disjoint[1],
            "surviving_share": float(share.value),
            "surviving_share_low": float(share.low),
            "surviving_share_high": float(share.high),
            "noise_ceiling_low": s.study.noise_ceiling[0],
            "noise_ceiling_high": s.study.noise_ceiling[1],
        }
        out |= {k: v if v == v else None for k, v in numbers.items()}
    return out


def _text(s: Summary) -> str:
    lines = methods.headline(s)
    for t in s.tables:
        lines += [
            f"  {t.table.model}, layer {r.contrast.layer}: {r.verdict.value} ({r.sentence})"
            for r in t.table.rows
        ]
        lines += [
            f"  {m.condition} is missing for layer {', '.join(m.layers)}: {m.command}"
            for m in t.missing
        ]
    used = f"  {len(s.runs)} runs used, {len(s.left_out)} left out with the reason in the report"
    return "\n".join([*lines, used])

"""A summary as a result: its headline, its text on the terminal, its report, tables and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from emo.config.schema import public
from emo.report.runs.description import picture
from emo.report.summary import headline as sentences
from emo.report.summary.page import RunLink
from emo.report.summary.report_files import REPORT, write_report
from emo.report.summary.sections import Section, all_figures, sections
from emo.runs.drawing import say_left_out
from emo.runs.files import write_json
from emo.runs.ids import run_route
from emo.runs.job import Report, Result
from emo.runs.metadata import params
from emo.runs.provenance import package_versions
from emo.summary.assemble import Summary


def summary_result(s: Summary, commit: str, links: Sequence[RunLink] = ()) -> Result:
    """What the run of a summary logs; a figure that cannot be drawn is named in the log."""
    from emo.tracking import DESCRIPTION

    parts, lines = sections(s), sentences.lines(s)
    lead = sentences.answer(lines)
    for f in all_figures(parts):
        if f.failure:
            say_left_out(f.name, f.failure)
    link = f"[The report]({run_route()}/artifacts/{REPORT})"
    drawn = [f.name for f in all_figures(parts) if f.figure is not None]
    description = [*(line.text for line in lines), link, *map(picture, drawn[:1])]
    return Result(
        report=Report(
            _text(s, [line for line in lines if line not in lead]),
            headline(s),
            answer=" ".join(line.text for line in lead),
        ),
        write=partial(_write, s, parts, commit, links),
        tags={DESCRIPTION: "\n\n".join(description)},
        params=params(s.config),
    )


def _write(
    s: Summary, parts: Sequence[Section], commit: str, links: Sequence[RunLink], folder: Path
) -> None:
    write_report(folder, s, parts, commit, links)
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
    if s.cross_model is not None:
        block, share = s.cross_model.blocks[0], s.cross_model.halves.mean_share
        numbers = {
            "rho_same_mean": block.same[1],
            "rho_disjoint_mean": block.disjoint[1],
            "surviving_share": float(share.value),
            "surviving_share_low": float(share.low),
            "surviving_share_high": float(share.high),
        }
        ratio = s.cross_model.left_out.over_ceiling()
        for name, bound in (("", ratio.value), ("_low", ratio.low), ("_high", ratio.high)):
            numbers[f"disjoint_over_ceiling{name}"] = float(bound)
        if s.cross_model.noise_ceiling is not None:
            low, high = s.cross_model.noise_ceiling
            numbers |= {"noise_ceiling_low": low, "noise_ceiling_high": high}
        if s.both_labels is not None:
            d = s.both_labels.result.mean_difference
            for name, bound in (("", d.value), ("_low", d.low), ("_high", d.high)):
                numbers[f"emotion_less_situation{name}"] = float(bound)
        out |= {k: v if math.isfinite(v) else None for k, v in numbers.items()}
    return out


def _text(s: Summary, found: Sequence[sentences.Line]) -> str:
    """What stands below the answer: the other lines, every verdict with its reason, what is missing."""
    lines = [line.text for line in found if not line.contrast]
    for t in s.tables:
        lines += [
            f"  {t.table.model}, {r.contrast.title}: {r.verdict.value} ({r.sentence})"
            for r in t.table.rows
        ]
        lines += [
            f"  {m.condition} is missing for {', '.join(m.contrasts)}: {m.command}"
            for m in t.missing
        ]
    used = f"  {len(s.runs)} runs used, {len(s.left_out)} left out with the reason in the report"
    return "\n".join([*lines, used])

"""job=summarize: logged runs -> one study -> tables, figures and a report in one logged run."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emo import conditions
from emo.config.schema import RunConfig, canonical, public
from emo.errors import TrackingError
from emo.pipeline import condition_runs
from emo.report import drawing
from emo.report.summary import methods, page
from emo.report.summary.figures import Drawn, figures
from emo.report.summary.steering import steering_parts
from emo.report.summary.tables import tables
from emo.report.table import Table, together
from emo.runs import files as serialise
from emo.runs import reuse as record
from emo.runs.drawing import say_left_out
from emo.runs.outcome import Outcome
from emo.runs.plan import passages
from emo.runs.provenance import code_commit, package_versions
from emo.summary.assemble import Summary, summarise
from emo.summary.selection import Wanted, select

if TYPE_CHECKING:
    from emo.tracking import RunRecord, Tracker

log = logging.getLogger(__name__)

REPORT = "summary.html"


def check(config: RunConfig) -> None:
    """Refuse conditions to be made that there are not."""
    conditions.planned(config)


def run(config: RunConfig) -> Outcome:
    """Assemble what is logged. A model is loaded only for conditions that are to be made first.

    With conditions made first, the summary is of their model alone, unless
    ``job.summary.models`` names others.
    """
    made = condition_runs.make(config)
    stimuli = passages(config)
    logged = record.open_logged(config)
    tracker = _to_log_in(config)
    runs = logged.runs_of("extract")
    of = Wanted.by(config, stimuli.sha256)
    if of.models is None and made:
        of = replace(of, models=tuple({r.model for r in runs if r.run_id in made}))
    selection = select(runs, of)
    summary = summarise(
        config,
        selection,
        stimuli,
        lambda r: partial(logged.read, r.run_id),
        logged.runs_of("steer"),
    )
    steering_figures, steering_tables = steering_parts(summary.steering)
    drawn = [*figures(summary), *steering_figures]
    for f in drawn:
        if f.failure:
            say_left_out(f.name, f.failure)
    made = [*tables(summary), *steering_tables]
    commit = code_commit(Path(config.root))
    with record.staged(config) as folder:
        write_files(folder, summary, drawn, made, commit)
        if tracker is None:
            return _outcome(summary, None, str(_kept(config, summary, folder)))
        with tracker.run("summary", _tags(summary, commit)) as run_id:
            tracker.log(run_id, _record(summary), folder)
    return _outcome(summary, run_id, tracker.artifact_uri(run_id))


def _to_log_in(config: RunConfig) -> Tracker | None:
    """The store to log the summary in; None if it can only be read."""
    try:
        return record.open_tracker(config)
    except TrackingError as error:
        log.warning("%s: the summary is not logged", error)
        return None


def _kept(config: RunConfig, s: Summary, folder: Path) -> Path:
    """Keep the files of a summary that is not logged where exports are; the folder."""
    kept = config.path(config.export.folder) / f"summary-{_fingerprint(s)[:12]}"
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    return kept


def write_files(
    folder: Path, s: Summary, drawn: Sequence[Drawn], made: Sequence[Table], commit: str
) -> None:
    """The report, and every table and figure as files of their own."""
    (folder / REPORT).write_text(page.render(s, drawn, made, commit), encoding="utf-8")
    (folder / "tables").mkdir()
    for table in made:
        (folder / "tables" / f"{table.name}.csv").write_text(table.to_csv(), encoding="utf-8")
    for form, suffix in (("markdown", "md"), ("latex", "tex")):
        text = together(made, form)
        (folder / "tables" / f"tables.{suffix}").write_text(text, encoding="utf-8")
    (folder / "figures").mkdir()
    for f in drawn:
        if f.figure is None or f.data is None:
            continue
        (folder / "figures" / f"{f.name}.png").write_bytes(drawing.png(f.figure))
        (folder / "figures" / f"{f.name}.svg").write_bytes(drawing.svg(f.figure))
        (folder / "figures" / f"{f.name}.csv").write_text(f.data.to_csv(), encoding="utf-8")
    serialise.write_json(public(s.config), folder / "config.json")
    provenance = {
        "code_commit": commit,
        "package_versions": package_versions(),
        "runs": {r.run_id: dict(r.tags) for r in s.runs},
        "left_out": {e.run.run_id: e.reason for e in s.left_out},
    }
    serialise.write_json(provenance, folder / "provenance.json")


def headline(s: Summary) -> dict[str, float | None]:
    """Numbers of the whole study."""
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
            "noise_ceiling_low": s.cross_model.noise_ceiling[0],
            "noise_ceiling_high": s.cross_model.noise_ceiling[1],
        }
        out |= {k: v if v == v else None for k, v in numbers.items()}
    return out


def _tags(s: Summary, commit: str) -> dict[str, str]:
    return {
        "job": "summarize",
        "fingerprint": _fingerprint(s),
        "stimuli_sha256": s.stimuli.sha256,
        "code_commit": commit,
    }


def _fingerprint(s: Summary) -> str:
    """Of the runs used and of the settings; a summary is always made anew."""
    c = s.config
    identity = {
        "job": "summarize",
        "runs": sorted(r.run_id for r in s.runs),
        "summary": canonical(c.job.summary),
        "resampling": canonical(c.resampling),
        "seed": c.seed,
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _record(s: Summary) -> RunRecord:
    from emo.tracking import DESCRIPTION, RunRecord

    text = "\n\n".join([*methods.headline(s), f"The report is the artifact `{REPORT}`."])
    return RunRecord({DESCRIPTION: text}, record.params(s.config), headline(s))


def _outcome(s: Summary, run_id: str | None, uri: str) -> Outcome:
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
    lines += [
        f"  {len(s.runs)} runs used, {len(s.left_out)} left out with the reason in the report",
        f"  report {uri}/{REPORT}",
    ]
    if run_id is not None:
        lines.append(f"  run {run_id} (finished); look at it with: make ui")
    return Outcome(
        status="finished",
        fingerprint=_fingerprint(s),
        run_id=run_id,
        metrics=serialise.plain(headline(s)),
        artifacts={name: f"{uri}/{name}" for name in (REPORT, "tables", "figures")},
        table="\n".join(lines),
    )

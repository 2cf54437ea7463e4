"""A grid of points run as one sweep: its parent run, the order of its jobs, their outcomes."""

from __future__ import annotations

import logging
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from emo.config.checks import require_writable
from emo.config.enums import Output
from emo.config.schema import RunConfig
from emo.errors import SweepFailed, TrackingError
from emo.files.csv_files import csv_text
from emo.launch import launchers as launching
from emo.launch.results_table import results_table
from emo.launch.sweep_names import axes, sweep_name
from emo.launch.sweep_points import Point, ordered, public_words, shared_and_varied, sweep_id
from emo.redact import without_password
from emo.report.console import aligned
from emo.report.runs.description import PointRow, sweep_described
from emo.runs import closing
from emo.runs.outcome import OUTCOME, Outcome, show

log = logging.getLogger(__name__)

Launch = Callable[[Sequence[Sequence[str]], int], Sequence[Any]]
"""Runs jobs, given as overrides; the second argument is the number of the first job.

Returns an Outcome per job, or the error of a job that ended without an Outcome.
"""


def run(points: Sequence[Point], master: DictConfig, launch: Launch, at_once: int | None) -> None:
    """Run the points under one parent run and print the closing table.

    Raises
    ------
    EmoError
        If the launcher or the sweep's folder is not usable; nothing is written then.
    SweepFailed
        If a point failed or the parent could not be logged; all other points have run.
    """
    swept, points = list(points), ordered(points)
    output = Output(master.output) if isinstance(master.output, str) else master.output
    launching.check(master.hydra.launcher, at_once)
    folder = Path(master.root, master.hydra.sweep.dir)
    require_writable("hydra.sweep.dir", folder)
    outcome = _tracked(swept, points, master, launch, at_once, folder)
    last = closing.closing(outcome, closing.after_a_sweep(shared_and_varied(points)[0]))
    show(outcome, output, last)
    if outcome.failed:
        raise SweepFailed(outcome.error or "")


def _tracked(
    swept: Sequence[Point],
    points: Sequence[Point],
    master: DictConfig,
    launch: Launch,
    at_once: int | None,
    folder: Path,
) -> Outcome:
    from emo.runs import reuse
    from emo.tracking.links import run_link
    from emo.tracking.record import JOB, SWEEP

    start = time.monotonic()

    config, identity = points[0].config, sweep_id(points)
    tracker = reuse.open_tracker(config)
    outcome = Outcome(status="failed")
    try:
        tags = {JOB: "sweep", SWEEP: identity}
        name = sweep_name(shared_and_varied(points)[1])
        with reuse.reopen(config, tracker, name, tags) as parent:
            launching.hide(master)
            launching.hand_over(master, parent, len(points), _varied(points))
            launching.save(master, folder / "multirun.yaml")
            results = _results(points, launch, at_once, folder)
            with suppress(TrackingError):  # the results matter more
                tracker.mark_stale()  # runs that killed workers left open
            results = [
                _recorded(tracker, parent, point, words, result)
                for point, words, result in zip(
                    points, shared_and_varied(points)[1], results, strict=True
                )
            ]
            in_order = sorted(
                zip(points, results, strict=True), key=lambda pair: swept.index(pair[0])
            )
            outcome = replace(
                _summary([p for p, _ in in_order], [r for _, r in in_order], identity, parent),
                link=run_link(tracker, parent),
                seconds=time.monotonic() - start,
            )
            _log(config, tracker, parent, points, results, outcome)
            if outcome.failed:
                raise SweepFailed(outcome.error or "")
    except SweepFailed:
        pass
    except TrackingError as error:
        words = f"{outcome.error}; {error}" if outcome.error else str(error)
        outcome = replace(outcome, status="failed", error=words)
    return outcome


def _varied(points: Sequence[Point]) -> list[str]:
    """Parameters in which the points differ, as a user wrote them."""
    words = [word for varied in shared_and_varied(points)[1] for word in varied]
    return list(dict.fromkeys(word.partition("=")[0] for word in words))


def _results(
    points: Sequence[Point], launch: Launch, at_once: int | None, folder: Path
) -> list[Outcome]:
    """An outcome per point, even if the launcher gave up because one of its workers died."""
    results: list[Outcome] = []
    for first in range(0, len(points), at_once or len(points)):
        some = points[first : first + (at_once or len(points))]
        folders = [folder / str(first + i) for i in range(len(some))]
        for one in folders:  # an earlier sweep may have used the same folder
            (one / OUTCOME).unlink(missing_ok=True)
        try:
            ended = launch([point.overrides for point in some], first)
        except Exception as error:
            log.warning("the launcher gave up: %s", _reason(error))
            ended = [error] * len(some)
        results += [
            _outcome_on_disk(one, _reason(end)) if isinstance(end, Exception) else end
            for one, end in zip(folders, ended, strict=True)
        ]
    return results


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error) or 'no reason given').splitlines()[0]}"


def _outcome_on_disk(folder: Path, reason: str) -> Outcome:
    """The outcome that a job wrote into its folder, or a failed one."""
    try:
        return Outcome.from_json((folder / OUTCOME).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return Outcome(status="failed", error=f"brought no result back ({reason})")


def _recorded(
    tracker: Any, parent: str, point: Point, words: Sequence[str], result: Outcome
) -> Outcome:
    """The result; a FAILED run is logged for a job that failed before it opened one.

    A result in the spool has a run already, even if its id is still ``NOWHERE``: job=sync delivers it.
    """
    if not result.failed or result.run_id is not None:
        return result
    from emo.tracking.record import JOB

    c = point.config
    tags = {
        "overrides": without_password(" ".join(point.overrides))[:5000],
        JOB: c.job.name.value,
        "model": c.model.label,
        "backend": c.backend.name.value,
        "precision": c.precision.label,
    }
    name = " ".join(["failed", *words])[:250]
    return replace(
        result, run_id=tracker.record_failure(parent, name, tags, result.error or "no reason")
    )


def _summary(
    points: Sequence[Point], results: Sequence[Outcome], identity: str, parent: str
) -> Outcome:
    """The outcome of the sweep itself, with the closing table."""
    counts = {
        status: sum(r.status == status for r in results)
        for status in ("finished", "reused", "failed")
    }
    totals = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    common, varied = shared_and_varied(points)
    lines = [f"sweep {identity}: {len(points)} points, {totals}"]
    if common:
        lines.append(f"  all: {' '.join(common)}")
    lines += [
        f"  failed  {' '.join(words)}: {result.error}"
        for words, result in zip(varied, results, strict=True)
        if result.failed
    ]
    if counts["failed"]:
        lines.append("  this runs only what failed:")
        lines += [f"    {command}" for command in repeat(points, results)]
    errors = [r.error for r in results if r.failed]
    failed = (
        f"{len(errors)} of {len(points)} points failed, the first: {errors[0]}" if errors else None
    )
    return Outcome(
        status="failed" if failed else "finished",
        fingerprint=identity,
        run_id=parent,
        metrics={"points": len(points), **counts},
        passes_done=sum(r.passes_done for r in results),
        passes_reused=sum(r.passes_reused for r in results),
        table="\n".join(lines),
        error=failed,
        points=results_table(points[0].config.job.name, varied, results),
    )


def repeat(points: Sequence[Point], results: Sequence[Outcome]) -> list[str]:
    """Commands that run the failed points and nothing else, without passwords.

    The same command does that, since it reuses finished runs. With force=true it would repeat them, so
    then each failed point has its own command.
    """
    failed = [p for p, result in zip(points, results, strict=True) if result.failed]
    if any(p.config.force for p in points):
        return [shlex.join(["python", "launch.py", *public_words(p.overrides)]) for p in failed]
    return [shlex.join(["python", "launch.py", *public_words(sys.argv[1:])])]


def _log(
    config: RunConfig,
    tracker: Any,
    parent: str,
    points: Sequence[Point],
    results: Sequence[Outcome],
    outcome: Outcome,
) -> None:
    from emo.runs import reuse
    from emo.tracking import DESCRIPTION, RunRecord
    from emo.tracking.record import VARIED

    _, varied = shared_and_varied(points)
    rows = [
        PointRow(" ".join(words), r.status, r.run_id, r.error, r.metrics)
        for words, r in zip(varied, results, strict=True)
    ]
    answer = f"{sweep_name(varied)}: {outcome.table.partition(': ')[2].partition(chr(10))[0]}"
    results_lines = [] if outcome.points is None else aligned(outcome.points)
    text = "\n".join([outcome.table, *results_lines])
    tags = {DESCRIPTION: sweep_described(answer, text, rows), VARIED: axes(varied)[:5000]}
    metrics = {
        **{f"headline/{name}": value for name, value in outcome.metrics.items()},
        "cost/forward_passes_done": outcome.passes_done,
        "cost/forward_passes_reused": outcome.passes_reused,
    }
    with reuse.staged(config) as folder:
        _write_csv(folder / "sweep.csv", points, results)
        tracker.log(parent, RunRecord(tags, {}, metrics), folder, outcome.error)


def _write_csv(path: Path, points: Sequence[Point], results: Sequence[Outcome]) -> None:
    """Write one row per point: its varied overrides, its outcome, its headline metrics."""
    _, varied = shared_and_varied(points)
    keys = list(dict.fromkeys(o.partition("=")[0] for words in varied for o in words))
    names = list(dict.fromkeys(name for r in results for name in r.metrics))
    rows = []
    for words, r in zip(varied, results, strict=True):
        values = {key: value for key, _, value in (o.partition("=") for o in words)}
        row = [values.get(key, "") for key in keys]
        metrics = [r.metrics.get(name, "") for name in names]
        rows.append([*row, r.status, r.run_id, r.fingerprint, *metrics, r.error or ""])
    head = [*keys, "status", "run_id", "fingerprint", *names, "error"]
    path.write_text(csv_text(head, rows), encoding="utf-8")

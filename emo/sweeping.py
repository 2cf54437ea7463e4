"""A grid of points as one sweep: its parent run, the order of its jobs, what became of each."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from emo.choices import Output
from emo.composing import resolve
from emo.config import RunConfig, canonical
from emo.errors import EmoError, SweepFailed, TrackingError
from emo.jobs.outcome import OUTCOME, Outcome, show
from emo.passwords import without_password

log = logging.getLogger(__name__)

NOT_IDENTITY = ("force", "output", "root", "tracking", "paths")
"""Of a config, what makes no other sweep."""

Launch = Callable[[Sequence[Sequence[str]], int], Sequence[Any]]
"""Runs jobs, given as overrides; the second argument numbers the first.

Returns an Outcome each, or the error of a job that came to an end without one.
"""


@dataclass(frozen=True)
class Point:
    """One job of a sweep."""

    overrides: tuple[str, ...]
    config: RunConfig | None
    """None where the overrides make no valid config."""

    @property
    def identity(self) -> Any:
        """What tells this point from others, as JSON values."""
        if self.config is None:
            return sorted(self.overrides)
        whole = canonical(self.config)
        return {name: value for name, value in whole.items() if name not in NOT_IDENTITY}

    @property
    def loads(self) -> str:
        """What has to be loaded for it: equal for points that can share a model in memory."""
        if self.config is None:
            return ""
        c = self.config
        backend = (c.backend.label, c.backend.attention.value, c.backend.device.value)
        return json.dumps([canonical(c.model), backend, c.precision.settings()])


def points(jobs: Sequence[Sequence[str]], composed: Sequence[DictConfig]) -> list[Point]:
    """Jobs with their checked configs."""
    found = []
    for job, config in zip(jobs, composed, strict=True):
        try:
            own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
            run = resolve(own, Path(config.root))
        except EmoError:
            run = None  # the job says it again, in its place
        found.append(Point(tuple(job), run))
    return found


def ordered(points: Sequence[Point]) -> list[Point]:
    """Points that share a model, backend and precision together, otherwise as they came."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(point.loads, []).append(point)
    return [point for group in groups.values() for point in group]


def sweep_id(points: Sequence[Point]) -> str:
    """Names a sweep by the set of its points, in whatever order and words they were given."""
    texts = sorted(json.dumps(point.identity, sort_keys=True) for point in points)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def run(points: Sequence[Point], master: DictConfig, launch: Launch, at_once: int | None) -> None:
    """Run the points under one parent run, print the closing table.

    Raises
    ------
    SweepFailed
        If a point failed or the parent could not be logged; all others have run.
    """
    points = ordered(points)
    output = Output(master.output) if isinstance(master.output, str) else master.output
    folder = Path(master.hydra.sweep.dir)
    configs = [point.config for point in points if point.config is not None]
    if not configs:
        outcome = _summary(points, _results(points, launch, at_once, folder), "", None)
    else:
        outcome = _tracked(points, configs[0], master, launch, at_once, folder)
    show(outcome, output)
    if outcome.failed:
        raise SweepFailed(outcome.error or "")


def _tracked(
    points: Sequence[Point],
    config: RunConfig,
    master: DictConfig,
    launch: Launch,
    at_once: int | None,
    folder: Path,
) -> Outcome:
    from emo.jobs import record  # what reads stimuli and models is not needed for --help

    identity = sweep_id(points)
    tracker = record.open_tracker(config)
    outcome = Outcome(status="failed")
    try:
        tags = {"job": "sweep", "sweep": identity}
        with record.again(config, tracker, f"sweep {identity}", tags) as parent:
            # Hydra begins the overrides of every job, wherever it runs, with these.
            master.hydra.overrides.hydra.append(f"tracking.parent={parent}")
            results = _results(points, launch, at_once, folder)
            with suppress(TrackingError):  # the results matter more
                tracker.mark_stale()  # what killed workers left open
            results = [
                _recorded(tracker, parent, point, words, result)
                for point, words, result in zip(points, _shared(points)[1], results, strict=True)
            ]
            outcome = _summary(points, results, identity, parent)
            _log(config, tracker, parent, points, results, outcome)
            if outcome.failed:
                raise SweepFailed(outcome.error or "")
    except SweepFailed:
        pass
    except TrackingError as error:
        words = f"{outcome.error}; {error}" if outcome.error else str(error)
        outcome = replace(outcome, status="failed", error=words)
    return outcome


def _results(
    points: Sequence[Point], launch: Launch, at_once: int | None, folder: Path
) -> list[Outcome]:
    """An outcome a point, also where the launcher gave up because a worker of it died."""
    results: list[Outcome] = []
    for first in range(0, len(points), at_once or len(points)):
        some = points[first : first + (at_once or len(points))]
        folders = [folder / str(first + i) for i in range(len(some))]
        for one in folders:  # of an earlier sweep into the same folder
            (one / OUTCOME).unlink(missing_ok=True)
        try:
            ended = launch([point.overrides for point in some], first)
        except Exception as error:
            log.warning("the launcher gave up: %s", _said(error))
            ended = [error] * len(some)
        results += [
            _left(one, _said(end)) if isinstance(end, Exception) else end
            for one, end in zip(folders, ended, strict=True)
        ]
    return results


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error) or 'no reason given').splitlines()[0]}"


def _left(folder: Path, reason: str) -> Outcome:
    """The outcome that a job left on disk, or a failed one."""
    try:
        return Outcome.from_json((folder / OUTCOME).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return Outcome(status="failed", error=f"brought no result back ({reason})")


def _recorded(
    tracker: Any, parent: str, point: Point, words: Sequence[str], result: Outcome
) -> Outcome:
    """The result, with a FAILED run where a job failed before it had opened one.

    A result in the spool has a run, though it may be ``NOWHERE`` as yet: job=sync delivers it.
    """
    if not result.failed or result.run_id is not None:
        return result
    tags = {"overrides": without_password(" ".join(point.overrides))[:5000]}
    if point.config is not None:
        c = point.config
        tags |= {
            "job": c.job.name.value,
            "model": c.model.label,
            "backend": c.backend.name.value,
            "precision": c.precision.label,
        }
    name = " ".join(["failed", *words])[:250]
    return replace(
        result, run_id=tracker.record_failure(parent, name, tags, result.error or "no reason")
    )


def _summary(
    points: Sequence[Point], results: Sequence[Outcome], identity: str, parent: str | None
) -> Outcome:
    """The sweep's own outcome, with the closing table."""
    counts = {
        status: sum(r.status == status for r in results)
        for status in ("finished", "reused", "failed")
    }
    said = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    common, own = _shared(points)
    lines = [f"sweep {identity}: {len(points)} points, {said}", f"  all: {' '.join(common)}"]
    for words, result in zip(own, results, strict=True):
        end = result.error if result.failed else f"run {result.run_id}"
        lines.append(f"  {result.status:<8}  {' '.join(words)}  {end}")
    if counts["failed"]:
        lines.append("  repeat only what failed:")
        lines += [f"    {command}" for command in repeat(points, results)]
    if parent is not None:
        lines.append(f"  parent run {parent}; look at it with: make ui")
    failed = f"{counts['failed']} of {len(points)} points failed" if counts["failed"] else None
    return Outcome(
        status="failed" if failed else "finished",
        fingerprint=identity or None,
        run_id=parent,
        metrics={"points": len(points), **counts},
        passes_done=sum(r.passes_done for r in results),
        passes_reused=sum(r.passes_reused for r in results),
        table="\n".join(lines),
        error=failed,
    )


def _shared(points: Sequence[Point]) -> tuple[list[str], list[list[str]]]:
    """The overrides that all points have, and those that are a point's own."""
    common = [o for o in points[0].overrides if all(o in p.overrides for p in points)]
    own = [[o for o in p.overrides if o not in common] for p in points]
    return _shown(common), [_shown(words) for words in own]


def _shown(words: Sequence[str]) -> list[str]:
    return [without_password(word) for word in words]


def repeat(points: Sequence[Point], results: Sequence[Outcome]) -> list[str]:
    """Commands that run what failed and nothing else.

    That is the same command again, which finds what finished; with force=true it would repeat
    that, too, so then each failed point has a command of its own. Passwords are left out.
    """
    failed = [p for p, result in zip(points, results, strict=True) if result.failed]
    if any(p.config is not None and p.config.force for p in points):
        return [shlex.join(["python", "launch.py", *_shown(p.overrides)]) for p in failed]
    return [shlex.join(["python", "launch.py", *_shown(sys.argv[1:])])]


def _log(
    config: RunConfig,
    tracker: Any,
    parent: str,
    points: Sequence[Point],
    results: Sequence[Outcome],
    outcome: Outcome,
) -> None:
    from emo.jobs import record
    from emo.tracking import DESCRIPTION, RunRecord

    tags = {DESCRIPTION: f"```\n{outcome.table}\n```"}
    metrics = {
        **outcome.metrics,
        "forward_passes_done": outcome.passes_done,
        "forward_passes_reused": outcome.passes_reused,
    }
    with record.staged(config) as folder:
        _write_csv(folder / "sweep.csv", points, results)
        tracker.log(parent, RunRecord(tags, {}, metrics), folder, outcome.error)


def _write_csv(path: Path, points: Sequence[Point], results: Sequence[Outcome]) -> None:
    """One row a point: its own overrides, what became of it, its headline metrics."""
    _, own = _shared(points)
    keys = list(dict.fromkeys(o.partition("=")[0] for words in own for o in words))
    names = list(dict.fromkeys(name for r in results for name in r.metrics))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*keys, "status", "run_id", "fingerprint", *names, "error"])
        for words, r in zip(own, results, strict=True):
            values = {key: value for key, _, value in (o.partition("=") for o in words)}
            row = [values.get(key, "") for key in keys]
            metrics = [r.metrics.get(name, "") for name in names]
            writer.writerow([*row, r.status, r.run_id, r.fingerprint, *metrics, r.error or ""])

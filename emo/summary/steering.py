"""The steering runs a summary shows: of each model the newest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from emo import serialise
from emo.core.dose_response import Sweep
from emo.summary.loading import Files
from emo.summary.selection import LoggedRun


@dataclass(frozen=True)
class Steered:
    """One model's sweep over doses."""

    model: str
    run: LoggedRun
    sweep: Sweep


def steering_candidates(
    runs: Sequence[LoggedRun], models: Collection[str]
) -> dict[str, tuple[LoggedRun, ...]]:
    """By model of those a summary is of: finished steering runs, newest first."""
    found: dict[str, tuple[LoggedRun, ...]] = {}
    for run in sorted(runs, key=lambda r: r.started, reverse=True):
        if run.status == "FINISHED" and run.model in models:
            found[run.model] = (*found.get(run.model, ()), run)
    return found


def steered(run: LoggedRun, files: Files) -> Steered:
    """A steering run with everything it found."""
    return Steered(run.model, run, serialise.read_steering(files("steering.json")))

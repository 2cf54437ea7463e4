"""The steering runs a summary shows: of each model the newest whose vectors are of this study."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from emo.core.steering.dose_response import DoseSweep
from emo.runs import files as serialise
from emo.runs.listing import LoggedRun
from emo.summary.loading import Files
from emo.summary.selection import LeftOut


@dataclass(frozen=True)
class Steered:
    """One model's sweep over doses."""

    model: str
    run: LoggedRun
    sweep: DoseSweep

    @property
    def settings(self) -> str:
        """Preset, precision, positions and run, for titles."""
        tags, params = self.run.tags, self.run.params
        older = params.get(
            "job.steer.positions", "?"
        )  # of a run that was logged before it was renamed
        return (
            f"preset {tags.get('steer', '?')}, {tags.get('precision', '?')}, positions "
            f"{params.get('job.steer.positions', older)}, run {self.run.short}"
        )


VECTORS = ("stimuli_sha256", "readout", "precision")
"""What the vectors that were added share with a run of the summary, if they are not that run's own."""
SETTINGS = ("remove", "projection")
"""The same, as parameters of the run they are of; without them (older runs) it is none."""


def steering_candidates(
    runs: Sequence[LoggedRun], used: Collection[LoggedRun]
) -> tuple[dict[str, tuple[LoggedRun, ...]], list[LeftOut]]:
    """By model of those a summary uses runs of: usable steering runs, newest first; and all but these.

    Usable is a finished run whose vectors are those of a run used, or were read from the same passages
    with the same readout, precision and vectors settings by the same revision of the model. Older
    ones are there should the newest's files be damaged, and are left out as well.
    """
    found: dict[str, tuple[LoggedRun, ...]] = {}
    left = []
    for run in sorted(runs, key=lambda r: r.started, reverse=True):
        mine = [r for r in used if r.weights == run.weights]
        if not mine:
            continue
        if run.model != mine[0].model:
            run = replace(run, name=mine[0].model)
        newer = found.get(run.model, ())
        reason = _unusable(run, mine)
        if reason is None:
            found[run.model] = (*newer, run)
            reason = (
                f"older than steering run {newer[0].short} of the same model" if newer else None
            )
        if reason is not None:
            left.append(LeftOut(run, reason))
    return found, left


def _unusable(run: LoggedRun, used: Collection[LoggedRun]) -> str | None:
    if run.status != "FINISHED":
        return f"not finished ({run.status})"
    source = run.tags.get("vectors_run", "?")
    if source in {r.run_id for r in used}:
        return None
    mine = [
        run.tags.get("revision"),
        *(run.tags.get(f"vectors_{name}", "?") for name in VECTORS),
        *(run.tags.get(f"vectors_{name}", "none") for name in SETTINGS),
    ]
    if any(mine == _kind(r) for r in used):
        return None
    return (
        f"adds vectors of run {source[:8]}: other passages, readout, precision, revision or "
        "vectors settings"
    )


def _kind(run: LoggedRun) -> list[str | None]:
    """Of what kind an extraction's vectors are."""
    return [
        run.tags.get("revision"),
        *(run.tags.get(name) for name in VECTORS),
        *(run.params.get(f"vectors.{name}", "none") for name in SETTINGS),
    ]


def steered(run: LoggedRun, files: Files) -> Steered:
    """A steering run with everything it found."""
    return Steered(run.model, run, files("steering.json", serialise.read_steering))

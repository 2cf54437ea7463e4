"""The steering runs that a summary shows: per model the newest that adds vectors of the summary."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from emo.config import vector_settings
from emo.core.steering.dose_response import DoseSweep
from emo.runs import files as serialise
from emo.runs.listing import RunListing
from emo.summary.loading import Files
from emo.summary.selection import LeftOut


@dataclass(frozen=True)
class Steered:
    """One model's sweep over doses."""

    model: str
    run: RunListing
    sweep: DoseSweep

    @property
    def precision(self) -> str:
        """Label of the precision that the texts were written in."""
        return self.run.precision

    @property
    def settings(self) -> str:
        """Preset, precision, positions and run, for titles."""
        tags, params = self.run.tags, self.run.params
        older = params.get("steer.positions", "?")  # the name it had in earlier versions
        return (
            f"preset {tags.get('steer', '?')}, {tags.get('precision', '?')}, positions "
            f"{params.get('job.steer.positions', older)}, run {self.run.short}"
        )


VECTORS = ("stimuli_sha256", "readout")
"""Tags that the vectors that were added share with a run of the summary, besides their settings.

Runs that read passages have a readout, and runs that wrote their texts have none.
"""


def steering_candidates(
    runs: Sequence[RunListing], used: Collection[RunListing]
) -> tuple[dict[tuple[str, str], tuple[RunListing, ...]], list[LeftOut]]:
    """Usable steering runs by model and precision, newest first, and those not shown with the reason.

    Only models that the summary uses runs of are looked at. A finished run is usable if it adds the
    vectors of such a run, or vectors that the same revision of the model gave on the same passages with
    the same settings. Of several in one precision the newest is shown; older ones stand by in case its
    files are damaged, and count as left out. Every precision has a run of its own: what a model writes
    unsteered depends on it.
    """
    usable: dict[tuple[str, str], tuple[RunListing, ...]] = {}
    left_out = []
    for run in sorted(runs, key=lambda r: r.started, reverse=True):
        extractions = [r for r in used if r.weights == run.weights]
        if not extractions:
            continue
        if run.model != extractions[0].model:
            run = replace(run, name=extractions[0].model)
        newer = usable.get((run.model, run.precision), ())
        reason = _unusable(run, extractions)
        if reason is None:
            usable[run.model, run.precision] = (*newer, run)
            reason = (
                f"older than steering run {newer[0].short} of the same model in the same precision"
                if newer
                else None
            )
        if reason is not None:
            left_out.append(LeftOut(run, reason))
    return usable, left_out


def _unusable(run: RunListing, used: Collection[RunListing]) -> str | None:
    if run.status != "FINISHED":
        return f"not finished ({run.status})"
    if run.unreadable:
        return f"its parameters cannot be read: {run.unreadable}"
    source = run.tags.get("vectors_run", "?")
    if source in {r.run_id for r in used}:
        return None
    tags = [run.tags.get("revision"), *(run.tags.get(f"vectors_{name}", "?") for name in VECTORS)]
    tags.append(run.tags.get("vectors_versions", run.tags.get("versions")))
    settings = vector_settings.values_in_tags(run.tags)
    if any((tags, settings) == _kind(r) for r in used):
        return None
    return (
        f"adds vectors of run {source[:8]}: other passages, readout, revision, "
        "vectors settings or version of the reading"
    )


def _kind(run: RunListing) -> tuple[list[str | None], dict[str, str]]:
    """The kind of the vectors of an extraction: tags, and the settings that decide them.

    A run whose vectors were tagged before their version was has the version of its own reading.
    """
    tags = [run.tags.get(name) for name in ("revision", *VECTORS, "versions")]
    return tags, vector_settings.values_of(run.config)


def steered(run: RunListing, files: Files) -> Steered:
    """A steering run with its sweep over doses."""
    return Steered(run.model, run, files("steering.json", serialise.read_steering))

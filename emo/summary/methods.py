"""The runs of job=methods that a summary shows: per model the newest, all of the same readings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from emo.core.compare.method_result import MethodsResult
from emo.files.reading import record_of
from emo.runs.listing import RunListing
from emo.summary.loading import Files
from emo.summary.selection import LeftOut


@dataclass(frozen=True)
class MethodsOf:
    """One model's estimators and readouts."""

    model: str
    run: RunListing
    result: MethodsResult


def methods_candidates(
    runs: Sequence[RunListing], used: Collection[RunListing], stimuli_sha256: str
) -> tuple[dict[str, tuple[RunListing, ...]], list[LeftOut]]:
    """Usable runs by model, newest first, and those of the models that cannot stand there, with reasons.

    A finished run is usable if it read the summary's passages, and its settings of ``job.methods`` and
    ``subparams`` are those of the newest.
    """
    by_weights = {r.weights: r.model for r in used}
    usable: dict[str, tuple[RunListing, ...]] = {}
    left_out, first = [], None
    for run in sorted(runs, key=lambda r: r.started, reverse=True):
        if run.weights not in by_weights:
            continue
        run = replace(run, name=by_weights[run.weights])
        reason = _unusable(run, stimuli_sha256)
        if reason is None:
            first = first or run
            if _settings(run) != _settings(first):
                reason = f"other readings, texts or depth than run {first.short}"
        if reason is None:
            newer = usable.get(run.model, ())
            usable[run.model] = (*newer, run)
            if newer:
                reason = f"older than job=methods run {newer[0].short} of the same model"
        if reason is not None:
            left_out.append(LeftOut(run, reason))
    return usable, left_out


def _unusable(run: RunListing, stimuli_sha256: str) -> str | None:
    if run.status != "FINISHED":
        return f"not finished ({run.status})"
    if run.unreadable:
        return f"its parameters cannot be read: {run.unreadable}"
    if run.tags.get("stimuli_sha256") != stimuli_sha256:
        return "it read other passages"
    return None


def _settings(run: RunListing) -> dict[str, str]:
    """What two runs must have in common to stand in one table."""
    starts = ("job.methods.", "subparams.", "precision.")
    return {name: value for name, value in run.params.items() if name.startswith(starts)}


def methods_of(run: RunListing, files: Files) -> MethodsOf:
    """A run with its table."""
    return MethodsOf(run.model, run, files("methods.json", partial(record_of, MethodsResult)))

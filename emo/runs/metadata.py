"""What every run of a plan says about itself: tags, parameters, data set and common files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emo.conditions import recognise
from emo.config import vector_settings
from emo.config.enums import BackendName, JobName, MethodName, PrecisionName, Readout, Source
from emo.config.schema import RunConfig, public, secret_fields
from emo.redact import without_password
from emo.runs.files import write_json, write_stimuli
from emo.runs.plan import Plan
from emo.runs.versions import versions


def tags(plan: Plan) -> dict[str, str]:
    """What runs are searched and compared by."""
    c = plan.config
    out = {
        "job": c.job.name.value,
        "fingerprint": plan.provenance.fingerprint,
        "model": c.model.label,
        "model_id": without_password(c.model.id),
        "revision": plan.weights.revision,
        "family": c.model.family,
        "variant": c.model.variant.value,
        "backend": c.backend.name.value,
        "precision": c.precision.label,
        "method": c.method.name.value,
        "stimuli_sha256": plan.stimuli.sha256,
        "code_commit": plan.provenance.code_commit,
        "device": plan.device,
    }
    generation = c.method.name is MethodName.generation
    mean = not generation and c.method.readout is Readout.mean
    out["versions"] = versions(generation, not c.precision.causal, mean)
    if not generation:
        out["readout"] = c.method.readout.value
    if c.job.name is JobName.extract:
        condition = recognise(c)
        out |= {"condition": condition.name, "condition_note": condition.note}
    if c.backend.name is BackendName.tl:
        out["implementation"] = c.backend.implementation.value
    if plan.weights.note:
        out["weights_note"] = plan.weights.note
    return out


READS_PASSAGES = frozenset(
    {JobName.extract, JobName.steer, JobName.axes, JobName.equivalence, JobName.precision}
    | {JobName.validate}
)
"""The jobs to which sub-parameters of generation mean nothing with method=comprehension."""
ONE_PRECISION = frozenset(
    {JobName.extract, JobName.steer, JobName.axes, JobName.equivalence, JobName.validate}
)
"""The jobs that know no other precision than the configured one and that of the texts."""

WITHOUT_EFFECT: dict[str, Callable[[RunConfig], bool]] = {
    "root": lambda _: True,
    "output": lambda _: True,
    "paths.": lambda _: True,
    "tracking.": lambda _: True,
    "norms.": lambda c: c.job.name is not JobName.axes,
    "subparams.": lambda c: (
        c.job.name in READS_PASSAGES and c.method.name is MethodName.comprehension
    ),
    "model.tiny.": lambda c: c.model.source is not Source.tiny,
    "precision.int8.": lambda c: _is_not(PrecisionName.int8, c),
    "precision.four_bit.": lambda c: (
        _is_not(PrecisionName.nf4, c) and _is_not(PrecisionName.fp4, c)
    ),
}
"""Beginnings of parameters, and when they change nothing of a run; those of other jobs never do."""


def params(config: RunConfig) -> dict[str, str]:
    """The settings that can mean something to the job, by dotted name; none that may hold a secret.

    Those that decide vectors are always among them. Whoever reads a run takes the default for a
    setting that it did not log.
    """
    out: dict[str, str] = {}
    _flatten(public(config), "", out)
    ours = f"job.{config.job.name.value}."
    decisive = {setting.name for setting in vector_settings.VECTOR_SETTINGS}
    idle = tuple(start for start, applies in WITHOUT_EFFECT.items() if applies(config))
    return {
        name: value
        for name, value in out.items()
        if (name in decisive or not name.startswith((*secret_fields(), *idle)))
        and (not name.startswith("job.") or name == "job.name" or name.startswith(ours))
    }


def _is_not(precision: PrecisionName, config: RunConfig) -> bool:
    """Whether neither the model nor the texts of a run are in a precision."""
    known = (config.precision.name, config.subparams.texts_from)
    return config.job.name in ONE_PRECISION and precision not in known


def _flatten(value: Any, prefix: str, out: dict[str, str]) -> None:
    for key, entry in value.items():
        if isinstance(entry, dict):
            _flatten(entry, f"{prefix}{key}.", out)
        else:
            out[f"{prefix}{key}"] = str(entry)


def dataset(plan: Plan) -> tuple[str, str, str]:
    """Name, digest and source of the passages."""
    path = plan.config.stimuli.path
    name = Path(path).stem if path else plan.config.stimuli.name
    return name, plan.stimuli.sha256, Path(plan.stimuli.source).name


def write_files(folder: Path, plan: Plan) -> None:
    """Write the passages, the config and the provenance, as every run of a plan has them."""
    write_stimuli(plan.stimuli, folder / "stimuli.csv")
    write_json(public(plan.config), folder / "config.json")
    write_json(plan.provenance, folder / "provenance.json")

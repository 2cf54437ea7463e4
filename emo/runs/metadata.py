"""What every run of a plan says about itself: tags, parameters, data set and common files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emo.conditions import recognise
from emo.config.enums import BackendName, JobName, MethodName, Readout
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


def params(config: RunConfig) -> dict[str, str]:
    """Every field of the config by its dotted name, but those that may hold a secret or a home."""
    out: dict[str, str] = {}
    _flatten(public(config), "", out)
    for left_out in (*secret_fields(), "root"):
        del out[left_out]
    return out


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

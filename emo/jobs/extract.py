"""job=extract: passages -> activations -> emotion vectors -> geometry -> one logged run."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emo import serialise
from emo.activations.reading import Passes, check_lengths, read, tokenise
from emo.activations.store import ActivationStore
from emo.config import Readout, Removal, RunConfig, canonical
from emo.core.describe import GeometryError, Resampling, describe
from emo.core.types import Activations, Descriptors, EmotionVectors, Provenance, StimulusSet
from emo.errors import ConfigError, EmoError
from emo.fingerprint import fingerprint, reader_identity, run_identity
from emo.jobs.outcome import Outcome
from emo.models.weights import Weights, locate
from emo.progress import track
from emo.provenance import code_commit, package_versions
from emo.report import table
from emo.stimuli.loading import load_stimuli

log = logging.getLogger(__name__)

ARTIFACTS = (
    "vectors.safetensors",
    "activations.safetensors",
    "rdm.csv",
    "descriptors.json",
    "stimuli.csv",
    "config.json",
    "provenance.json",
    "figures/rdm.png",
    "figures/layers.png",
    "figures/map.png",
)


READOUTS = {
    Readout.last: "last token",
    Readout.mean: "mean over tokens",
    Readout.suffix: "last token of the suffix",
}


@dataclass(frozen=True)
class Plan:
    """What is to be run, known and checked before a model is loaded."""

    config: RunConfig
    stimuli: StimulusSet
    weights: Weights
    device: str
    provenance: Provenance

    @property
    def title(self) -> str:
        c = self.config
        return (
            f"{c.model.label}, {c.precision.name.value}, {c.method.name.value}, "
            f"{READOUTS[c.method.readout]}"
            + (", situation means removed" if c.vectors.remove is Removal.situation else "")
        )

    @property
    def run_name(self) -> str:
        """Short name in the UI's list."""
        c = self.config
        parts = [c.model.label, c.precision.name.value, c.method.name.value, c.method.readout.value]
        return " ".join(parts)


def make_plan(config: RunConfig) -> Plan:
    """Read the stimuli, find the weights and the device, and name the run.

    Raises
    ------
    EmoError
        If any of these is wrong; nothing has been written then.
    """
    stimuli = load_stimuli(
        config.path(config.stimuli.path) if config.stimuli.path else None,
        config.path(config.stimuli.neutral_path) if config.stimuli.neutral_path else None,
    )
    if config.vectors.remove is Removal.situation and not stimuli.crossed:
        raise ConfigError(
            "vectors.remove", "situation", "none: these passages have no situation column"
        )
    weights = locate(config.model)
    from emo.models.loading import pick_device  # imports torch

    device = pick_device(config.backend.device)
    name = fingerprint(run_identity(config, weights, device, stimuli.sha256))
    provenance = Provenance(
        model_id=config.model.id,
        revision=weights.revision,
        backend=config.backend.name.value,
        precision=config.precision.name.value,
        weights_note=weights.note,
        stimuli_sha256=stimuli.sha256,
        fingerprint=name,
        code_commit=code_commit(Path(config.root)),
        package_versions=package_versions(),
        device=device,
    )
    return Plan(config, stimuli, weights, device, provenance)


def run(config: RunConfig) -> Outcome:
    """Extract, or find the finished run with the same fingerprint."""
    plan = make_plan(config)
    from emo.tracking import Tracker

    tracker = Tracker(config)
    for stale in tracker.mark_stale():
        log.warning("run %s was left open by a process that is gone: marked KILLED", stale)
    if not config.force and (found := _finished(plan, tracker)):
        return found

    reader = _Reader(plan)
    with tracker.run(plan.run_name, _tags(plan)) as run_id:
        activations, passes = reader.read()
        vectors, descriptors = _describe(config, activations)
        with tempfile.TemporaryDirectory() as folder:
            _write_files(Path(folder), plan, activations, vectors, descriptors)
            tracker.log(run_id, _record(plan, descriptors, passes), Path(folder))
    return _outcome("finished", plan, tracker, run_id, descriptors, passes)


def _finished(plan: Plan, tracker: Any) -> Outcome | None:
    """The outcome of an earlier run with this fingerprint, read from what it logged."""
    found = tracker.find_finished(plan.provenance.fingerprint)
    if found is None:
        return None
    run_id = found.info.run_id
    try:
        descriptors = serialise.read_descriptors(tracker.artifact(run_id, "descriptors.json"))
    except (EmoError, ValueError, KeyError, TypeError) as error:
        log.warning("run %s is finished but its files are unreadable (%s): repeated", run_id, error)
        return None
    log.info(
        "run %s has this fingerprint already: reused, no forward pass (force=true repeats)", run_id
    )
    passes = Passes(0, len(plan.stimuli.items) + len(plan.stimuli.neutral))
    return _outcome("reused", plan, tracker, run_id, descriptors, passes)


class _Reader:
    """The loaded model and the tokenised texts, checked before a run is opened."""

    def __init__(self, plan: Plan) -> None:
        from emo.activations.hf import HFBackend
        from emo.models.loading import load

        self.plan, config = plan, plan.config
        identity = reader_identity(config, plan.weights, plan.device)
        self.store = ActivationStore(config.path(config.paths.store), identity)
        loaded = load(
            config.model,
            plan.weights,
            config.precision.name,
            config.backend.attention,
            plan.device,
            config.path(config.paths.weights),
        )
        self.backend = HFBackend(loaded)
        texts = [p.text for p in plan.stimuli.items]
        self.items = tokenise(loaded.tokenizer, texts, config.method.readout, config.method.suffix)
        self.neutral = tokenise(loaded.tokenizer, plan.stimuli.neutral, Readout.last)
        names = [f"{p.emotion}/{p.id}" for p in plan.stimuli.items]
        names += [f"neutral sentence {i + 1}" for i in range(len(self.neutral))]
        check_lengths([*self.items, *self.neutral], names, self.backend.context)

    def read(self) -> tuple[Activations, Passes]:
        """Activations of passages and neutral sentences, in one go."""
        stimuli = self.plan.stimuli
        values, passes = read(
            self.backend,
            [*self.items, *self.neutral],
            self.store,
            self.plan.config.backend.batch_size,
            track,
        )
        n = len(self.items)
        activations = Activations(
            values=values[:, :n],
            item_ids=tuple(p.id for p in stimuli.items),
            emotions=tuple(p.emotion for p in stimuli.items),
            situations=tuple(str(p.situation) for p in stimuli.items) if stimuli.crossed else None,
            neutral=values[:, n:],
            position=self.plan.config.method.readout.value,
        )
        return activations, passes


def _describe(config: RunConfig, activations: Activations) -> tuple[EmotionVectors, Descriptors]:
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    try:
        return describe(activations, resampling, config.vectors.remove.value, track)
    except GeometryError as error:
        raise EmoError(f"model={config.model.label}: {error}") from error


def _tags(plan: Plan) -> dict[str, str]:
    c = plan.config
    tags = {
        "job": c.job.name.value,
        "fingerprint": plan.provenance.fingerprint,
        "model": c.model.label,
        "model_id": c.model.id,
        "revision": plan.weights.revision,
        "family": c.model.family,
        "variant": c.model.variant.value,
        "backend": c.backend.name.value,
        "precision": c.precision.name.value,
        "method": c.method.name.value,
        "readout": c.method.readout.value,
        "stimuli_sha256": plan.stimuli.sha256,
        "code_commit": plan.provenance.code_commit,
        "device": plan.device,
    }
    if plan.weights.note:
        tags["weights_note"] = plan.weights.note
    return tags


def _record(plan: Plan, d: Descriptors, passes: Passes) -> Any:
    from emo.tracking import DESCRIPTION, RunRecord

    params: dict[str, str] = {}
    _flatten(canonical(plan.config), "", params)
    for secret in ("tracking.uri", "root"):  # may hold credentials, a home folder
        params.pop(secret, None)
    metrics = {
        **d.headline(),
        "forward_passes_done": passes.done,
        "forward_passes_reused": passes.reused,
        "finite_layers": len(d.finite_layers),
        "anisotropy_flag": float(d.anisotropy_flag),
    }
    for name, choice in d.choices.items():
        if choice is not None:
            metrics[f"layer_by_{name}"] = choice.layer
            metrics[f"layer_by_{name}_low"] = choice.low
            metrics[f"layer_by_{name}_high"] = choice.high
    curves = {f"curve_{name}": curve for name, curve in d.curves.items()}
    flag = "unreliable" if d.anisotropy_flag else "ok"
    path = plan.config.stimuli.path
    name = Path(path).stem if path else plan.config.stimuli.name
    dataset = (name, plan.stimuli.sha256, Path(plan.stimuli.source).name)
    description = f"```\n{table.summary(d, plan.title, plan.weights.note)}\n```"
    tags = {"anisotropy": flag, DESCRIPTION: description}
    return RunRecord(tags, params, metrics, curves, dataset)


def _flatten(value: Any, prefix: str, out: dict[str, str]) -> None:
    for key, entry in value.items():
        if isinstance(entry, dict):
            _flatten(entry, f"{prefix}{key}.", out)
        else:
            out[f"{prefix}{key}"] = str(entry)


def _write_files(
    folder: Path,
    plan: Plan,
    activations: Activations,
    vectors: EmotionVectors,
    descriptors: Descriptors,
) -> None:
    from emo.report import figures

    best = descriptors.best_layer
    serialise.write_vectors(vectors, folder / "vectors.safetensors")
    serialise.write_activations(activations, folder / "activations.safetensors")
    (folder / "rdm.csv").write_text(serialise.rdm_csv(vectors, best), encoding="utf-8")
    serialise.write_json(descriptors, folder / "descriptors.json")
    (folder / "stimuli.csv").write_text(serialise.stimuli_csv(plan.stimuli), encoding="utf-8")
    config = canonical(plan.config)
    config["tracking"]["uri"] = config["root"] = None
    serialise.write_json(config, folder / "config.json")
    serialise.write_json(plan.provenance, folder / "provenance.json")
    (folder / "figures").mkdir()
    for name, figure in (
        ("rdm", figures.rdm_heatmap(vectors, best, plan.title)),
        ("layers", figures.layer_curves(descriptors, plan.title)),
        ("map", figures.emotion_map(vectors, best, plan.title)),
    ):
        figure.savefig(folder / "figures" / f"{name}.png")


def _outcome(
    status: str, plan: Plan, tracker: Any, run_id: str, d: Descriptors, passes: Passes
) -> Outcome:
    uri = tracker.artifact_uri(run_id)
    text = table.summary(d, plan.title, plan.weights.note)
    text += (
        f"\n  forward passes {passes.done} done, {passes.reused} reused"
        f"\n  run {run_id} ({status}); look at it with: make ui"
    )
    return Outcome(
        status=status,
        fingerprint=plan.provenance.fingerprint,
        run_id=run_id,
        metrics=serialise.plain(d.headline()),
        artifacts={Path(name).name: f"{uri}/{name}" for name in ARTIFACTS},
        passes_done=passes.done,
        passes_reused=passes.reused,
        table=text,
    )

"""method=comprehension: passages -> activations -> emotion vectors -> geometry -> one logged run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from emo.activations.reading import Passes
from emo.config.schema import RunConfig
from emo.core.geometry.comprehension import describe
from emo.core.geometry.projections import project
from emo.core.records import Activations, Descriptors, EmotionVectors
from emo.core.stats.resampling import Resampling
from emo.errors import EmoError
from emo.models.quantised import WeightCount
from emo.pipeline.reader import Reader
from emo.process.progress import track
from emo.report.markdown import fenced
from emo.report.runs import extract as table
from emo.runs import files as serialise
from emo.runs import reuse as record
from emo.runs.drawing import write_figures
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan, make_plan

ARTIFACTS = (
    "vectors.safetensors",
    "activations.safetensors",
    "embedding.safetensors",
    "rdm.csv",
    "descriptors.json",
    *record.FILES,
    "figures/rdm.png",
    "figures/layers.png",
    "figures/map.png",
)


def run(config: RunConfig) -> Outcome:
    """Extract, or find the finished run with the same fingerprint."""
    plan = make_plan(config)
    with record.alone(plan):
        return _run(plan)


def _run(plan: Plan) -> Outcome:
    config = plan.config
    tracker = record.open_tracker(config)
    if found := record.finished(plan, tracker, "descriptors.json", serialise.read_descriptors):
        passes = Passes(0, len(plan.stimuli.items) + len(plan.stimuli.neutral))
        return _outcome("reused", plan, tracker, *found, passes)

    reader = Reader(plan)
    reader.refuse_overflow()
    with tracker.run(plan.run_name, record.tags(plan)) as run_id:
        activations, passes = reader.read()
        vectors, descriptors = _describe(config, activations)
        with record.staged(config) as folder:
            _write_files(folder, plan, activations, vectors, descriptors)
            serialise.write_activations(reader.embedding(), folder / "embedding.safetensors")
            tracker.log(run_id, _record(plan, descriptors, passes, reader.weights), folder)
    return _outcome("finished", plan, tracker, run_id, descriptors, passes)


def _describe(config: RunConfig, activations: Activations) -> tuple[EmotionVectors, Descriptors]:
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    vectors = config.vectors
    try:  # what is logged are the model's own activations; a projection is made anew from them
        projected = project(activations, vectors.projection.value)
        return describe(projected, resampling, vectors.remove.value, track)
    except ValueError as error:
        raise EmoError(f"model={config.model.label}: {error}") from error


def _record(plan: Plan, d: Descriptors, passes: Passes, count: WeightCount) -> Any:
    from emo.tracking import DESCRIPTION, RunRecord

    metrics = {
        **d.headline(),
        **count.metrics(),
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
    description = fenced(table.terminal_text(d, plan.title, plan.weights.note))
    tags = {"anisotropy": flag, DESCRIPTION: description}
    params = record.params(plan.config)
    return RunRecord(tags, params, metrics, curves, record.dataset(plan))


def _write_files(
    folder: Path,
    plan: Plan,
    activations: Activations,
    vectors: EmotionVectors,
    descriptors: Descriptors,
) -> None:
    from emo.report.runs import extract_figures as figures

    best = descriptors.best_layer
    serialise.write_vectors(vectors, folder / "vectors.safetensors")
    serialise.write_activations(activations, folder / "activations.safetensors")
    (folder / "rdm.csv").write_text(serialise.rdm_csv(vectors, best), encoding="utf-8")
    serialise.write_json(descriptors, folder / "descriptors.json")
    record.write_files(folder, plan)
    write_figures(
        folder,
        {
            "rdm": lambda: figures.rdm_heatmap(vectors, best, plan.title),
            "layers": lambda: figures.layer_curves(descriptors, plan.title),
            "map": lambda: figures.emotion_map(vectors, best, plan.title),
        },
    )


def _outcome(
    status: str, plan: Plan, tracker: Any, run_id: str, d: Descriptors, passes: Passes
) -> Outcome:
    uri = tracker.artifact_uri(run_id)
    text = table.terminal_text(d, plan.title, plan.weights.note)
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

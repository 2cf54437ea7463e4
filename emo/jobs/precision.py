"""job=precision: the same passages in every precision, and what each changes against fp32."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.activations.reading import Passes
from emo.config.enums import PrecisionName
from emo.config.precisions import REFERENCE, TRAITS, label
from emo.config.schema import RunConfig
from emo.config.vector_settings import by_name
from emo.core.compare.precision import Deviation, PrecisionRow, at_layers, deviation, landmarks
from emo.core.geometry.comprehension import GeometryError, describe
from emo.core.geometry.cosines import finite_layers
from emo.core.records import Activations, Descriptors
from emo.core.stats.resampling import Resampling
from emo.errors import ConfigError, EmoError
from emo.models import quantised
from emo.models.quantised import WeightCount
from emo.models.weights import Weights
from emo.pipeline.reader import Reader
from emo.process.progress import steps, track
from emo.report.markdown import fenced
from emo.report.runs import precision as report
from emo.runs import files as serialise
from emo.runs import reuse as record
from emo.runs.drawing import write_figures
from emo.runs.identity import reader_identity, run_identity
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan, make_plan
from emo.stimuli.loading import first_situations

if TYPE_CHECKING:
    from emo.tracking import RunRecord, Tracker

log = logging.getLogger(__name__)

ARTIFACTS = (
    "precision.json",
    "precision.csv",
    "layers.csv",
    *record.FILES,
    "figures/precision.png",
)


@dataclass(frozen=True)
class Measured:
    """One precision's activations and their geometry (None if no layer of it is finite)."""

    label: str
    activations: Activations
    descriptors: Descriptors | None
    weights: WeightCount
    passes: Passes
    seconds: float


def run(config: RunConfig) -> Outcome:
    """Read the passages in every precision and compare, or find the run that did."""
    plan = _plan(config)
    with record.alone(plan):
        return _run(plan)


def _run(plan: Plan) -> Outcome:
    config = plan.config
    tracker = record.open_tracker(config)
    if found := record.finished(plan, tracker, "precision.json", serialise.read_precisions):
        run_id, rows = found
        return _outcome("reused", plan, tracker, run_id, [_reused(row) for row in rows])

    plans = [replace(plan, config=variant) for variant in variants(config)]
    Reader(plans[0]).refuse_overflow()  # what cannot be read is refused before a run is opened
    tags = record.tags(plan) | {"precision": plan.provenance.precision}
    with tracker.run(_name(plan), tags) as run_id:
        measured = [
            _measure(p) for p in steps(plans, "precision", lambda p: p.config.precision.label)
        ]
        rows, curves = compare(measured, config.vectors.remove.value)
        with record.staged(config) as folder:
            _write_files(folder, plan, rows, curves)
            tracker.log(run_id, _record(plan, rows, curves), folder)
    return _outcome("finished", plan, tracker, run_id, rows)


def variants(config: RunConfig) -> list[RunConfig]:
    """The config once a precision: fp32 first, batched INT8 right behind INT8."""
    out = []
    for name in dict.fromkeys([REFERENCE, *config.job.precisions]):
        for batched in (False,) if TRAITS[name].causal else (False, True):
            int8 = replace(config.precision.int8, batched=batched)
            out.append(replace(config, precision=replace(config.precision, name=name, int8=int8)))
    return out


def _plan(config: RunConfig) -> Plan:
    """The plan over all precisions, with the passages of the situations asked for.

    Raises
    ------
    EmoError
        If one of the precisions cannot be had here, besides what make_plan refuses.
    """
    names = [p.value for p in config.job.precisions]
    if len(set(names)) < len(names):
        raise ConfigError("job.precisions", names, "each precision once")
    if not set(names) - {REFERENCE}:
        raise ConfigError("job.precisions", names, "at least one besides fp32, the reference")

    def identity(config: RunConfig, weights: Weights, device: str, sha256: str) -> dict[str, Any]:
        readers = [reader_identity(v, weights, device) for v in variants(config)]
        return {
            **run_identity(config, weights, device, sha256),
            "job": "precision",
            "reader": readers,
            "situations": config.job.situations,
        }

    plan = make_plan(config, identity)
    for variant in variants(config):
        quantised.check(variant.precision, plan.device, config.backend.label == "hooked")
    labels = " ".join(v.precision.label for v in variants(config))
    if config.job.situations is not None:
        plan = replace(plan, stimuli=first_situations(plan.stimuli, config.job.situations))
    return replace(plan, provenance=replace(plan.provenance, precision=labels))


def _measure(plan: Plan) -> Measured:
    """Read and describe in one precision. The model is let go on return: the next one needs room."""
    config, reader = plan.config, Reader(plan)
    start = time.perf_counter()
    activations, passes = reader.read()
    seconds = time.perf_counter() - start
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    try:
        _, descriptors = describe(activations, resampling, config.vectors.remove.value, track)
    except GeometryError as error:
        label = config.precision.label
        if config.precision.name is REFERENCE:
            raise EmoError(f"model={config.model.label}, fp32: {error}") from error
        log.warning("%s in %s: %s", config.model.label, label, error)
        descriptors = None
    return Measured(
        config.precision.label, activations, descriptors, reader.weights, passes, seconds
    )


def compare(
    measured: Sequence[Measured], remove: str
) -> tuple[list[PrecisionRow], dict[str, dict[str, np.ndarray]]]:
    """Rows of the table and curves over depth: all against the first, batched INT8 also against INT8."""
    reference = measured[0]
    assert reference.descriptors is not None
    layers = landmarks(reference.descriptors)
    pairs = [(m, reference) for m in measured]
    by_label = {m.label: m for m in measured}
    pairs += [
        (by_label[batched], by_label[label(name)])
        for name in PrecisionName
        if (batched := label(name, batched=True)) in by_label
    ]
    rows, curves = [], {}
    for mine, other in pairs:
        change = deviation(mine.activations, other.activations, remove)
        row = _row(mine, other.label, change, layers)
        rows.append(row)
        own = {} if mine.descriptors is None else mine.descriptors.curves
        nothing = np.full(mine.activations.n_layers, np.nan)
        wanted = ("reliability", "anisotropy", "mean_cosine", "rdm_std")
        curves[row.name] = change.curves() | {name: own.get(name, nothing) for name in wanted}
    return rows, curves


def _row(mine: Measured, against: str, change: Deviation, layers: dict[str, int]) -> PrecisionRow:
    finite = finite_layers(mine.activations.values, mine.activations.neutral)
    done = mine.passes.done
    return PrecisionRow(
        precision=mine.label,
        against=against,
        non_finite_layers=tuple(sorted(set(range(mine.activations.n_layers)) - set(finite))),
        best_layer=None if mine.descriptors is None else mine.descriptors.best_layer,
        at=at_layers(layers, change, mine.descriptors),
        parameters=mine.weights.parameters,
        quantised_parameters=mine.weights.quantised,
        weights_bytes=mine.weights.bytes,
        texts_read=done,
        texts_reused=mine.passes.reused,
        seconds_per_text=mine.seconds / done if done else None,
    )


def _reused(row: PrecisionRow) -> PrecisionRow:
    """A row of an earlier run: all of its texts count as reused now."""
    return replace(row, texts_read=0, texts_reused=row.texts_read + row.texts_reused)


def _name(plan: Plan) -> str:
    return f"{plan.config.model.label} precisions {plan.config.method.readout.value}"


def _title(plan: Plan) -> str:
    n, c = len(plan.stimuli.items), plan.config
    readout = by_name("method.readout").title_of(c)
    return f"{c.model.label}, precisions, {readout}, {n} passages"


def _record(
    plan: Plan, rows: Sequence[PrecisionRow], curves: dict[str, dict[str, np.ndarray]]
) -> RunRecord:
    from emo.tracking import DESCRIPTION, RunRecord

    description = fenced(report.summary(rows, _title(plan), plan.weights.note))
    depth = {
        f"curve_{kind}_{name}": curve
        for name, kinds in curves.items()
        for kind, curve in kinds.items()
    }
    params, dataset = record.params(plan.config), record.dataset(plan)
    return RunRecord({DESCRIPTION: description}, params, _metrics(rows), depth, dataset)


def _metrics(rows: Sequence[PrecisionRow]) -> dict[str, float | None]:
    """The table as flat metrics: what, precision, landmark."""
    metrics: dict[str, float | None] = {}
    for row in rows:
        for where, at in row.at.items():
            place = where.removesuffix("%")
            for kind in ("cosine_mean", "cosine_min", "vector_cosine", "rho", "reliability"):
                metrics[f"{kind}_{row.name}_{place}"] = getattr(at, kind)
        metrics[f"best_layer_{row.name}"] = row.best_layer
        metrics[f"non_finite_layers_{row.name}"] = len(row.non_finite_layers)
        metrics[f"weights_bytes_{row.name}"] = row.weights_bytes
        metrics[f"seconds_per_text_{row.name}"] = row.seconds_per_text
    return metrics


def _write_files(
    folder: Path,
    plan: Plan,
    rows: Sequence[PrecisionRow],
    curves: dict[str, dict[str, np.ndarray]],
) -> None:
    serialise.write_json(rows, folder / "precision.json")
    (folder / "precision.csv").write_text(report.rows_csv(rows), encoding="utf-8")
    (folder / "layers.csv").write_text(report.layers_csv(curves), encoding="utf-8")
    record.write_files(folder, plan)
    write_figures(folder, {"precision": lambda: report.depth_figure(curves, _title(plan))})


def _outcome(
    status: str, plan: Plan, tracker: Tracker, run_id: str, rows: Sequence[PrecisionRow]
) -> Outcome:
    uri = tracker.artifact_uri(run_id)
    own = [row for row in rows if row.against == rows[0].precision]
    done, reused = sum(r.texts_read for r in own), sum(r.texts_reused for r in own)
    text = report.summary(rows, _title(plan), plan.weights.note)
    text += (
        f"\n  forward passes {done} done, {reused} reused"
        f"\n  run {run_id} ({status}); look at it with: make ui"
    )
    return Outcome(
        status=status,
        fingerprint=plan.provenance.fingerprint,
        run_id=run_id,
        metrics=serialise.plain(_metrics(rows)),
        artifacts={Path(name).name: f"{uri}/{name}" for name in ARTIFACTS},
        passes_done=done,
        passes_reused=reused,
        table=text,
    )

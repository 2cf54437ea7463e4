"""The same passages in several precisions: each one read and described, and compared with fp32."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from emo.activations.reading import Passes
from emo.config.enums import PrecisionName
from emo.config.precisions import REFERENCE, TRAITS, label
from emo.config.schema import RunConfig
from emo.core.compare.precision import Deviation, PrecisionRow, at_layers, deviation, landmarks
from emo.core.geometry.comprehension import GeometryError, describe
from emo.core.geometry.cosines import finite_layers
from emo.core.records import Activations, Descriptors
from emo.core.stats.resampling import Resampling
from emo.errors import EmoError
from emo.models.quantised import WeightCount
from emo.pipeline.reader import Reader
from emo.process.progress import track
from emo.runs.plan import Plan

log = logging.getLogger(__name__)

CURVES = ("reliability", "anisotropy", "mean_cosine", "rdm_std")
"""Of the descriptors, shown over depth for each precision."""


@dataclass(frozen=True)
class Measured:
    """One precision's activations and their geometry (None if no layer of it is finite)."""

    label: str
    activations: Activations
    descriptors: Descriptors | None
    weights: WeightCount
    passes: Passes
    seconds: float


def variants(config: RunConfig) -> list[RunConfig]:
    """The config once a precision: fp32 first, batched INT8 right behind INT8."""
    out = []
    for name in dict.fromkeys([REFERENCE, *config.job.precision.precisions]):
        for batched in (False,) if TRAITS[name].causal else (False, True):
            int8 = replace(config.precision.int8, batched=batched)
            out.append(replace(config, precision=replace(config.precision, name=name, int8=int8)))
    return out


def measure(plan: Plan) -> Measured:
    """What is read in one precision, described. No model is kept: the next one needs room."""
    config, reader = plan.config, Reader(plan)
    start = time.perf_counter()
    activations, passes = reader.read()
    seconds = time.perf_counter() - start
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    try:
        _, descriptors = describe(activations, resampling, config.vectors.remove.value, track)
    except GeometryError as error:
        name = config.precision.label
        if config.precision.name is REFERENCE:
            raise EmoError(f"model={config.model.label}, fp32: {error}") from error
        log.warning("%s in %s: %s", config.model.label, name, error)
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
    for one, other in pairs:
        change = deviation(one.activations, other.activations, remove)
        row = _row(one, other.label, change, layers)
        rows.append(row)
        described = {} if one.descriptors is None else one.descriptors.curves
        nothing = np.full(one.activations.n_layers, np.nan)
        curves[row.name] = change.curves() | {n: described.get(n, nothing) for n in CURVES}
    return rows, curves


def _row(
    measured: Measured, against: str, change: Deviation, layers: dict[str, int]
) -> PrecisionRow:
    finite = finite_layers(measured.activations.values, measured.activations.neutral)
    done = measured.passes.done
    return PrecisionRow(
        precision=measured.label,
        against=against,
        non_finite_layers=tuple(sorted(set(range(measured.activations.n_layers)) - set(finite))),
        best_layer=None if measured.descriptors is None else measured.descriptors.best_layer,
        at=at_layers(layers, change, measured.descriptors),
        parameters=measured.weights.parameters,
        quantised_parameters=measured.weights.quantised,
        weights_bytes=measured.weights.bytes,
        texts_read=done,
        texts_reused=measured.passes.reused,
        seconds_per_text=measured.seconds / done if done else None,
    )

"""The same passages in several precisions: each one read and described, and compared with fp32."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from emo.activations.reading import Passes
from emo.config.enums import OutlierColumns
from emo.config.precisions import (
    REFERENCE,
    TRAITS,
    VARIANTS,
    as_read,
    label,
    names_with_variants,
)
from emo.config.schema import Int8Config, RunConfig
from emo.core.choices import DEFAULT_ESTIMATOR
from emo.core.compare.precision import PrecisionRow, at_layers, deviation, landmarks
from emo.core.compare.rounding import KINDS, excess
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

BY_DEFAULT = Int8Config()
INT8_VARIANTS = (
    replace(BY_DEFAULT, batched=False),
    replace(BY_DEFAULT, columns=OutlierColumns.shared),
)
"""How INT8 is read besides its default way: one text at a time, and with columns of the whole batch."""

CURVES = ("reliability", "anisotropy", "mean_cosine", "rdm_std")
"""Of the descriptors, shown over depth for each precision."""


@dataclass(frozen=True)
class Measured:
    """One precision's activations and their geometry."""

    label: str
    activations: Activations
    descriptors: Descriptors | None
    """None if no layer is finite, and of a replicate, which is compared and not described."""
    weights: WeightCount
    passes: Passes
    seconds: float


def variants(config: RunConfig) -> list[RunConfig]:
    """The config once a reading: fp32 first, the variants of INT8 right behind INT8.

    Behind each precision but fp32 comes its replicate, whose inputs are moved by one unit in the last
    place; INT8's serves its variants, too.
    """
    out, seed = [], config.job.precision.nudge
    for name in dict.fromkeys([REFERENCE, *config.job.precision.precisions]):
        readings: list[tuple[Int8Config, int | None]] = [(BY_DEFAULT, None)]
        if not TRAITS[name].causal:
            readings += [(variant, None) for variant in INT8_VARIANTS]
        if name is not REFERENCE and seed is not None:
            readings.append((BY_DEFAULT, seed))
        for way, nudge in readings:
            int8 = replace(config.precision.int8, batched=way.batched, columns=way.columns)
            precision = replace(config.precision, name=name, int8=int8, nudge=nudge)
            out.append(replace(config, precision=precision))
    return out


def measure(plan: Plan) -> Measured:
    """What is read in one precision, described. No model is kept: the next one needs room."""
    config, reader = plan.config, Reader(plan)
    start = time.perf_counter()
    activations, passes = reader.read()
    seconds = time.perf_counter() - start
    measured = Measured(config.precision.label, activations, None, reader.weights, passes, seconds)
    if config.precision.nudge is not None:
        return measured
    settings = asdict(config.resampling) | {"n_permutations": 0}  # no null is shown here
    resampling = Resampling(seed=config.seed, **settings)
    try:
        _, descriptors = describe(
            activations,
            resampling,
            config.vectors.remove.value,
            track,
            config.method.estimator.value,
        )
    except GeometryError as error:
        name = config.precision.label
        if config.precision.name is REFERENCE:
            raise EmoError(f"model={config.model.label}, fp32: {error}") from error
        log.warning("%s in %s: %s", config.model.label, name, error)
        descriptors = None
    return replace(measured, descriptors=descriptors)


def compare(
    measured: Sequence[Measured], remove: str, estimator: str = DEFAULT_ESTIMATOR
) -> tuple[list[PrecisionRow], dict[str, dict[str, np.ndarray]]]:
    """Rows of the table and curves over depth: all against the first, INT8's variants also against it.

    Where a precision has a replicate, what its own rounding changes stands beside what it changes.
    """
    reference = measured[0]
    assert reference.descriptors is not None
    layers = landmarks(reference.descriptors)
    by_label = {m.label: m for m in measured}
    replicates = {as_read(m.label): m for m in measured if as_read(m.label) != m.label}
    usual = {label(name, v): label(name) for name in names_with_variants() for v in VARIANTS}
    pairs = [(m, reference) for m in measured if as_read(m.label) == m.label]
    pairs += [
        (by_label[variant], by_label[name])
        for variant, name in usual.items()
        if variant in by_label
    ]
    rows, curves = [], {}
    for one, other in pairs:
        base = by_label[usual.get(one.label, one.label)]
        replicate = replicates.get(base.label)
        rounding = None if replicate is None else (replicate, base)
        of_layers = _curves(one, other, rounding, remove, estimator)
        row = _row(one, other.label, of_layers, layers)
        if replicate is not None and one is base:  # a variant has the replicate of INT8
            passes = replicate.passes
            row = replace(row, replicate_read=passes.done, replicate_reused=passes.reused)
        rows.append(row)
        curves[row.name] = of_layers
    return rows, curves


def _curves(
    one: Measured,
    other: Measured,
    rounding: tuple[Measured, Measured] | None,
    remove: str,
    estimator: str,
) -> dict[str, np.ndarray]:
    """Everything that is shown over depth of a precision beside another, by name.

    ``rounding`` is the precision's replicate, and what it replicates.
    """
    described = {} if one.descriptors is None else one.descriptors.curves
    nothing = np.full(one.activations.n_layers, np.nan)
    curves = deviation(one.activations, other.activations, remove, estimator).curves()
    curves |= {name: described.get(name, nothing) for name in CURVES}
    if rounding is not None:
        pair = rounding[0].activations, rounding[1].activations
        replicate = deviation(*pair, remove, estimator).curves()
        curves |= {f"own_{name}": curve for name, curve in replicate.items()}
        curves |= excess((one.activations, other.activations), pair, remove, estimator).curves()
    return curves


def _row(
    measured: Measured, against: str, curves: dict[str, np.ndarray], layers: dict[str, int]
) -> PrecisionRow:
    n_layers = measured.activations.n_layers
    finite = finite_layers(measured.activations.values, measured.activations.neutral)
    done = measured.passes.done
    beyond = {
        kind: int((curves[name] > 0).sum())
        for kind in KINDS
        if (name := f"excess_{kind}_low") in curves and np.isfinite(curves[name]).any()
    }
    return PrecisionRow(
        precision=measured.label,
        against=against,
        non_finite_layers=tuple(sorted(set(range(n_layers)) - set(finite))),
        best_layer=None if measured.descriptors is None else measured.descriptors.best_layer,
        at=at_layers(layers, curves),
        parameters=measured.weights.parameters,
        quantised_parameters=measured.weights.quantised,
        weights_bytes=measured.weights.bytes,
        texts_read=done,
        texts_reused=measured.passes.reused,
        seconds_per_text=measured.seconds / done if done else None,
        n_layers=n_layers if beyond else None,
        layers_beyond=beyond or None,
    )

"""The readings of job=methods, and the table made of their activations: no estimator reads anew."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, assert_never

from emo.config.enums import EstimatorName, MethodName, Position
from emo.config.jobs import JobConfig
from emo.config.schema import RunConfig
from emo.core.compare.method_result import MethodRow, MethodsResult, Reading, Steering
from emo.core.compare.methods import Items, curves, equal_units, method_rows, probe_accuracy
from emo.core.geometry.cosines import finite_layers
from emo.core.records import NEUTRAL, Activations
from emo.core.stats.resampling import Resampling
from emo.errors import ArtifactError, ConfigError, ModelError
from emo.models.weights import Weights
from emo.pipeline.extraction import ensure_extraction
from emo.pipeline.generation import check_templates, read_prompts
from emo.pipeline.valence import poles_of
from emo.process.progress import steps
from emo.runs.identity import methods_identity, run_identity, story_identity
from emo.runs.logged import logged_run
from emo.runs.plan import Plan, make_plan

log = logging.getLogger(__name__)

LEAST_EMOTIONS = 3
"""An RDM needs that many."""

SteeringRuns = Mapping[tuple[str, str, EstimatorName], Steering]
"""The newest steering run of each source, readout and estimator."""


@dataclass(frozen=True)
class Asked:
    """A reading that is asked for: an extraction by difference of means."""

    source: MethodName
    readout: str
    config: RunConfig

    @property
    def name(self) -> str:
        """Source and readout."""
        return f"{self.source.value}, {self.readout}"


@dataclass(frozen=True)
class Read:
    """A reading that is there."""

    asked: Asked
    run_id: str
    activations: Activations


def readings(config: RunConfig) -> tuple[Asked, ...]:
    """The readings of a config, each once, in the order of its lists.

    Raises
    ------
    ConfigError
        If a list that is needed is empty.
    """
    job = config.job.methods
    lists: dict[str, Sequence[Any]] = {"sources": job.sources, "estimators": job.estimators}
    if MethodName.comprehension in job.sources:
        lists["readouts"] = job.readouts
    if MethodName.generation in job.sources:
        lists["positions"] = job.positions
    for name, values in lists.items():
        if not values:
            raise ConfigError(f"job.methods.{name}", "[]", "at least one")
    return tuple(a for source in dict.fromkeys(job.sources) for a in _of_source(config, source))


def _of_source(config: RunConfig, source: MethodName) -> list[Asked]:
    job = config.job.methods
    extraction = replace(config, job=JobConfig(), force=False)
    method = replace(config.method, name=source, estimator=EstimatorName.mean_difference)
    match source:
        case MethodName.comprehension:
            return [_passages(extraction, replace(method, readout=r)) for r in _once(job.readouts)]
        case MethodName.generation:
            plain = replace(extraction, method=method)
            return [_texts(plain, position) for position in _once(job.positions)]
        case _:
            assert_never(source)


def _passages(extraction: RunConfig, method: Any) -> Asked:
    return Asked(MethodName.comprehension, method.readout.value, replace(extraction, method=method))


def _texts(extraction: RunConfig, position: Position) -> Asked:
    """Texts read at a position; their own layer plays no part here and is the middle one."""
    sub = replace(extraction.subparams, position=position, layer="middle")
    return Asked(MethodName.generation, position.value, replace(extraction, subparams=sub))


def _once(values: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def plan_of(config: RunConfig, asked: Sequence[Asked], steering: Sequence[str]) -> Plan:
    """The plan of the job, whose identity holds those of its readings.

    Raises
    ------
    EmoError
        If passages, prompts or weights are wrong; nothing has been written then.
    """
    prompts = {}
    for each in asked:
        if each.source is MethodName.generation:
            found = read_prompts(each.config)
            check_templates(found, each.config.subparams)
            prompts[each.name] = found.sha256

    def identity(
        config: RunConfig, weights: Weights, device: str, stimuli_sha256: str
    ) -> dict[str, Any]:
        known = (weights, device, stimuli_sha256)
        each_one = [
            story_identity(a.config, *known, prompts_sha256=prompts[a.name])
            if a.name in prompts
            else run_identity(a.config, *known)
            for a in asked
        ]
        return methods_identity(each_one, config, steering)

    return make_plan(config, identity)


def read_all(asked: Sequence[Asked]) -> list[Read]:
    """The finished extractions of the readings; those that are missing are made first.

    Raises
    ------
    EmoError
        If one cannot be made.
    """
    return [_read(each) for each in steps(asked, "reading", lambda a: a.name)]


def _read(asked: Asked) -> Read:
    config = asked.config
    run_id = ensure_extraction(config).run_id
    load = partial(logged_run, root=config.root, uri=config.tracking.uri)
    try:
        return Read(asked, run_id, load(run_id).activations)
    except ArtifactError as error:
        log.warning("run %s: %s: extracted again", run_id, error.problem)
        run_id = ensure_extraction(replace(config, force=True)).run_id
        return Read(asked, run_id, load(run_id).activations)


def methods_of(plan: Plan, read: Sequence[Read], steering: SteeringRuns) -> MethodsResult:
    """Every reading with every estimator.

    Raises
    ------
    EmoError
        If the readings have fewer than three emotions in common, or the layer is not finite.
    """
    config, emotions = plan.config, common_emotions(read)
    items = [Items.of(r.activations, emotions) for r in read]
    layers = [_layer(config, r) for r in read]
    least = min(i.units for i in items)
    poles = poles_of(plan, emotions)
    return MethodsResult(
        emotions=emotions,
        depth=config.job.methods.depth,
        equal_units=least,
        readings=tuple(
            _reading(config, r, i, layer, least, poles, steering)
            for r, i, layer in steps(
                list(zip(read, items, layers, strict=True)),
                "estimators of reading",
                lambda x: x[0].asked.name,
            )
        ),
    )


def common_emotions(read: Sequence[Read]) -> tuple[str, ...]:
    """The emotions that all readings have, without neutral, in the order of the first.

    Raises
    ------
    ConfigError
        If they are fewer than three.
    """
    first, *others = (tuple(dict.fromkeys(r.activations.emotions)) for r in read)
    common = tuple(e for e in first if e != NEUTRAL and all(e in other for other in others))
    if len(common) < LEAST_EMOTIONS:
        raise ConfigError(
            "job.methods.sources",
            [r.asked.source.value for r in read],
            f"readings with at least {LEAST_EMOTIONS} emotions in common besides neutral; these have "
            f"{len(common)}",
        )
    return common


def _layer(config: RunConfig, read: Read) -> int:
    """The layer at the depth, if it is finite in a reading.

    Raises
    ------
    ModelError
        If it is not.
    """
    n, depth = read.activations.n_layers, config.job.methods.depth
    layer = min(int(depth * n), n - 1)
    if layer not in finite_layers(read.activations.values, read.activations.neutral):
        raise ModelError(
            f"job.methods.depth={depth}: layer {layer} has activations that are not finite "
            f"({read.asked.name}); try another depth, precision=bf16 or precision=fp32"
        )
    return layer


def _reading(
    config: RunConfig,
    read: Read,
    items: Items,
    layer: int,
    least: int,
    poles: Mapping[str, float],
    steering: SteeringRuns,
) -> Reading:
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    told, source, readout = items.told, read.asked.source, read.asked.readout
    depth_curves = curves(items, finite_layers(told.values, read.activations.neutral), resampling)
    rows = method_rows(items, layer, _once(config.job.methods.estimators), resampling, poles)
    distance = items.distance(layer, resampling.seed)
    return Reading(
        source=source.value,
        readout=readout,
        run=read.run_id,
        layer=layer,
        n_layers=told.n_layers,
        n_items=len(told.emotions),
        n_units=items.units,
        unit=_unit(source, told),
        neutral=items.neutral_words,
        probe_accuracy=probe_accuracy(told, layer),
        crossnobis=distance,
        equal=equal_units(items, layer, least, resampling),
        rows=tuple(_steered(row, source, readout, steering) for row in rows),
        curves=depth_curves,
    )


def _steered(row: MethodRow, source: MethodName, readout: str, steering: SteeringRuns) -> MethodRow:
    return replace(row, steering=steering.get((source.value, readout, row.estimator)))


def _unit(source: MethodName, told: Activations) -> str:
    """What is left out and drawn, in a word."""
    match source:
        case MethodName.comprehension:
            return "passage" if told.situations is None else "situation"
        case MethodName.generation:
            return "text" if told.situations is None else "prompt"
        case _:
            assert_never(source)

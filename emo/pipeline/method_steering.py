"""The steering runs whose vectors are those of a reading and an estimator of job=methods."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from emo.config.enums import EstimatorName, MethodName
from emo.config.schema import RunConfig
from emo.core.choices import Direction
from emo.core.compare.method_result import Bounded, Steering
from emo.core.steering.dose_response import DoseSweep, SteeredText, proportion
from emo.errors import TrackingError
from emo.pipeline.methods import Asked
from emo.runs import files
from emo.runs.listing import RunListing
from emo.runs.reuse import holds_runs, open_logged
from emo.tracking import Connection

log = logging.getLogger(__name__)


def steering_runs(
    config: RunConfig, asked: Sequence[Asked]
) -> dict[tuple[str, str, EstimatorName], Steering]:
    """The newest finished steering run of each source, readout and estimator, where there is one.

    It is one of the same model in the same precision, whose vectors are of an extraction with the
    settings of the reading but for the estimator.
    """
    if not holds_runs(config):
        return {}
    try:
        store = open_logged(config)
        extractions = {r.run_id: r for r in store.runs_of("extract")}
        runs = [r for r in store.runs_of("steer") if r.status == "FINISHED"]
    except TrackingError as error:
        log.warning("steering runs are not looked for: %s", error)
        return {}
    found: dict[tuple[str, str, EstimatorName], Steering] = {}
    for run in runs:
        source = extractions.get(run.tags.get("vectors_run", ""))
        if source is None or source.unreadable or run.tags.get("precision") != source.precision:
            continue
        key = _key(source, asked)
        if key is None or key in found:
            continue
        try:
            found[key] = _success(run.run_id, store)
        except TrackingError as error:
            log.warning("%s; its success is not in the table", error)
    return found


def _key(source: RunListing, asked: Sequence[Asked]) -> tuple[str, str, EstimatorName] | None:
    """The reading and the estimator that an extraction's vectors are of; None for no asked one."""
    config = source.config
    for each in asked:
        same = (
            config.model.label == each.config.model.label
            and config.precision.label == each.config.precision.label
            and config.method.name is each.source
            and config.vectors == each.config.vectors
            and config.stimuli == each.config.stimuli
        )
        if same and _readout(config) == each.readout and _texts_alike(config, each):
            return each.source.value, each.readout, config.method.estimator
    return None


def _readout(config: RunConfig) -> str:
    if config.method.name is MethodName.generation:
        return config.subparams.position.value
    return config.method.readout.value


def _texts_alike(config: RunConfig, asked: Asked) -> bool:
    """Whether the texts are written alike; of passages there is nothing to ask."""
    if asked.source is MethodName.comprehension:
        return True
    settings = ("prompts", "samples", "decoding", "max_new_tokens", "chat_template", "seed")
    own, other = config.subparams, asked.config.subparams
    return all(getattr(own, name) == getattr(other, name) for name in settings)


def _success(run_id: str, store: Connection) -> Steering:
    """Share of judged texts in which the emotion is heard, over all doses; nothing is chosen."""
    sweep: DoseSweep = store.read(run_id, "steering.json", files.read_steering)
    own, random = (
        [t for t in sweep.steered if t.direction == direction and t.judged and t.strength > 0]
        for direction in (Direction.target, Direction.random)
    )
    return Steering(
        run=run_id,
        hits=sum(t.success for t in own),
        judged=len(own),
        share=_share(own),
        random=_share(random) if random else None,
    )


def _share(texts: Sequence[SteeredText]) -> Bounded:
    if not texts:
        return Bounded(float("nan"), float("nan"), float("nan"))
    found = proportion([t.success for t in texts], [t.scenario for t in texts])
    return Bounded(found.k / found.n, found.low, found.high)

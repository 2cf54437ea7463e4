"""A record and its files, logged into an open run."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from sys import float_info

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from emo.files.checksums import write_checksums
from emo.runs.ids import with_ids
from emo.tracking.failures import retried
from emo.tracking.record import CHECKSUMS, RunRecord

METRICS_A_BATCH = 1000
PARAMS_A_BATCH = 100


def send(client: MlflowClient, run_id: str, record: RunRecord, files: Path, now_ms: int) -> None:
    """Log a record and everything in a folder.

    Sending the same record again with the same time changes nothing. If two writers get in each
    other's way (with the passages of their first runs, say), this sends again. Checksums are sent
    beside the files; the tag with their digest comes last (:mod:`emo.tracking.artifacts`).

    Raises
    ------
    Exception
        Every error of the store; it may have a part of the record then.
    """
    retried(lambda: _send(client, run_id, record, files, now_ms))


def _send(client: MlflowClient, run_id: str, record: RunRecord, files: Path, now_ms: int) -> None:
    points = _new_points(client, run_id, record, now_ms)
    points += [
        Metric(name, float(value), now_ms, layer)
        for name, curve in record.curves.items()
        for layer, value in enumerate(curve)
    ]
    params = [Param(k, v[:6000]) for k, v in record.params.items()]
    for i in range(0, len(params), PARAMS_A_BATCH):
        client.log_batch(run_id, params=params[i : i + PARAMS_A_BATCH])
    for i in range(0, len(points), METRICS_A_BATCH):
        client.log_batch(run_id, metrics=points[i : i + METRICS_A_BATCH])
    experiment_id = str(client.get_run(run_id).info.experiment_id)
    tags = {k: with_ids(v, run_id, experiment_id) for k, v in record.tags.items()}
    client.log_batch(run_id, tags=[RunTag(k, v[:5000]) for k, v in tags.items()])
    if record.dataset is not None:
        name, digest, source = record.dataset
        dataset = Dataset(
            name=name, digest=digest[:36], source_type="local", source=source, schema="", profile=""
        )
        context = InputTag("mlflow.data.context", "stimuli")
        client.log_inputs(run_id, [DatasetInput(dataset, [context])])
    digest = write_checksums(files)
    if digest is not None:
        client.log_artifacts(run_id, str(files))
        client.set_tag(run_id, CHECKSUMS, digest)


def _new_points(client: MlflowClient, run_id: str, record: RunRecord, now_ms: int) -> list[Metric]:
    """Metrics that the run lacks, and at a next step those that differ from what it has."""
    metrics = {k: float(v) for k, v in record.metrics.items() if v is not None}
    logged = client.get_run(run_id).data.metrics
    new = {k: v for k, v in metrics.items() if not _same(v, logged.get(k))}
    steps = {
        k: 1 + max(point.step for point in client.get_metric_history(run_id, k))
        for k in new.keys() & logged.keys()
    }
    return [Metric(k, v, now_ms, steps.get(k, 0)) for k, v in new.items()]


def _same(value: float, stored: float | None) -> bool:
    """Whether the store has this value; it keeps an infinity as the largest number."""
    if stored is None or isnan(value):
        return stored is not None and isnan(stored)
    return max(-float_info.max, min(value, float_info.max)) == stored

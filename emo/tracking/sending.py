"""A record into an open run."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from sys import float_info

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from emo.files.checksums import write_checksums
from emo.tracking.failures import retried
from emo.tracking.record import CHECKSUMS, RunRecord

METRICS_A_BATCH = 1000
PARAMS_A_BATCH = 100


def send(client: MlflowClient, run_id: str, record: RunRecord, files: Path, now_ms: int) -> None:
    """Log a record and everything in a folder.

    Idempotent: sent again with the same time, nothing is there twice. What two that write at once get
    in each other's way with (the passages of their first runs, say) is sent again here. Checksums of
    the files are sent with them; the tag that has theirs comes last (:mod:`emo.tracking.artifacts`).

    Raises
    ------
    Exception
        Whatever the store raises that does not take it; a part may be there then.
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
    client.log_batch(run_id, tags=[RunTag(k, v[:5000]) for k, v in record.tags.items()])
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
    """Metrics that the run does not have yet; of one opened again, those that differ, at a next step."""
    metrics = {k: float(v) for k, v in record.metrics.items() if v is not None}
    there = client.get_run(run_id).data.metrics
    new = {k: v for k, v in metrics.items() if not _same(v, there.get(k))}
    steps = {
        k: 1 + max(point.step for point in client.get_metric_history(run_id, k))
        for k in new.keys() & there.keys()
    }
    return [Metric(k, v, now_ms, steps.get(k, 0)) for k, v in new.items()]


def _same(value: float, stored: float | None) -> bool:
    """Whether a value is what the store has of it: an infinity is the largest number there."""
    if stored is None or isnan(value):
        return stored is not None and isnan(stored)
    return max(-float_info.max, min(value, float_info.max)) == stored

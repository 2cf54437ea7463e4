"""A record into an open run."""

from __future__ import annotations

from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from emo.tracking.failures import retried
from emo.tracking.record import RunRecord

METRICS_A_BATCH = 1000
PARAMS_A_BATCH = 100


def send(client: MlflowClient, run_id: str, record: RunRecord, files: Path, now_ms: int) -> None:
    """Log a record and everything in a folder.

    Idempotent: sent again with the same time, nothing is there twice. What two that write at once get
    in each other's way with (the passages of their first runs, say) is sent again here.

    Raises
    ------
    Exception
        Whatever the store raises that does not take it; a part may be there then.
    """
    retried(lambda: _send(client, run_id, record, files, now_ms))


def _send(client: MlflowClient, run_id: str, record: RunRecord, files: Path, now_ms: int) -> None:
    points = [Metric(k, float(v), now_ms, 0) for k, v in record.metrics.items() if v is not None]
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
    client.log_artifacts(run_id, str(files))

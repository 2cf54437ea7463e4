"""The only module that imports mlflow: finding, opening, filling and closing runs."""

from __future__ import annotations

import os
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from filelock import FileLock

from emo.config import RunConfig
from emo.errors import TrackingError
from emo.summary.selection import LoggedRun

# Before the import: mlflow reports usage unless told otherwise.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
# A server that is gone is said after seconds, not after minutes of retries.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

METRICS_A_BATCH = 1000
PARAMS_A_BATCH = 100
RUNS_A_PAGE = 500
# Opens the UI on runs and charts instead of on its pages for language-model applications.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
DESCRIPTION = "mlflow.note.content"
"""Tag that the UI shows as the run's description, in Markdown."""
TABLES = "mlflow.loggedArtifacts"
"""Tag that names the artifacts the UI shows as tables."""


@dataclass(frozen=True)
class RunRecord:
    """Everything a finished job has to say about itself."""

    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float | None]
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Name -> one value a layer, logged with step = layer."""
    dataset: tuple[str, str, str] | None = None
    """Name, digest and source of the stimuli."""


def tracking_uri(config: RunConfig) -> str:
    """The configured URI; by default the absolute SQLite file below the project's root."""
    uri = config.tracking.uri
    if uri is None:
        return f"sqlite:///{config.path('mlruns') / 'mlflow.db'}"
    if uri.startswith("sqlite:///") and not uri.startswith("sqlite:////"):
        return f"sqlite:///{config.path(uri.removeprefix('sqlite:///'))}"
    return uri


class Tracker:
    """One experiment in one tracking store."""

    def __init__(self, config: RunConfig) -> None:
        self.uri = tracking_uri(config)
        self._name = config.tracking.experiment
        if self.uri.startswith("http"):
            _require_server(self.uri, config.tracking.timeout_s)
            self._client = MlflowClient(tracking_uri=self.uri)
            self._experiment = self._ensure_experiment(None)
        else:
            self._experiment = self._local(config)

    def _local(self, config: RunConfig) -> str:
        """Several first starts at once would corrupt a database that is not there yet: lock."""
        folder = config.path("mlruns")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".create.lock"):
                self._client = MlflowClient(tracking_uri=self.uri)
                return self._ensure_experiment(str(folder / "artifacts"))
        except (OSError, MlflowException) as error:
            raise TrackingError(
                f"tracking.uri={self.uri}: cannot be opened: {_first_line(error)}"
            ) from error

    def _ensure_experiment(self, artifacts: str | None) -> str:
        with self._answers():
            found = self._client.get_experiment_by_name(self._name)
            if found is None:
                return self._client.create_experiment(
                    self._name, artifact_location=artifacts, tags=EXPERIMENT_TAGS
                )
        if found.lifecycle_stage != "active":
            raise TrackingError(
                f"tracking.experiment={self._name}: was deleted in the UI; restore it there or give "
                "another name"
            )
        return found.experiment_id

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """A store that does not answer as it should becomes one line."""
        try:
            yield
        except MlflowException as error:
            raise TrackingError(f"tracking.uri={self.uri}: {_first_line(error)}") from error

    def find_finished(self, fingerprint: str) -> Run | None:
        """The newest finished run with this fingerprint."""
        with self._answers():
            runs = self._client.search_runs(
                [self._experiment],
                f"tags.fingerprint = '{fingerprint}' and attributes.status = 'FINISHED'",
                max_results=1,
                order_by=["attributes.start_time DESC"],
            )
        return runs[0] if runs else None

    def runs_of(self, job: str) -> list[LoggedRun]:
        """All runs of a job that are not deleted, newest first."""
        found: list[LoggedRun] = []
        page = None
        with self._answers():
            while True:
                runs = self._client.search_runs(
                    [self._experiment],
                    f"tags.job = '{job}'",
                    max_results=RUNS_A_PAGE,
                    order_by=["attributes.start_time DESC"],
                    page_token=page,
                )
                found += [
                    LoggedRun(
                        r.info.run_id, r.info.status, r.info.start_time, r.data.tags, r.data.params
                    )
                    for r in runs
                ]
                page = runs.token
                if not page:
                    return found

    def mark_stale(self) -> list[str]:
        """Close runs whose process on this host is gone as KILLED; their ids."""
        with self._answers():
            running = self._client.search_runs(
                [self._experiment],
                f"attributes.status = 'RUNNING' and tags.host = '{socket.gethostname()}'",
            )
            stale = [run.info.run_id for run in running if not _alive(run.data.tags)]
            for run_id in stale:
                self._client.set_tag(run_id, "stale", "its process ended without closing the run")
                self._client.set_terminated(run_id, "KILLED")
        return stale

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """An open run; FAILED with the reason if the body raises, KILLED if it is interrupted."""
        owner = {
            "host": socket.gethostname(),
            "pid": str(os.getpid()),
            "process_start": repr(psutil.Process().create_time()),
        }
        with self._answers():
            run = self._client.create_run(
                self._experiment,
                run_name=name,
                tags={**tags, **owner, "mlflow.source.name": "launch.py"},
            )
        run_id = run.info.run_id
        try:
            yield run_id
        except BaseException as error:
            self._client.set_tag(run_id, "error", _first_line(error)[:500])
            status = "FAILED" if isinstance(error, Exception) else "KILLED"
            self._client.set_terminated(run_id, status)
            raise
        self._client.set_terminated(run_id, "FINISHED")

    def log(self, run_id: str, record: RunRecord, files: Path) -> None:
        """Log a record and everything in a folder into an open run."""
        now = int(time.time() * 1000)
        points = [Metric(k, v, now, 0) for k, v in record.metrics.items() if v is not None]
        points += [
            Metric(name, float(value), now, layer)
            for name, curve in record.curves.items()
            for layer, value in enumerate(curve)
        ]
        params = [Param(k, v[:6000]) for k, v in record.params.items()]
        try:
            for i in range(0, len(params), PARAMS_A_BATCH):
                self._client.log_batch(run_id, params=params[i : i + PARAMS_A_BATCH])
            for i in range(0, len(points), METRICS_A_BATCH):
                self._client.log_batch(run_id, metrics=points[i : i + METRICS_A_BATCH])
            tags = [RunTag(k, v[:5000]) for k, v in record.tags.items()]
            self._client.log_batch(run_id, tags=tags)
            if record.dataset is not None:
                self._log_dataset(run_id, *record.dataset)
            self._client.log_artifacts(run_id, str(files))
        except (MlflowException, OSError) as error:
            raise TrackingError(
                f"tracking.uri={self.uri}: logging failed: {_first_line(error)}; activations are in "
                "the store, the same command goes on from there"
            ) from error

    def _log_dataset(self, run_id: str, name: str, digest: str, source: str) -> None:
        dataset = Dataset(
            name=name, digest=digest[:36], source_type="local", source=source, schema="", profile=""
        )
        context = InputTag("mlflow.data.context", "stimuli")
        self._client.log_inputs(run_id, [DatasetInput(dataset, [context])])

    def get(self, run_id: str) -> Run:
        """A run by its id.

        Raises
        ------
        TrackingError
            If there is none.
        """
        try:
            return self._client.get_run(run_id)
        except MlflowException as error:
            raise TrackingError(f"run {run_id}: not in {self.uri}") from error

    def artifact(self, run_id: str, path: str) -> Path:
        """Local path of an artifact, downloaded where the store is remote.

        Raises
        ------
        TrackingError
            If it is not there.
        """
        here = _local_path(self.artifact_uri(run_id))
        if here is not None and (here / path).is_file():
            return here / path
        try:
            return Path(self._client.download_artifacts(run_id, path))
        except (MlflowException, OSError) as error:
            raise TrackingError(
                f"run {run_id}: artifact {path} is not there ({_first_line(error)}); if the project "
                "was moved, its runs still point to the old folder: repeat with force=true"
            ) from error

    def artifact_uri(self, run_id: str) -> str:
        """Where a run's artifacts are."""
        return str(self.get(run_id).info.artifact_uri)


def _local_path(uri: str) -> Path | None:
    """The folder an artifact URI means on this machine, None if it is elsewhere."""
    if uri.startswith("file://"):
        return Path(urllib.request.url2pathname(urllib.parse.urlparse(uri).path))
    return None if "://" in uri else Path(uri)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _alive(tags: Mapping[str, Any]) -> bool:
    """Whether the process that opened a run still runs (same pid and same start time)."""
    try:
        process = psutil.Process(int(tags["pid"]))
        return abs(process.create_time() - float(tags["process_start"])) < 1
    except (KeyError, ValueError, psutil.Error):
        return False


def _require_server(uri: str, timeout: float) -> None:
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=timeout):
            return
    except urllib.error.HTTPError as error:
        if error.code < 500:  # it answers; a proxy may not pass /health on
            return
        reason: object = error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
    raise TrackingError(
        f"tracking.uri={uri}: no MLflow server answers ({reason}); start it, or log to a local file "
        "with tracking=local"
    )

"""One experiment in a tracking store: opening it and finding its runs."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from filelock import FileLock
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from emo.config import RunConfig
from emo.errors import TrackingError
from emo.owner import alive
from emo.passwords import without_password
from emo.summary.logged import LoggedRun
from emo.tracking.addresses import require_server, tracking_uri
from emo.tracking.artifacts import Artifacts
from emo.tracking.database import UNUSABLE, create_whole, require_database
from emo.tracking.spool import Spool

log = logging.getLogger(__name__)

# Opens the UI on runs and charts instead of on its pages for language-model applications.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
RUNS_A_PAGE = 500
PARENT = "mlflow.parentRunId"
STALE = "stale"
"""Tag of a run whose process ended without closing it."""

T = TypeVar("T")


class Connection:
    """What can be asked of an experiment; :class:`emo.tracking.store.Tracker` writes into it."""

    def __init__(self, config: RunConfig) -> None:
        self.uri = tracking_uri(config)
        self.spool = spool_of(config)
        self._downloads = config.path(".cache/artifacts")
        self._name = config.tracking.experiment
        self._parent = config.tracking.parent
        self._away = False
        """The store has gone while a sweep runs: the rest of the sweep is spooled."""
        if self.uri.startswith("http"):
            self.experiment_id = self._server(config)
        else:
            self.experiment_id = self._local(config)

    def _server(self, config: RunConfig) -> str:
        self.client = MlflowClient(tracking_uri=self.uri)
        try:
            require_server(self.uri, config.tracking.timeout_s)
            return self._ensure_experiment(None)
        except TrackingError as error:
            if self._parent is None:
                raise
            log.warning("%s; the results of this sweep are kept in %s", error, self.spool.folder)
            self._away = True
            return ""

    def _local(self, config: RunConfig) -> str:
        """Several first starts at once would corrupt a database that is not there yet: lock."""
        folder = config.path("mlruns")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".create.lock"):
                create_whole(self.uri, folder / "artifacts")
                require_database(self.uri)
                self.client = MlflowClient(tracking_uri=self.uri)
                return self._ensure_experiment(str(folder / "artifacts"))
        except (*UNUSABLE, MlflowException) as error:
            raise TrackingError(
                f"tracking.uri={without_password(self.uri)}: cannot be opened: {first_line(error)}"
            ) from error

    def _ensure_experiment(self, artifacts: str | None) -> str:
        with self._answers():
            found = self.client.get_experiment_by_name(self._name)
            if found is None:
                try:
                    return self.client.create_experiment(
                        self._name, artifact_location=artifacts, tags=EXPERIMENT_TAGS
                    )
                except MlflowException:
                    # Of several that start at once on a server all but one are refused.
                    found = self.client.get_experiment_by_name(self._name)
                    if found is None:
                        raise
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
            raise TrackingError(
                f"tracking.uri={without_password(self.uri)}: {first_line(error)}"
            ) from error

    def find_finished(self, fingerprint: str) -> Run | None:
        """The newest finished run with this fingerprint."""
        return self._search(
            f"tags.fingerprint = '{fingerprint}' and attributes.status = 'FINISHED'"
        )

    def find(self, **tags: str) -> Run | None:
        """The newest run with these tags, however it ended."""
        return self._search(_having(tags))

    def _search(self, query: str) -> Run | None:
        if self._away:
            return None
        with self._answers():
            runs = self.client.search_runs(
                [self.experiment_id], query, max_results=1, order_by=["attributes.start_time DESC"]
            )
        return runs[0] if runs else None

    def all_finished(self, **tags: str) -> list[Run]:
        """Finished runs with these tags, newest first."""
        return self._all(f"{_having(tags)} and attributes.status = 'FINISHED'")

    def runs_of(self, job: str) -> list[LoggedRun]:
        """All runs of a job that are not deleted, newest first."""
        return [
            LoggedRun(r.info.run_id, r.info.status, r.info.start_time, r.data.tags, r.data.params)
            for r in self._all(f"tags.job = '{job}'")
        ]

    def _all(self, query: str) -> list[Run]:
        """Every run a query finds, newest first; none of a store that has gone away."""
        found: list[Run] = []
        page = None
        while not self._away:
            with self._answers():
                some = self.client.search_runs(
                    [self.experiment_id],
                    query,
                    max_results=RUNS_A_PAGE,
                    order_by=["attributes.start_time DESC"],
                    page_token=page,
                )
            found += some
            page = some.token
            if not page:
                break
        return found

    def mark_stale(self) -> list[str]:
        """Close runs whose process on this host is gone as KILLED; their ids."""
        if self._away:
            return []
        with self._answers():
            running = self.client.search_runs(
                [self.experiment_id],
                f"attributes.status = 'RUNNING' and tags.host = '{socket.gethostname()}'",
            )
            stale = [run.info.run_id for run in running if not alive(run.data.tags)]
            for run_id in stale:
                self.client.set_tag(run_id, STALE, "its process ended without closing the run")
                self.client.set_terminated(run_id, "KILLED")
        return stale

    def get(self, run_id: str) -> Run:
        """A run by its id.

        Raises
        ------
        TrackingError
            If there is none.
        """
        try:
            return self.client.get_run(run_id)
        except MlflowException as error:
            raise TrackingError(f"run {run_id}: not in {without_password(self.uri)}") from error

    def artifact(self, run_id: str, path: str) -> Path:
        """Local path of an artifact as it was logged, downloaded where the store is remote.

        Raises
        ------
        TrackingError
            If it is missing, damaged or cannot be had.
        """
        return self._artifacts.path(self.get(run_id), path)

    def read(self, run_id: str, path: str, reader: Callable[[Path], T]) -> T:
        """What a reader makes of an artifact.

        Raises
        ------
        TrackingError
            If it is missing, damaged or cannot be had, whatever the reader raises then.
        """
        return self._artifacts.read(self.get(run_id), path, reader)

    def check(self, run_id: str) -> None:
        """Compare the artifacts of a run with their checksums (:meth:`Artifacts.check`)."""
        self._artifacts.check(self.get(run_id))

    @cached_property
    def _artifacts(self) -> Artifacts:
        return Artifacts(self.client, self._downloads)

    def artifact_uri(self, run_id: str) -> str:
        """Where a run's artifacts are."""
        return str(self.get(run_id).info.artifact_uri)


def spool_of(config: RunConfig) -> Spool:
    """Where a project keeps what its store could not take."""
    return Spool(config.path("mlruns") / "spool")


def _having(tags: Mapping[str, str]) -> str:
    return " and ".join(f"tags.{key} = '{value}'" for key, value in tags.items())


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none."""
    return without_password((str(error) or type(error).__name__).splitlines()[0])

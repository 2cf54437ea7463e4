"""A store to write into: made if it does not exist, updated if its project was moved."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from emo.config.schema import RunConfig
from emo.errors import TrackingError
from emo.process.owner import HOST, alive, here
from emo.tracking import database, moving
from emo.tracking.addresses import artifact_folder, home, local_path
from emo.tracking.connection import Connection
from emo.tracking.failures import StoreFailure
from emo.tracking.record import STALE

log = logging.getLogger(__name__)

# Opens the UI on runs and charts instead of on its pages for language-model applications.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
LOCK_S = 120
"""Longest wait for the lock of ``mlruns``, which is held for seconds."""


class OwnStore(Connection):
    """A store with its experiment; both are made if they do not exist."""

    def __init__(self, config: RunConfig) -> None:
        self._parent = config.tracking.parent
        self._lock = home(config) / ".create.lock"
        super().__init__(config)

    def _open_server(self, config: RunConfig) -> None:
        try:
            self._reach_server(config)
            self.experiment_id = self._ensure_experiment(None)
        except TrackingError as error:
            if self._parent is None:
                raise
            log.warning("%s; the results of this sweep are kept in %s", error, self.spool.folder)
            self._away = True
            self.experiment_id = ""

    def _open_database(self, config: RunConfig) -> None:
        """Open or make the database under a lock: several first starts at once would corrupt it."""
        artifacts, path = artifact_folder(config), self.address.path
        if path is None:
            database.require_database(self.uri)
        elif path.exists():
            self._connect()  # refuse an unusable database before a lock is written
        elif not path.parent.is_dir() and path.parent not in (home(config), Path(config.root)):
            raise self._unusable(f"the folder {path.parent} does not exist")
        home(config).mkdir(parents=True, exist_ok=True)
        with self._exclusive():
            artifacts.mkdir(exist_ok=True)
            if path is not None:
                database.create_whole(path, artifacts)
            self._connect()
            if path is not None and moving.inside(config, path):
                self._settle(path, artifacts)
            self.experiment_id = self._ensure_experiment(artifacts)

    def _settle(self, path: Path, artifacts: Path) -> None:
        for place in moving.settle(path, artifacts):
            log.warning(
                "this project's results were in %s before: they are read from %s now, and new ones "
                "written there; the former folder is left as it is",
                place,
                artifacts,
            )

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """A block that holds the lock of ``mlruns``: a database is made, or a run gets another owner."""
        if self.address.server:
            yield
            return
        lock = FileLock(self._lock)
        try:
            lock.acquire(timeout=LOCK_S)
        except Timeout as error:
            raise self._unusable(f"{self._lock} is held by another process") from error
        except NotImplementedError as error:
            raise self._unusable(f"its file system has no locks: {self._lock}") from error
        try:
            yield
        finally:
            lock.release()

    def _ensure_experiment(self, artifacts: Path | None) -> str:
        location = None if artifacts is None else str(artifacts)
        named = self._ask(lambda: self.client.get_experiment_by_name(self._name))
        if named is None:
            with suppress(StoreFailure):  # of several processes that start at once, one succeeds
                return self._ask(
                    lambda: self.client.create_experiment(self._name, location, EXPERIMENT_TAGS)
                )
            named = self._ask(lambda: self.client.get_experiment_by_name(self._name))
        if named is None:
            raise self._unusable(f"tracking.experiment={self._name} cannot be made")
        if artifacts is not None:
            self._take_files(str(named.artifact_location), artifacts)
        return self._active(named)

    def _take_files(self, location: str, artifacts: Path) -> None:
        """Refuse, before anything is computed, an experiment whose files cannot be written.

        If a user has put its files into another place, MLflow writes them there.

        Raises
        ------
        TrackingError
            If its files lie in a folder that does not exist, or only a server can write them.
        """
        folder = local_path(location)
        if folder is not None and moving.same(location, artifacts):
            return
        shown = f"tracking.experiment={self._name}: its files lie in {location}"
        if location.startswith("mlflow-artifacts:"):
            raise TrackingError(
                f"{shown}, which only a server writes to (it was made in the UI); give another name, "
                "or log to the server: tracking=server"
            )
        if folder is not None and not folder.is_dir():
            raise TrackingError(
                f"{shown}, which does not exist; make that folder, or give another name"
            )
        self.client = MlflowClient(tracking_uri=self.uri)

    def mark_stale(self) -> list[str]:
        """Mark open runs whose process on this host has ended as KILLED; returns their ids."""
        if self._away:
            return []
        running = self._all(
            f"attributes.status = 'RUNNING' and tags.{HOST} = '{socket.gethostname()}'"
        )
        return [
            run.info.run_id
            for run in running
            if _abandoned(run) and self._closed_for(run.info.run_id)
        ]

    def _closed_for(self, run_id: str) -> bool:
        """Close a run in place of its process; False if the run was closed, or opened again, meanwhile.

        Its process may have finished the run, and ended, after the runs were listed.
        """
        with self._exclusive():
            run = self._ask(lambda: self.client.get_run(run_id))
            if run.info.status != "RUNNING" or not _abandoned(run):
                return False
            why = "its process ended without closing the run"
            self._ask(lambda: self.client.set_tag(run_id, STALE, why))
            self._ask(lambda: self.client.set_terminated(run_id, "KILLED"))
            return True


def _abandoned(run: Run) -> bool:
    """Whether the process of a run belonged to this host and has ended."""
    return here(run.data.tags) and not alive(run.data.tags)

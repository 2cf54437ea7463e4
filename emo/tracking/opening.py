"""A store to write into: made if it does not exist, updated if its project was moved."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from emo.config.checks import require_writable
from emo.config.schema import RunConfig
from emo.errors import ConfigError, EmoError, TrackingError, value_text
from emo.process.owner import HOST, alive, here
from emo.tracking import database, moving, views
from emo.tracking.addresses import Address, address, artifact_folder, home, local_path
from emo.tracking.connection import Connection, NoSuchRun, unusable
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
            self._require_parent()
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
        require_place(config)
        home(config).mkdir(parents=True, exist_ok=True)
        with self._exclusive():
            artifacts.mkdir(exist_ok=True)
            if path is not None:
                database.create_whole(path, artifacts)
            self._connect()
            if path is not None and moving.inside(config, path):
                self._settle(path, artifacts)
            self.experiment_id = self._ensure_experiment(artifacts)
        self._require_parent()

    def _require_parent(self) -> None:
        """Refuse a parent that is no run of this store: MLflow's pages would hide its children.

        Raises
        ------
        ConfigError
            If it is none. No TrackingError: a job may go on without its store, not with a wrong value.
        """
        try:
            if self._parent is not None:
                self.get(self._parent)
        except NoSuchRun as error:
            raise _no_parent(self.address, self._parent) from error

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
            try:
                tags = EXPERIMENT_TAGS | views.view_tags()
                return self._ask(lambda: self.client.create_experiment(self._name, location, tags))
            except StoreFailure as error:  # of several processes that start at once, one succeeds
                named = self._ask(lambda: self.client.get_experiment_by_name(self._name))
                if named is None:
                    name = value_text(self._name)
                    why = f"tracking.experiment={name} cannot be made: {error.reason}"
                    raise self._unusable(why) from error
        if artifacts is not None:
            self._take_files(str(named.artifact_location), artifacts)
        experiment_id = self._active(named)
        views.share(self.client, experiment_id, named.tags)
        return experiment_id

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
        shown = f"tracking.experiment={value_text(self._name)}: its files lie in {location}"
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


def require_place(config: RunConfig) -> None:
    """Refuse a store of the project's own machine that cannot be made, or cannot be written into.

    Nothing is made: this can be asked before anything is computed for the store.

    Raises
    ------
    TrackingError
        If its address names a folder, or a file in a folder that does not exist or cannot be written.
    ConfigError
        If there is no store yet, so that ``tracking.parent`` cannot be one of its runs.
    """
    store, mlruns = address(config), home(config)
    if store.server:
        return
    path = store.path
    if path is not None and (path == mlruns or path.is_dir()):
        raise unusable(store, "it is a folder")
    if (
        path is not None
        and path.parent not in (mlruns, Path(config.root))
        and not path.parent.is_dir()
    ):
        raise unusable(store, f"the folder {path.parent} does not exist")
    for folder in (mlruns, *(() if path is None else (path.parent,))):
        try:
            require_writable("folder", folder)
        except EmoError as error:
            raise unusable(store, str(error)) from error
    if path is not None and not path.exists() and config.tracking.parent is not None:
        raise _no_parent(store, config.tracking.parent)


def _no_parent(store: Address, parent: str | None) -> ConfigError:
    allowed = f"the id of a run in {store.shown}; a sweep sets it, nobody else need"
    return ConfigError("tracking.parent", parent, allowed)


def _abandoned(run: Run) -> bool:
    """Whether the process of a run belonged to this host and has ended."""
    return here(run.data.tags) and not alive(run.data.tags)

"""One experiment in an existing tracking store: its runs, and their files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from mlflow.entities import Experiment, Run, RunInfo
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.tracking import MlflowClient

from emo.config.schema import RunConfig
from emo.errors import TrackingError, did_you_mean, value_text
from emo.runs.listing import RunListing
from emo.tracking.addresses import (
    Address,
    address,
    artifact_folder,
    experiment,
    home,
    require_server,
)
from emo.tracking.artifacts import Artifacts
from emo.tracking.database import UNUSABLE, require_database, require_whole
from emo.tracking.failures import StoreFailure, ask, reason
from emo.tracking.files import FilesHere, files_of
from emo.tracking.record import FINGERPRINT, JOB
from emo.tracking.spool import Spool

T = TypeVar("T")

RUNS_A_PAGE = 500
WHOLE_ID, PART_OF_ID = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{4,31}")
CANDIDATES = 5
"""Most runs that a message names for an ambiguous id."""
SUGGESTED_OF = 300
"""Newest runs among whose ids one near to a mistyped id is looked for."""


class NoRuns(TrackingError):
    """Nothing has been logged in the store yet."""


class NoSuchRun(TrackingError):
    """An id names no run, or several."""

    def __init__(self, run_id: str, problem: str) -> None:
        self.problem = problem
        super().__init__(f"run {value_text(run_id)}: {problem}")


class Connection:
    """A store that is read only: nothing is made or written, not even a lock.

    :class:`emo.tracking.store.Tracker` makes a missing store and writes into it.
    """

    client: MlflowClient
    experiment_id: str
    """Empty if the experiment does not exist."""
    ui_port: int
    """Where this machine shows the runs of a store that is no server."""

    def __init__(self, config: RunConfig) -> None:
        self.address = address(config)
        self.uri = self.address.uri
        self.ui_port = config.job.ui.port
        self.spool = spool_of(config)
        self._downloads = config.path(".cache/artifacts")
        self._name = experiment(config)
        self._away = False
        """The store stopped answering during a sweep; the rest of the sweep goes to the spool."""
        self._files = artifact_folder(config) if self.address.path is not None else None
        """The first folder in which a run's files are looked for, by its id."""
        if self.address.server:
            self._open_server(config)
        else:
            try:
                self._open_database(config)
            except (*UNUSABLE, MlflowException) as error:
                raise self._unusable(reason(error)) from error

    def _unusable(self, why: str) -> TrackingError:
        return unusable(self.address, why)

    def _open_server(self, config: RunConfig) -> None:
        self._reach_server(config)
        self.experiment_id = self._find_experiment()

    def _reach_server(self, config: RunConfig) -> None:
        self.client = self._ask(lambda: MlflowClient(tracking_uri=self.uri))
        require_server(self.uri, config.tracking.timeout_s, self.address.parameter)

    def _open_database(self, config: RunConfig) -> None:
        path = self.address.path
        exists = require_database(self.uri) if path is None else path.exists()
        if not exists:
            raise NoRuns(
                f"{self.address.shown}: no runs yet, the database does not exist; "
                "make one with: python launch.py"
            )
        self._connect()
        self.experiment_id = self._find_experiment()

    def _connect(self) -> None:
        """Make the client of an existing database.

        Raises
        ------
        TrackingError
            If the database is not complete.
        """
        if self.address.path is None or self._files is None:
            self.client = MlflowClient(tracking_uri=self.uri)
            return
        try:
            require_whole(self.address.path)
        except TrackingError as error:
            raise TrackingError(f"{self.address.shown}: {error}") from error
        self.client = FilesHere(self.uri, self._files)

    def _find_experiment(self) -> str:
        named = self._ask(lambda: self.client.get_experiment_by_name(self._name))
        return "" if named is None else self._active(named)

    def _active(self, named: Experiment) -> str:
        if named.lifecycle_stage != "active":
            raise TrackingError(
                f"tracking.experiment={value_text(self._name)}: was deleted in the UI; restore it "
                "there or give another name"
            )
        return named.experiment_id

    def _ask(self, call: Callable[[], T]) -> T:
        return ask(self.address.shown, call)

    def find_finished(self, fingerprint: str) -> Run | None:
        """The newest finished run with this fingerprint."""
        return self._search(
            f"tags.{FINGERPRINT} = '{fingerprint}' and attributes.status = 'FINISHED'"
        )

    def find(self, **tags: str) -> Run | None:
        """The newest run with these tags, in whatever state it ended."""
        return self._search(_having(tags))

    def _search(self, query: str) -> Run | None:
        return next(iter(self._some(query, 1)), None)

    def all_finished(self, **tags: str) -> list[Run]:
        """Finished runs with these tags, newest first."""
        return self._all(f"{_having(tags)} and attributes.status = 'FINISHED'")

    def runs_of(self, job: str) -> list[RunListing]:
        """All runs of a job that are not deleted, newest first."""
        return [
            RunListing(r.info.run_id, r.info.status, r.info.start_time, r.data.tags, r.data.params)
            for r in self._all(_having({JOB: job}))
        ]

    def _all(self, query: str) -> list[Run]:
        """Every run that matches a query, newest first; none if the store does not answer any more."""
        runs: list[Run] = []
        page = None
        while True:
            some = self._some(query, RUNS_A_PAGE, page)
            runs += some
            page = getattr(some, "token", None)
            if not page:
                return runs

    def _some(self, query: str, most: int, page: str | None = None) -> list[Run]:
        if self._away or not self.experiment_id:
            return []
        experiments = [self.experiment_id]
        newest = ["attributes.start_time DESC"]
        return self._ask(
            lambda: self.client.search_runs(
                experiments, query, max_results=most, order_by=newest, page_token=page
            )
        )

    def get(self, run_id: str) -> Run:
        """The run with this id, or the only run whose id begins so (four characters or more).

        Raises
        ------
        NoSuchRun
            If no run, or several, match.
        TrackingError
            If the store does not answer.
        """
        return self._placed(self._named(run_id))

    def _placed(self, run: Run) -> Run:
        """The run with the place of its files: below this project's mlruns, if they exist there."""
        if self._files is None or not files_of(self._files, run.info.run_id).is_dir():
            return run
        place = str(files_of(self._files, run.info.run_id))
        info = RunInfo.from_dictionary({**dict(run.info), "artifact_uri": place})
        assert isinstance(info, RunInfo)
        return Run(info, run.data, run.inputs, run.outputs)

    def _named(self, run_id: str) -> Run:
        wanted = str(run_id).strip().lower()
        if WHOLE_ID.fullmatch(wanted):
            return self._whole(wanted)
        if not PART_OF_ID.fullmatch(wanted):
            allowed = (
                "allowed is a run's id, 32 characters 0-9 and a-f, or the first 4 or more of it"
            )
            raise NoSuchRun(run_id, f"not in {self.address.shown}; {allowed}")
        matches = self._beginning(wanted)
        if not matches:
            near = did_you_mean(wanted, self._newest_ids(len(wanted)))
            problem = f"not in {self.address.shown}: the id of no run begins so{near}"
            raise NoSuchRun(run_id, problem)
        if len(matches) > 1:
            names = [f"{r.info.run_id} ({r.info.run_name})" for r in matches[:CANDIDATES]]
            more = ", ..." if len(matches) > CANDIDATES else ""
            raise NoSuchRun(run_id, f"several runs begin so: {', '.join(names)}{more}")
        return matches[0]

    def _whole(self, run_id: str) -> Run:
        try:
            return self._ask(lambda: self.client.get_run(run_id))
        except StoreFailure as error:
            cause = error.__cause__
            missing = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
            if isinstance(cause, MlflowException) and cause.error_code == missing:
                near = did_you_mean(run_id, self._newest_ids(len(run_id)))
                raise NoSuchRun(run_id, f"not in {self.address.shown}{near}") from error
            raise

    def _newest_ids(self, length: int) -> list[str]:
        """The first characters of the ids of the newest runs of all experiments."""

        def search() -> list[Run]:
            everywhere = [e.experiment_id for e in self.client.search_experiments()]
            return self.client.search_runs(everywhere, max_results=SUGGESTED_OF)

        return [run.info.run_id[:length] for run in self._ask(search)]

    def _beginning(self, start: str) -> list[Run]:
        """Runs of all experiments whose id begins so; one more than a message names."""

        def search() -> list[Run]:
            everywhere = [e.experiment_id for e in self.client.search_experiments()]
            query = f"attributes.run_id LIKE '{start}%'"
            return self.client.search_runs(everywhere, query, max_results=CANDIDATES + 1)

        return self._ask(search)

    def artifact(self, run_id: str, path: str) -> Path:
        """The local path of an artifact as it was logged, downloaded if the store is remote.

        Raises
        ------
        TrackingError
            If it is missing, damaged or unreadable.
        """
        return self._artifacts.path(self.get(run_id), path)

    def read(self, run_id: str, path: str, reader: Callable[[Path], T]) -> T:
        """The value that a reader makes of an artifact.

        Raises
        ------
        TrackingError
            If the artifact is missing, damaged or unreadable; every error of the reader means damage.
        """
        return self._artifacts.read(self.get(run_id), path, reader)

    def check(self, run_id: str) -> None:
        """Compare the artifacts of a run with their checksums (:meth:`Artifacts.check`)."""
        self._artifacts.check(self.get(run_id))

    def files_of(self, run_id: str) -> list[str]:
        """Names of all files that a run has logged (:meth:`Artifacts.names`)."""
        return self._artifacts.names(self.get(run_id))

    @cached_property
    def _artifacts(self) -> Artifacts:
        return Artifacts(self.client, self._downloads)

    def artifact_uri(self, run_id: str) -> str:
        """The URI of a run's artifacts."""
        return str(self.get(run_id).info.artifact_uri)


def unusable(store: Address, why: str) -> TrackingError:
    """The error about a store that cannot be opened."""
    return TrackingError(f"{store.shown}: cannot be opened: {why}")


def spool_of(config: RunConfig) -> Spool:
    """The folder in which a project keeps the results that its store could not take."""
    return Spool(home(config) / "spool")


def _having(tags: Mapping[str, str]) -> str:
    return " and ".join(f"tags.{key} = '{value}'" for key, value in tags.items())

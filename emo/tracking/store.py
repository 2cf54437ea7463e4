"""Finding, opening, filling and closing runs; keeping what the store cannot take."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from filelock import FileLock
from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from emo.config import RunConfig
from emo.errors import RUN_NOTE, TrackingError
from emo.owner import alive, owner
from emo.passwords import without_password
from emo.summary.selection import LoggedRun
from emo.tracking.addresses import local_path, require_server, tracking_uri
from emo.tracking.database import create_whole
from emo.tracking.record import NOTHING, RunRecord
from emo.tracking.sending import send
from emo.tracking.spool import Entry, Spool

log = logging.getLogger(__name__)

# Opens the UI on runs and charts instead of on its pages for language-model applications.
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
RUNS_A_PAGE = 500
PARENT = "mlflow.parentRunId"
STALE = "stale"
"""Tag of a run whose process ended without closing it."""
ERROR = "error"
"""Tag with the one-line reason of a run that failed."""
NOWHERE = "spooled"
"""In place of the id of a run that the store could not open."""


class Spooled(TrackingError):
    """The store went away; the result is kept in the spool."""


class Tracker:
    """One experiment in one tracking store."""

    def __init__(self, config: RunConfig) -> None:
        self.uri = tracking_uri(config)
        self.spool = spool_of(config)
        self._name = config.tracking.experiment
        self._parent = config.tracking.parent
        self._open: dict[str, Entry] = {}
        self._kept: set[str] = set()
        """Open runs that are in the spool, whole: job=sync closes them."""
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
                self.client = MlflowClient(tracking_uri=self.uri)
                return self._ensure_experiment(str(folder / "artifacts"))
        except (OSError, MlflowException) as error:
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
        return self._search(" and ".join(f"tags.{key} = '{value}'" for key, value in tags.items()))

    def _search(self, query: str) -> Run | None:
        if self._away:
            return None
        with self._answers():
            runs = self.client.search_runs(
                [self.experiment_id], query, max_results=1, order_by=["attributes.start_time DESC"]
            )
        return runs[0] if runs else None

    def children(self, parent: str) -> list[Run]:
        """Finished runs of a parent."""
        return self._all(f"tags.`{PARENT}` = '{parent}' and attributes.status = 'FINISHED'")

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

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """An open run; FAILED with the reason if the body raises, KILLED if it is interrupted.

        Raises
        ------
        Spooled
            If the store goes away before the run is closed: what was logged is kept.
        """
        yield from self._until_closed(self._create(name, tags))

    @contextmanager
    def again(self, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """As :meth:`run`, but a run with the same tags, however it ended, is opened again."""
        found = self.find(**tags)
        if found is None:
            run_id = self._create(name, tags)
        else:
            run_id = found.info.run_id
            with self._answers():
                for tag in {STALE, ERROR} & found.data.tags.keys():
                    self.client.delete_tag(run_id, tag)
                self.client.log_batch(run_id, tags=[RunTag(k, v) for k, v in owner().items()])
                self.client.update_run(run_id, status="RUNNING")
            self._remember(run_id, name, tags)
        yield from self._until_closed(run_id)

    def _create(self, name: str, tags: Mapping[str, str]) -> str:
        if self._parent is not None:
            tags = {**tags, PARENT: self._parent}
        if not self._away:
            try:
                with self._answers():
                    run = self.client.create_run(
                        self.experiment_id,
                        run_name=name,
                        tags={**tags, **owner(), "mlflow.source.name": "launch.py"},
                    )
                self._remember(run.info.run_id, name, tags)
                return run.info.run_id
            except TrackingError as error:
                if self._parent is None:
                    raise
                log.warning("%s; the result will be kept in %s", error, self.spool.folder)
        self._remember(NOWHERE, name, tags)
        return NOWHERE

    def _remember(self, run_id: str, name: str, tags: Mapping[str, str]) -> None:
        known = None if run_id == NOWHERE else run_id
        now = _now()
        self._open[run_id] = Entry(
            self.uri, self._name, known, name, dict(tags), NOTHING, start_ms=now, end_ms=now
        )

    def _until_closed(self, run_id: str) -> Iterator[str]:
        try:
            yield run_id
        except BaseException as error:
            if run_id != NOWHERE:
                error.add_note(f"{RUN_NOTE}{run_id}")
                if run_id not in self._kept:
                    self._close(run_id, error)
            raise
        else:
            try:
                self.client.set_terminated(run_id, "FINISHED")
            except MlflowException as error:
                raise self._keep(run_id, NOTHING, None, _now(), error) from error
        finally:
            del self._open[run_id]
            self._kept.discard(run_id)

    def _close(self, run_id: str, error: BaseException) -> None:
        """Mark a run that an error ended; where the store is away, keep that for job=sync."""
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        reason = first_line(error)[:500]
        try:
            self.client.set_tag(run_id, ERROR, reason)
            self.client.set_terminated(run_id, status)
        except MlflowException as away:  # the error itself matters more
            self._open[run_id] = replace(self._open[run_id], status=status, error=reason)
            log.warning("%s", self._keep(run_id, NOTHING, None, _now(), away))

    def record_failure(
        self, parent: str, name: str, tags: Mapping[str, str], reason: str
    ) -> str | None:
        """A child for a job that failed before it opened a run; None if the store is away."""
        run_id = None
        with suppress(TrackingError, MlflowException):
            run_id = self._create(name, {**tags, PARENT: parent})
            self.client.set_tag(run_id, ERROR, reason[:500])
            self.client.set_terminated(run_id, "FAILED")
        return run_id

    def log(self, run_id: str, record: RunRecord, files: Path, failure: str | None = None) -> None:
        """Log a record and everything in a folder into an open run.

        ``failure`` is the reason why the run is going to end as FAILED: what is kept of it in the
        spool is then delivered so.

        Raises
        ------
        Spooled
            If the store does not take it; it is kept in the spool.
        """
        now = _now()
        if failure is not None:
            self._open[run_id] = replace(self._open[run_id], status="FAILED", error=failure[:500])
        try:
            if run_id == NOWHERE:
                raise MlflowException("the server is away")
            send(self.client, run_id, record, files, now)
        except (MlflowException, OSError) as error:
            raise self._keep(run_id, record, files, now, error) from error

    def _keep(
        self, run_id: str, record: RunRecord, files: Path | None, now: int, reason: Exception
    ) -> TrackingError:
        """Put an open run into the spool; the error that says so."""
        said = f"tracking.uri={without_password(self.uri)}: logging failed: {first_line(reason)}"
        try:
            entry = replace(self._open[run_id], record=record, end_ms=now)
            kept = self.spool.add(entry, files)
        except OSError as error:
            return TrackingError(
                f"{said}, and the result cannot be kept here: {first_line(error)}; activations are "
                "in the store, the same command goes on from there"
            )
        self._kept.add(run_id)
        return Spooled(f"{said}; the result is kept in {kept}: python launch.py job=sync sends it")

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
        """Local path of an artifact, downloaded where the store is remote.

        Raises
        ------
        TrackingError
            If it is not there.
        """
        here = local_path(self.artifact_uri(run_id))
        if here is not None and (here / path).is_file():
            return here / path
        try:
            return Path(self.client.download_artifacts(run_id, path))
        except (MlflowException, OSError) as error:
            raise TrackingError(
                f"run {run_id}: artifact {path} is not there ({first_line(error)}); if the project "
                "was moved, its runs still point to the old folder: repeat with force=true"
            ) from error

    def artifact_uri(self, run_id: str) -> str:
        """Where a run's artifacts are."""
        return str(self.get(run_id).info.artifact_uri)


def spool_of(config: RunConfig) -> Spool:
    """Where a project keeps what its store could not take."""
    return Spool(config.path("mlruns") / "spool")


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none."""
    return without_password((str(error) or type(error).__name__).splitlines()[0])


def _now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)

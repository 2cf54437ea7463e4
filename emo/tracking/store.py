"""Runs that are opened, filled and closed; results that the store cannot take go to the spool."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from mlflow.entities import Run, RunTag

from emo.config.schema import RunConfig
from emo.errors import RUN_NOTE, TrackingError
from emo.process.owner import owner
from emo.tracking.addresses import portable
from emo.tracking.failures import StoreFailure, first_line, translated
from emo.tracking.failures import reason as why
from emo.tracking.opening import OwnStore
from emo.tracking.record import ERROR, NOTHING, PARENT, SOURCE, STALE, RunRecord
from emo.tracking.sending import send
from emo.tracking.spool import Entry

log = logging.getLogger(__name__)

NOWHERE = "spooled"
"""Stands for the id of a run that the store could not open."""


class Spooled(TrackingError):
    """The store stopped answering; the result is kept in the spool."""


class Tracker(OwnStore):
    """One experiment in one tracking store, to write into; both are made if they do not exist."""

    def __init__(self, config: RunConfig) -> None:
        self._open: dict[str, Entry] = {}
        self._kept: set[str] = set()
        """Open runs whose result is complete in the spool; job=sync closes them."""
        super().__init__(config)
        self._kept_as = portable(config, self.uri)
        """The address of the store in the spool."""

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """An open run; it ends as FAILED if the block raises, and as KILLED if it is interrupted.

        Raises
        ------
        Spooled
            If the store stops answering before the run is closed; the result is kept.
        """
        yield from self._until_closed(self._create(name, tags))

    @contextmanager
    def again(self, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """As :meth:`run`, but an existing run with the same tags is opened again, whatever its state.

        Several processes that find none would each make one: :func:`emo.runs.reuse.reopen`.
        """
        with self._exclusive():
            former = self.find(**tags)
            if former is not None:
                self._open_again(former)
        if former is None:
            run_id = self._create(name, tags)
        else:
            run_id = former.info.run_id
            self._remember(run_id, name, tags)
        yield from self._until_closed(run_id)

    def _open_again(self, run: Run) -> None:
        run_id = run.info.run_id
        for tag in {STALE, ERROR} & run.data.tags.keys():
            self._ask(lambda tag=tag: self.client.delete_tag(run_id, tag))
        owners = [RunTag(k, v) for k, v in owner().items()]
        self._ask(lambda: self.client.log_batch(run_id, tags=owners))
        self._ask(lambda: self.client.update_run(run_id, status="RUNNING"))

    def _create(self, name: str, tags: Mapping[str, str]) -> str:
        if self._parent is not None:
            tags = {**tags, PARENT: self._parent}
        if not self._away:
            try:
                whole = {**tags, **owner(), SOURCE: "launch.py"}
                run = self._ask(
                    lambda: self.client.create_run(self.experiment_id, run_name=name, tags=whole)
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
            self._kept_as, self._name, known, name, dict(tags), NOTHING, start_ms=now, end_ms=now
        )

    def _until_closed(self, run_id: str) -> Iterator[str]:
        try:
            yield run_id
        except BaseException as error:
            kept = run_id in self._kept
            if kept or run_id != NOWHERE:
                error.add_note(f"{RUN_NOTE}{run_id}")
            if not kept and run_id != NOWHERE:
                self._close(run_id, error)
            raise
        else:
            try:
                self._ask(lambda: self.client.set_terminated(run_id, "FINISHED"))
            except StoreFailure as error:
                raise self._keep(run_id, NOTHING, None, _now(), error.reason) from error
        finally:
            del self._open[run_id]
            self._kept.discard(run_id)

    def _close(self, run_id: str, error: BaseException) -> None:
        """Mark a run that an error ended; if the store does not answer, keep that for job=sync."""
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        reason = first_line(error)[:500]
        try:
            self._ask(lambda: self.client.set_tag(run_id, ERROR, reason))
            self._ask(lambda: self.client.set_terminated(run_id, status))
        except StoreFailure as away:  # the error itself matters more
            self._open[run_id] = replace(self._open[run_id], status=status, error=reason)
            log.warning("%s", self._keep(run_id, NOTHING, None, _now(), away.reason))

    def rename(self, run_id: str, name: str, tags: Mapping[str, str]) -> None:
        """Change the name of a finished run, and the values of these tags."""
        self._ask(lambda: self.client.update_run(run_id, name=name))
        named = [RunTag(k, v) for k, v in tags.items()]
        self._ask(lambda: self.client.log_batch(run_id, tags=named))

    def record_failure(
        self, parent: str, name: str, tags: Mapping[str, str], reason: str
    ) -> str | None:
        """The id of a new failed run for a job that failed before it opened one.

        None if the store does not answer.
        """
        run_id = None
        with suppress(TrackingError):
            made = run_id = self._create(name, {**tags, PARENT: parent})
            self._ask(lambda: self.client.set_tag(made, ERROR, reason[:500]))
            self._ask(lambda: self.client.set_terminated(made, "FAILED"))
        return run_id

    def log(self, run_id: str, record: RunRecord, files: Path, failure: str | None = None) -> None:
        """Log a record and everything in a folder into an open run.

        ``failure`` is the reason why the run will end as FAILED; an entry of the spool keeps it.

        Raises
        ------
        Spooled
            If the store does not take the record, which is then kept in the spool.
        """
        now = _now()
        if failure is not None:
            self._open[run_id] = replace(self._open[run_id], status="FAILED", error=failure[:500])
        if run_id == NOWHERE:
            raise self._keep(run_id, record, files, now, "the server is away")
        try:
            shown = self.address.shown
            translated(shown, lambda: send(self.client, run_id, record, files, now))
        except StoreFailure as error:
            raise self._keep(run_id, record, files, now, error.reason) from error

    def _keep(
        self, run_id: str, record: RunRecord, files: Path | None, now: int, reason: str
    ) -> TrackingError:
        """Put an open run into the spool; returns the error that reports it."""
        problem = f"{self.address.shown}: logging failed: {reason}"
        try:
            entry = replace(self._open[run_id], record=record, end_ms=now)
            kept = self.spool.add(entry, files)
        except OSError as error:
            return TrackingError(
                f"{problem}, and the result cannot be kept here: {why(error)}; activations are "
                "in the store, the same command goes on from there"
            )
        self._kept.add(run_id)
        return Spooled(
            f"{problem}; the result is kept in {kept}: python launch.py job=sync sends it"
        )


def _now() -> int:
    """Milliseconds since 1970, the time of MLflow."""
    return int(time.time() * 1000)

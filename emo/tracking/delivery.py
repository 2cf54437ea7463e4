"""Delivery of spooled results to a store that answers again: each once, however often it is tried."""

from __future__ import annotations

from contextlib import suppress

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from emo.errors import TrackingError
from emo.process.owner import PROCESS_START, alive
from emo.tracking.failures import reason
from emo.tracking.record import ERROR, FINGERPRINT, SOURCE, SPOOL, STALE
from emo.tracking.sending import send
from emo.tracking.spool import Entry
from emo.tracking.store import Tracker


def deliver(tracker: Tracker, entry: Entry) -> str | None:
    """Log one entry and remove it from the spool.

    Returns the id of its run; None if the store has the result from another run.

    Raises
    ------
    TrackingError
        If the store does not take the entry, which then stays in the spool.
    """
    try:
        run = _run_of(tracker, entry)
        run_id = None if run is None else run.info.run_id
        other = _repeated(tracker, entry, run_id)
        if other is None and run is not None and _opened_again(run, entry):
            other = run_id
        elif other is not None and run_id is not None:
            tracker.client.set_tag(run_id, STALE, f"finished again as run {other}")
            tracker.client.set_terminated(run_id, "KILLED")
        if other is None:
            run_id = _log(tracker, entry, run_id)
    except TrackingError:
        raise
    except Exception as error:  # stores raise many types: emo.tracking.failures
        raise TrackingError(
            f"{tracker.address.shown}: {reason(error)}; {entry.name} stays in "
            f"{tracker.spool.folder / entry.id}"
        ) from error
    tracker.spool.remove(entry)
    return run_id if other is None else None


def _run_of(tracker: Tracker, entry: Entry) -> Run | None:
    """The run that the job of an entry, or an interrupted delivery, opened; None if there is none."""
    if entry.run_id is not None:
        try:
            return tracker.client.get_run(entry.run_id)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                raise
    return tracker.find(**{SPOOL: entry.id})


def _opened_again(run: Run, entry: Entry) -> bool:
    """Whether the run has a newer result, or is getting one, since parent runs are opened again.

    False for a KILLED run: the next start marks the run of a waiting entry so.
    """
    tags, status = run.data.tags, run.info.status
    if status == "RUNNING":  # the living process may also be the one that made this entry
        return alive(tags) and float(tags[PROCESS_START]) * 1000 > entry.end_ms
    return status in ("FINISHED", "FAILED") and (run.info.end_time or 0) > entry.end_ms


def _repeated(tracker: Tracker, entry: Entry, run_id: str | None) -> str | None:
    """The id of another finished run with the entry's fingerprint; None with force=true."""
    fingerprint = entry.tags.get(FINGERPRINT)
    if fingerprint is None or entry.record.params.get("force") == "True":
        return None
    other = tracker.find_finished(fingerprint)
    return None if other is None or other.info.run_id == run_id else other.info.run_id


def _log(tracker: Tracker, entry: Entry, run_id: str | None) -> str:
    """Fill and close the run of an entry; a run that is made here is closed even if that fails."""
    client = tracker.client
    if run_id is None:
        tags = {**entry.tags, SPOOL: entry.id, SOURCE: "launch.py"}
        run = client.create_run(
            tracker.experiment_id, entry.start_ms, tags=tags, run_name=entry.name
        )
        try:
            return _fill(tracker, entry, run.info.run_id)
        except BaseException:
            with suppress(MlflowException, OSError):  # the reason matters more
                client.set_tag(run.info.run_id, STALE, "its result waits in the spool")
                client.set_terminated(run.info.run_id, "KILLED")
            raise
    return _fill(tracker, entry, run_id)


def _fill(tracker: Tracker, entry: Entry, run_id: str) -> str:
    client = tracker.client
    send(client, run_id, entry.record, tracker.spool.files(entry), entry.end_ms)
    for tag in {STALE, ERROR} & client.get_run(run_id).data.tags.keys():
        client.delete_tag(run_id, tag)
    if entry.error is not None:
        client.set_tag(run_id, ERROR, entry.error)
    client.set_terminated(run_id, entry.status, entry.end_ms)
    return run_id

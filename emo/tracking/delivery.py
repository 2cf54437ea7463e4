"""Spooled results into a store that is there again, each once however often it is tried."""

from __future__ import annotations

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from emo.errors import TrackingError
from emo.passwords import without_password
from emo.tracking.connection import STALE, first_line
from emo.tracking.sending import send
from emo.tracking.spool import Entry
from emo.tracking.store import ERROR, Tracker


def deliver(tracker: Tracker, entry: Entry) -> str | None:
    """Log one entry and drop it from the spool; None if the store has its result by now.

    Raises
    ------
    TrackingError
        If the store does not take it; the entry stays.
    """
    try:
        run_id = _run_of(tracker, entry)
        other = _repeated(tracker, entry, run_id)
        if other is not None and run_id is not None:
            tracker.client.set_tag(run_id, STALE, f"finished again as run {other}")
            tracker.client.set_terminated(run_id, "KILLED")
        if other is None:
            run_id = _log(tracker, entry, run_id)
    except (MlflowException, OSError) as error:
        raise TrackingError(
            f"tracking.uri={without_password(tracker.uri)}: {first_line(error)}; {entry.name} stays "
            f"in {tracker.spool.folder / entry.id}"
        ) from error
    tracker.spool.remove(entry)
    return run_id if other is None else None


def _run_of(tracker: Tracker, entry: Entry) -> str | None:
    """The run that was opened for an entry, by its job or by a delivery that was cut off."""
    if entry.run_id is not None:
        try:
            return tracker.client.get_run(entry.run_id).info.run_id
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                raise
    found = tracker.find(spool=entry.id)
    return None if found is None else found.info.run_id


def _repeated(tracker: Tracker, entry: Entry, run_id: str | None) -> str | None:
    """Another finished run with the entry's fingerprint; force=true asked for a second one."""
    fingerprint = entry.tags.get("fingerprint")
    if fingerprint is None or entry.record.params.get("force") == "True":
        return None
    found = tracker.find_finished(fingerprint)
    return None if found is None or found.info.run_id == run_id else found.info.run_id


def _log(tracker: Tracker, entry: Entry, run_id: str | None) -> str:
    client = tracker.client
    if run_id is None:
        tags = {**entry.tags, "spool": entry.id, "mlflow.source.name": "launch.py"}
        run = client.create_run(
            tracker.experiment_id, entry.start_ms, tags=tags, run_name=entry.name
        )
        run_id = run.info.run_id
    send(client, run_id, entry.record, tracker.spool.files(entry), entry.end_ms)
    for tag in {STALE, ERROR} & client.get_run(run_id).data.tags.keys():
        client.delete_tag(run_id, tag)
    if entry.error is not None:
        client.set_tag(run_id, ERROR, entry.error)
    client.set_terminated(run_id, entry.status, entry.end_ms)
    return run_id

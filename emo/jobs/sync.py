"""job=sync: results kept while a tracking server was away -> the server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from filelock import FileLock

from emo.config import RunConfig
from emo.errors import TrackingError
from emo.jobs.outcome import Outcome

if TYPE_CHECKING:
    from emo.tracking.spool import Entry


def run(config: RunConfig) -> Outcome:
    """Deliver every waiting entry, to ``tracking.uri`` if that is given, else to where it came from.

    Raises
    ------
    TrackingError
        If a store does not take an entry; those before it are delivered, the others wait.
    """
    from emo.tracking import spool_of

    spool = spool_of(config)
    if not spool.folder.exists():
        return _outcome(0, 0)
    sent = there = 0
    with FileLock(spool.folder / ".sync.lock"):
        for entry in spool.entries():
            if _deliver(config, entry):
                sent += 1
            else:
                there += 1
    return _outcome(sent, there)


def _deliver(config: RunConfig, entry: Entry) -> bool:
    from emo.tracking import Tracker, deliver

    uri = config.tracking.uri or entry.uri
    tracking = replace(config.tracking, uri=uri, experiment=entry.experiment, parent=None)
    try:
        return deliver(Tracker(replace(config, tracking=tracking)), entry) is not None
    except TrackingError as error:
        raise TrackingError(f"{error}; job=sync again goes on with it") from error


def _outcome(sent: int, there: int) -> Outcome:
    return Outcome(
        status="finished",
        metrics={"delivered": sent, "already_there": there},
        table=f"{sent} results delivered, {there} were there already",
    )

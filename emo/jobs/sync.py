"""job=sync: results kept while a tracking server was away -> the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from emo.config.schema import RunConfig
from emo.errors import TrackingError
from emo.runs.outcome import Outcome

if TYPE_CHECKING:
    from emo.tracking import Tracker
    from emo.tracking.spool import Entry


def run(config: RunConfig) -> Outcome:
    """Deliver every waiting entry, to ``tracking.uri`` if that is given, else to where it came from.

    One that cannot be read, or that its store does not take, stays and does not hold up the others;
    the outcome is a failed one then, and names it.
    """
    from emo.tracking import deliver, spool_of

    spool = spool_of(config)
    if not spool.folder.exists():
        return _outcome(0, 0, [])
    sent = there = 0
    stores = _Stores(config)
    with _alone(spool.folder):
        spool.clean()
        entries, stay = spool.read()
        for entry in entries:
            try:
                delivered = deliver(stores.of(entry), entry) is not None
            except Exception as error:  # whatever is wrong with one must not hold up the others
                stay.append(_reason(error, spool.folder / entry.id))
            else:
                sent += delivered
                there += not delivered
    return _outcome(sent, there, stay)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else delivers meanwhile.

    Raises
    ------
    TrackingError
        If there can be no lock.
    """
    lock = FileLock(folder / ".sync.lock")
    try:
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise TrackingError(f"{folder}: no lock ({error}); job=sync sends nothing") from error
    try:
        yield
    finally:
        lock.release()


def _reason(error: Exception, folder: Path) -> str:
    """Why an entry stays, in one line."""
    if isinstance(error, TrackingError):
        return str(error)
    reason = (str(error).splitlines() or ["no reason given"])[0]
    return f"{folder} cannot be sent: {type(error).__name__}: {reason}"


class _Stores:
    """The stores that entries go to, each asked once whether it is there."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._known: dict[tuple[str, str], Tracker | TrackingError] = {}

    def of(self, entry: Entry) -> Tracker:
        """The store of an entry.

        Raises
        ------
        TrackingError
            If it cannot be opened.
        """
        from emo.tracking import Tracker, came_from

        tracking = self._config.tracking
        key = (tracking.uri or came_from(self._config, entry), entry.experiment)
        if key not in self._known:
            there = replace(tracking, uri=key[0], experiment=key[1], parent=None)
            try:
                self._known[key] = Tracker(replace(self._config, tracking=there))
            except TrackingError as error:
                self._known[key] = error
        known = self._known[key]
        if not isinstance(known, TrackingError):
            return known
        if tracking.uri is None and ("@" in key[0] or "password=" in key[0]):
            raise TrackingError(
                f"{known}; passwords are not kept with results: if this address needs one, give "
                "tracking.uri with it"
            )
        raise known


def _outcome(sent: int, there: int, stay: list[str]) -> Outcome:
    text = f"{sent} results delivered, {there} were there already"
    error = None
    if stay:
        reasons = dict.fromkeys(stay)
        text += "".join(f"\n  {reason}" for reason in reasons)
        first = next(iter(reasons))
        error = f"{len(stay)} results stay here: {first}; job=sync again goes on with what stays"
    return Outcome(
        status="failed" if stay else "finished",
        metrics={"delivered": sent, "already_there": there, "stay": len(stay)},
        table=text,
        error=error,
    )

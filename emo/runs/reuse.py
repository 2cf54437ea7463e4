"""One run for one fingerprint: locks, the tracking store, the finished run that is the same."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock, Timeout

from emo.config.schema import RunConfig
from emo.errors import ArtifactError, StoreError, TrackingError
from emo.files.whole import new_folder, remove_leftovers
from emo.runs.names import renamed
from emo.runs.plan import Plan

if TYPE_CHECKING:
    from mlflow.entities import Run

    from emo.tracking import Connection, Tracker


log = logging.getLogger(__name__)

PLAIN = re.compile(r"[\w-][\w.-]{0,199}", re.ASCII)
"""Names that are file names as well; of others, which a user may have given, the digest is one."""

T = TypeVar("T")


def open_tracker(config: RunConfig) -> Tracker:
    """The tracking store, with runs that dead processes left open closed."""
    from emo.tracking import Tracker

    tracker = Tracker(config)
    for stale in tracker.mark_stale():
        log.warning("run %s was left open by a process that is gone: marked KILLED", stale)
    return tracker


def open_logged(config: RunConfig) -> Connection:
    """The tracking store as it is: nothing is made or written in it.

    Raises
    ------
    TrackingError
        If there is none, or it cannot be read.
    """
    from emo.tracking import Connection

    return Connection(config)


def holds_runs(config: RunConfig) -> bool:
    """Whether a tracking store may have runs; none is created.

    A store that does not answer may have some: :func:`open_tracker` says what is wrong with it, or
    keeps the results of a sweep that has lost it.

    Raises
    ------
    EmoError
        If there is no store and none can be made: what is computed could not be logged.
    """
    from emo.tracking import NoRuns, require_place

    try:
        open_logged(config)
    except NoRuns:
        require_place(config)
        return False
    except TrackingError:
        return True
    return True


@contextmanager
def exclusive(plan: Plan) -> Iterator[None]:
    """Hold the lock of a plan's fingerprint while a run is looked for, made and logged.

    The second of two processes waits and then finds what the first has logged.

    Raises
    ------
    StoreError
        If there can be no lock in ``paths.store``.
    """
    with locked(plan.config, plan.provenance.fingerprint):
        yield


@contextmanager
def locked(config: RunConfig, name: str) -> Iterator[None]:
    """Hold the lock of a name; the operating system gives it back if its process dies.

    Raises
    ------
    StoreError
        If there can be no lock in ``paths.store``.
    """
    folder = config.path(config.paths.store) / "locks"
    digest = hashlib.sha256(name.encode()).hexdigest()
    lock = FileLock(folder / f"{name if PLAIN.fullmatch(name) else digest}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            log.info("another process is at work on %s: waiting for it", name)
            lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise StoreError(f"paths.store={config.paths.store}: no lock: {error}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def reopen(config: RunConfig, tracker: Tracker, name: str, tags: dict[str, str]) -> Iterator[str]:
    """The id of an open run that several processes fill: the first makes it, the others find it.

    Raises
    ------
    StoreError
        If there can be no lock in ``paths.store``.
    """
    with ExitStack() as stack:
        with locked(config, "-".join(tags.values())):
            run_id = stack.enter_context(tracker.again(name, tags))
        yield run_id


@contextmanager
def staged(config: RunConfig) -> Iterator[Path]:
    """An empty folder for the files of a result, gone when they are logged.

    It is in ``paths.store``: a killed process leaves nothing elsewhere, and a later start removes it.

    Raises
    ------
    StoreError
        If they cannot be written there.
    """
    place = config.path(config.paths.store)
    try:
        remove_leftovers(place)
        with new_folder(place) as folder:
            yield folder
    except OSError as error:
        raise StoreError(
            f"paths.store={place}: the files of the result cannot be written "
            f"({error.strerror or error}); what was computed before is kept"
        ) from error


def finished(
    plan: Plan, tracker: Tracker, artifact: str, read: Callable[[Path], T]
) -> tuple[str, T] | None:
    """Id and record of an earlier run with this fingerprint; None if there is none to be used.

    A run with a damaged or missing file that a job may want to read is not: it is repeated.

    Raises
    ------
    TrackingError
        If its files, damaged or not, cannot be had.
    """
    if plan.config.force:
        return None
    run = tracker.find_finished(plan.provenance.fingerprint)
    if run is None:
        return None
    run_id = run.info.run_id
    try:
        tracker.check(run_id)
        record = tracker.read(run_id, artifact, read)
    except ArtifactError as error:
        log.warning("run %s is finished but %s: repeated", run_id, error.problem)
        return None
    log.info(
        "run %s has this fingerprint already: reused, no forward pass (force=true repeats)", run_id
    )
    _take_name(plan, tracker, run)
    return run_id, record


def _take_name(plan: Plan, tracker: Tracker, run: Run) -> None:
    """Give the model of a run that is reused the name it has now; no number depends on it."""
    model, before = plan.config.model, run.data.tags.get("model", "")
    if model.name in ("hub", before):  # hub: no name was given
        return
    name = renamed(str(run.info.run_name), before, model.label)
    tracker.rename(run.info.run_id, name, {"model": model.label})
    log.info(
        "the model of run %s is called %s from now on; it was logged as %s, as its figures say",
        run.info.run_id,
        model.label,
        before,
    )

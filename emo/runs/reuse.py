"""What every run says about itself, and finding the finished run that says the same."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock, Timeout

from emo.conditions import recognise
from emo.config.enums import BackendName, JobName, MethodName
from emo.config.schema import RunConfig, public, secret_fields
from emo.errors import ArtifactError, StoreError
from emo.files.whole import new_folder, remove_leftovers
from emo.redact import without_password
from emo.runs import files as serialise
from emo.runs.plan import Plan
from emo.runs.versions import versions

if TYPE_CHECKING:
    from mlflow.entities import Run

    from emo.tracking import Connection, Tracker


log = logging.getLogger(__name__)

FILES = ("stimuli.csv", "config.json", "provenance.json")

PLAIN = re.compile(r"[\w-][\w.-]{0,199}", re.ASCII)
"""Names that are file names as well; others, which a user may have given, become none."""

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


@contextmanager
def alone(plan: Plan) -> Iterator[None]:
    """Keep other processes from the same run while one looks for it, makes it and logs it.

    The second of two waits and then finds what the first has logged.

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
def again(config: RunConfig, tracker: Tracker, name: str, tags: dict[str, str]) -> Iterator[str]:
    """A run that several processes may open together: the first makes it, the others find it.

    Raises
    ------
    StoreError
        If there can be no lock in ``paths.store``.
    """
    with ExitStack() as stack:
        with locked(config, name.replace(" ", "-")):
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
    found = tracker.find_finished(plan.provenance.fingerprint)
    if found is None:
        return None
    run_id = found.info.run_id
    try:
        tracker.check(run_id)
        record = tracker.read(run_id, artifact, read)
    except ArtifactError as error:
        log.warning("run %s is finished but %s: repeated", run_id, error.found)
        return None
    log.info(
        "run %s has this fingerprint already: reused, no forward pass (force=true repeats)", run_id
    )
    _take_name(plan, tracker, found)
    return run_id, record


def _take_name(plan: Plan, tracker: Tracker, found: Run) -> None:
    """Give the model of a run that is reused the name it has now; no number depends on it."""
    model, before = plan.config.model, found.data.tags.get("model", "")
    if model.name in ("hub", before):  # hub: no name was given
        return
    name = str(found.info.run_name)
    if name.startswith(before):
        name = model.label + name.removeprefix(before)
    tracker.rename(found.info.run_id, name, {"model": model.label})
    log.info(
        "the model of run %s is called %s from now on; it was logged as %s, as its figures say",
        found.info.run_id,
        model.label,
        before,
    )


def tags(plan: Plan) -> dict[str, str]:
    """What runs are searched and compared by."""
    c = plan.config
    out = {
        "job": c.job.name.value,
        "fingerprint": plan.provenance.fingerprint,
        "model": c.model.label,
        "model_id": without_password(c.model.id),
        "revision": plan.weights.revision,
        "family": c.model.family,
        "variant": c.model.variant.value,
        "backend": c.backend.name.value,
        "precision": c.precision.label,
        "method": c.method.name.value,
        "stimuli_sha256": plan.stimuli.sha256,
        "code_commit": plan.provenance.code_commit,
        "device": plan.device,
    }
    generation = c.method.name is MethodName.generation
    out["versions"] = versions(generation, not c.precision.causal)
    if not generation:
        out["readout"] = c.method.readout.value
    if c.job.name is JobName.extract:
        found = recognise(c)
        out |= {"condition": found.name, "condition_note": found.note}
    if c.backend.name is BackendName.tl:
        out["implementation"] = c.backend.implementation.value
    if plan.weights.note:
        out["weights_note"] = plan.weights.note
    return out


def params(config: RunConfig) -> dict[str, str]:
    """Every field of the config by its dotted name, but those that may hold a secret or a home."""
    out: dict[str, str] = {}
    _flatten(public(config), "", out)
    for left_out in (*secret_fields(), "root"):
        del out[left_out]
    return out


def _flatten(value: Any, prefix: str, out: dict[str, str]) -> None:
    for key, entry in value.items():
        if isinstance(entry, dict):
            _flatten(entry, f"{prefix}{key}.", out)
        else:
            out[f"{prefix}{key}"] = str(entry)


def dataset(plan: Plan) -> tuple[str, str, str]:
    """Name, digest and source of the passages."""
    path = plan.config.stimuli.path
    name = Path(path).stem if path else plan.config.stimuli.name
    return name, plan.stimuli.sha256, Path(plan.stimuli.source).name


def write_files(folder: Path, plan: Plan) -> None:
    """The passages, the config and the provenance (``FILES``)."""
    (folder / "stimuli.csv").write_text(serialise.stimuli_csv(plan.stimuli), encoding="utf-8")
    serialise.write_json(public(plan.config), folder / "config.json")
    serialise.write_json(plan.provenance, folder / "provenance.json")

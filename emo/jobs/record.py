"""What every run says about itself, and finding the finished run that says the same."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock, Timeout

from emo import serialise
from emo.choices import BackendName, JobName, MethodName
from emo.config import RunConfig, canonical
from emo.errors import EmoError, StoreError
from emo.generation.protocols import recognise
from emo.jobs.plan import Plan
from emo.versions import versions

if TYPE_CHECKING:
    from emo.tracking import Connection, Tracker

log = logging.getLogger(__name__)

FILES = ("stimuli.csv", "config.json", "provenance.json")

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
    lock = FileLock(folder / f"{name}.lock")
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


def finished(
    plan: Plan, tracker: Connection, artifact: str, read: Callable[[Path], T]
) -> tuple[str, T] | None:
    """Id and record of an earlier run with this fingerprint; None if there is none to be used."""
    if plan.config.force:
        return None
    found = tracker.find_finished(plan.provenance.fingerprint)
    if found is None:
        return None
    run_id = found.info.run_id
    try:
        record = read(tracker.artifact(run_id, artifact))
    except (EmoError, ValueError, KeyError, TypeError) as error:
        log.warning("run %s is finished but its files are unreadable (%s): repeated", run_id, error)
        return None
    log.info(
        "run %s has this fingerprint already: reused, no forward pass (force=true repeats)", run_id
    )
    return run_id, record


def tags(plan: Plan) -> dict[str, str]:
    """What runs are searched and compared by."""
    c = plan.config
    out = {
        "job": c.job.name.value,
        "fingerprint": plan.provenance.fingerprint,
        "model": c.model.label,
        "model_id": c.model.id,
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
    _flatten(canonical(config), "", out)
    for secret in ("tracking.uri", "root"):
        out.pop(secret, None)
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
    config = canonical(plan.config)
    config["tracking"]["uri"] = config["root"] = None
    serialise.write_json(config, folder / "config.json")
    serialise.write_json(plan.provenance, folder / "provenance.json")

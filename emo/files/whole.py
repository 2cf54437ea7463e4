"""Files and folders that exist completely or not at all, whenever their writer is killed.

A process writes under a name ``.partial-...`` and holds a lock of the operating system on it, which ends
with the process, until it gives the file its name or removes it. A later start removes the leftovers
of killed processes: :func:`remove_leftovers`.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # a system without these locks: only the age tells a leftover
    fcntl = None

PARTIAL = ".partial-"
HOUR_S, DAY_S = 3600, 24 * 3600


def write_whole(target: Path, content: bytes, place: Path | None = None) -> None:
    """Write a file with the permissions of the umask; a reader sees all of it or nothing.

    The part is written in ``place``, a folder on the same disk; by default the folder of the target.

    Raises
    ------
    OSError
        If the file cannot be written; then no part of it remains.
    """
    partial = _name(place or target.parent)
    try:
        with partial.open("xb") as file:
            _hold(file.fileno())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """An empty folder in ``place``, removed at the end unless it was renamed.

    ``place`` is made if it is missing.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """
    place.mkdir(parents=True, exist_ok=True)
    folder = _name(place)
    folder.mkdir()
    descriptor = None if fcntl is None else os.open(folder, os.O_RDONLY)
    try:
        if descriptor is not None:
            _hold(descriptor)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def remove_leftovers(place: Path) -> None:
    """Remove the leftovers of killed processes in ``place``.

    A leftover is an hour old and no process holds it; it is a day old where the file system cannot tell
    whether a process holds it.
    """
    for path in place.glob(f"{PARTIAL}*"):
        with suppress(OSError):  # another process finishes or removes it at this moment
            held = _held(path)
            age = time.time() - path.lstat().st_mtime
            if not held and age > (DAY_S if held is None else HOUR_S):
                _remove(path)


def _name(place: Path) -> Path:
    return place / f"{PARTIAL}{uuid.uuid4().hex}"


def _hold(descriptor: int) -> None:
    if fcntl is not None:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _held(path: Path) -> bool | None:
    """Whether a living process holds the file or folder; None if the file system cannot tell."""
    kind = path.lstat().st_mode
    if fcntl is None or not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    else:
        return False
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()

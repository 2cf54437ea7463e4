"""Files and folders that are there whole or not at all, whenever their writer is killed.

What is being written is called ``.partial-...`` and held by its process (a lock of the operating
system, gone with the process) until it gets its name or is removed. What a killed process left is
removed by a later start: :func:`remove_leftovers`.
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
except ImportError:  # a system without these locks: leftovers are told by their age alone
    fcntl = None

PARTIAL = ".partial-"
HOUR_S, DAY_S = 3600, 24 * 3600


def write_whole(target: Path, content: bytes, place: Path | None = None) -> None:
    """Put a file there with the permissions the umask gives; a reader sees all of it or none.

    It is written in ``place``, a folder on the same disk, by default the target's own.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left then.
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
    """An empty folder in ``place``, which is made where it is missing; gone at the end if not renamed.

    Raises
    ------
    OSError
        If it cannot be made.
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
    """Remove what killed processes left in ``place``: an hour old, and held by no process.

    Where the file system cannot tell whether a process holds it, from an age of a day.
    """
    for path in place.glob(f"{PARTIAL}*"):
        with suppress(OSError):  # finished, or removed by another process, at this moment
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
    """Whether a living process holds it; None where that cannot be told."""
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

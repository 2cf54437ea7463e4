"""Which process a run belongs to, so that one whose process is gone can be told."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import psutil

DRIFT_S = 5
"""How far two readings of a process's start may lie apart: it is counted from the boot, whose time the
system rounds and corrects. A pid does not come round again so fast."""


def owner() -> dict[str, str]:
    """This process, as tags: host, pid and start time (pids come round again).

    ``pid_namespace`` is given where the system has such: a container with the host's name counts its
    processes anew.
    """
    tags = {
        "host": socket.gethostname(),
        "pid": str(os.getpid()),
        "process_start": repr(psutil.Process().create_time()),
    }
    space = _namespace()
    return tags if space is None else {**tags, "pid_namespace": space}


def here(tags: Mapping[str, str]) -> bool:
    """Whether the process in a run's tags is or was one that can be seen from here."""
    same = tags.get("pid_namespace") in (None, _namespace())
    return same and tags.get("host") == socket.gethostname()


def alive(tags: Mapping[str, str]) -> bool:
    """Whether the process in a run's tags still runs on this host."""
    try:
        process = psutil.Process(int(tags["pid"]))
        if process.status() == psutil.STATUS_ZOMBIE:  # killed, and its parent has not asked yet
            return False
        return abs(process.create_time() - float(tags["process_start"])) < DRIFT_S
    except (KeyError, ValueError, psutil.Error):
        return False


def _namespace() -> str | None:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return None

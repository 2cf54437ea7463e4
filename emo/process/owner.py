"""The process that a run belongs to, and whether that process still runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import psutil

HOST, PID, PROCESS_START = "host", "pid", "process_start"
"""Tags that name a process; the start time tells it from a later process with the same pid."""
PID_NAMESPACE = "pid_namespace"
"""Tag with the namespace of the pid, on systems that have namespaces: a container with the name of
its host counts its own processes."""
DRIFT_S = 5
"""Two readings of one process's start time may differ by this much: the system counts it from the
time of the boot, which it rounds and corrects. No pid is used again so soon."""


def owner() -> dict[str, str]:
    """The tags that name this process."""
    tags = {
        HOST: socket.gethostname(),
        PID: str(os.getpid()),
        PROCESS_START: repr(psutil.Process().create_time()),
    }
    namespace = _namespace()
    return tags if namespace is None else {**tags, PID_NAMESPACE: namespace}


def here(tags: Mapping[str, str]) -> bool:
    """Whether this process could see the process in a run's tags: same host, same pid namespace."""
    same = tags.get(PID_NAMESPACE) in (None, _namespace())
    return same and tags.get(HOST) == socket.gethostname()


def alive(tags: Mapping[str, str]) -> bool:
    """Whether the process in a run's tags still runs on this host."""
    try:
        process = psutil.Process(int(tags[PID]))
        if process.status() == psutil.STATUS_ZOMBIE:  # killed; its parent has not collected it yet
            return False
        return abs(process.create_time() - float(tags[PROCESS_START])) < DRIFT_S
    except (KeyError, ValueError, psutil.Error):
        return False


def _namespace() -> str | None:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return None

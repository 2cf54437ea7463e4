"""Which process a run belongs to, so that one whose process is gone can be told."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import psutil


def owner() -> dict[str, str]:
    """This process, as tags: host, pid and start time (pids come round again)."""
    return {
        "host": socket.gethostname(),
        "pid": str(os.getpid()),
        "process_start": repr(psutil.Process().create_time()),
    }


def here(tags: Mapping[str, str]) -> bool:
    """Whether the process in a run's tags is or was one of this host."""
    return tags.get("host") == socket.gethostname()


def alive(tags: Mapping[str, str]) -> bool:
    """Whether the process in a run's tags still runs on this host."""
    try:
        process = psutil.Process(int(tags["pid"]))
        if process.status() == psutil.STATUS_ZOMBIE:  # killed, and its parent has not asked yet
            return False
        return abs(process.create_time() - float(tags["process_start"])) < 1
    except (KeyError, ValueError, psutil.Error):
        return False

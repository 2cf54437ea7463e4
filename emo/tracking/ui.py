"""MLflow's page of a project's runs, on this machine only: ``python -m emo.tracking.ui``.

This program makes or updates the database before the page starts: the page and a first job, each
making the database, would spoil it.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from emo.config.schema import RunConfig
from emo.errors import TrackingError
from emo.tracking.addresses import Address, address, artifact_folder
from emo.tracking.store import Tracker

log = logging.getLogger(__name__)

HOST = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Replace this process by the page; returns an exit code if the page cannot start."""
    logging.basicConfig(format="%(levelname)s %(message)s")
    parser = argparse.ArgumentParser(prog="python -m emo.tracking.ui", description=__doc__)
    parser.add_argument("--port", default="5000")
    parser.add_argument("--root", default=".", help="the project's folder")
    options = parser.parse_args(arguments)
    config = RunConfig(root=str(Path(options.root).resolve()))
    try:
        port = _free(options.port)
        store = address(config)
        if store.server:
            print(f"runs are logged to a server, {store.shown}: its page is at that address")
            return 0
        _make(config)
        _start(store, artifact_folder(config), port)
    except (TrackingError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


def _free(text: str) -> int:
    """The port, if no program listens there.

    Raises
    ------
    TrackingError
        If it is no port, or in use.
    """
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise TrackingError(f"PORT={text}: allowed is a number from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((HOST, int(text)))
        except OSError as error:
            raise TrackingError(
                f"PORT={text}: cannot be used ({error.strerror}), perhaps by a page that runs already; "
                f"take another: make ui PORT={int(text) % 65535 + 1}"
            ) from error
    return int(text)


def _make(config: RunConfig) -> None:
    """Make or update the database; a database that can only be read stays as it is.

    Raises
    ------
    TrackingError
        If the database cannot be used.
    """
    try:
        tracker = Tracker(config)
    except TrackingError as error:
        path = address(config).path
        if path is None or not path.exists() or os.access(path.parent, os.W_OK):
            raise
        log.warning("%s; shown as it is", error)
        return
    for stale in tracker.mark_stale():
        log.warning("run %s was left open by a process that is gone: marked KILLED", stale)


def _start(store: Address, artifacts: Path, port: int) -> None:
    """Replace this process by MLflow's server.

    Its settings are in the environment, which no list of processes shows.
    """
    environment = {
        **os.environ,
        "MLFLOW_BACKEND_STORE_URI": store.uri,
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": str(artifacts),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    command = [sys.executable, "-m", "mlflow", "ui", "--workers", "1"]
    command += ["--host", HOST, "--port", str(port)]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)


if __name__ == "__main__":
    sys.exit(main())

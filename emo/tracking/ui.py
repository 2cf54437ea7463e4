"""MLflow's page of a project's runs, on this machine only: ``make ui``, ``job=ui``.

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
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from emo.config.jobs import JobConfig, UiConfig
from emo.config.schema import RunConfig
from emo.errors import TrackingError
from emo.tracking.addresses import Address, address, artifact_folder
from emo.tracking.connection import Connection
from emo.tracking.links import HOST, runs_link
from emo.tracking.store import Tracker

log = logging.getLogger(__name__)

AIRPLAY = 5000
"""The port that macOS gives to AirPlay."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Replace this process by the page; returns an exit code if the page cannot start."""
    logging.basicConfig(format="%(levelname)s %(message)s")
    parser = argparse.ArgumentParser(prog="python -m emo.tracking.ui", description=__doc__)
    parser.add_argument("--port", default="5000")
    parser.add_argument("--root", default=".", help="the project's folder")
    options = parser.parse_args(arguments)
    config = RunConfig(root=str(Path(options.root).resolve()))
    try:
        job = JobConfig(ui=UiConfig(_port(options.port)))
        print(serve(replace(config, job=job), "PORT", "make ui PORT="))
    except (TrackingError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def serve(config: RunConfig, parameter: str, command: str) -> str:
    """Where the runs are shown, if a server shows them; else this process becomes their page.

    ``parameter`` is what the port is called, ``command`` what starts the page with another one.

    Raises
    ------
    TrackingError
        If the port is in use, or the store cannot be used.
    """
    store = address(config)
    if not store.server:
        _become_page(config, store, parameter, command)
    return f"runs are logged to a server, {store.shown}: its page is at that address"


def _become_page(config: RunConfig, store: Address, parameter: str, command: str) -> NoReturn:
    port = config.job.ui.port
    _require_free(port, parameter, command)
    _make(config)
    print(f"runs: {runs_link(Connection(config))} (Ctrl-C ends the page)")
    _start(store, artifact_folder(config), port)


def _port(text: str) -> int:
    """The port that a text names.

    Raises
    ------
    TrackingError
        If it is none.
    """
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise TrackingError(f"PORT={text}: allowed is a number from 1 to 65535")
    return int(text)


def _require_free(port: int, parameter: str, command: str) -> None:
    """Refuse a port at which a program listens.

    Raises
    ------
    TrackingError
        With the command that takes another port.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind((HOST, port))
        except OSError as error:
            whose = "by a page that runs already"
            if sys.platform == "darwin" and port == AIRPLAY:
                whose = "by AirPlay, to which macOS gives it"
            raise TrackingError(
                f"{parameter}={port}: cannot be used ({error.strerror}), perhaps {whose}; take another: "
                f"{command}{port % 65535 + 1}"
            ) from error


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


def _start(store: Address, artifacts: Path, port: int) -> NoReturn:
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

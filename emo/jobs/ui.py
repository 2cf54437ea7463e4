"""job=ui: MLflow's page of the logged runs, opened on this project's own view."""

from __future__ import annotations

import sys

from emo.config.schema import RunConfig
from emo.errors import ConfigError
from emo.runs.outcome import Outcome


def run(config: RunConfig) -> Outcome:
    """Replace this process by the page; of a store on a server only the address is said.

    Raises
    ------
    ConfigError
        In a notebook, whose kernel the page would replace.
    TrackingError
        If the port is in use, or the store cannot be used.
    """
    if "ipykernel" in sys.modules:
        raise ConfigError("job", "ui", "any other in a notebook; in a terminal: make ui")
    from emo.tracking import ui

    words = ui.serve(config, "job.ui.port", "python launch.py job=ui job.ui.port=")
    return Outcome(status="finished", table=words)

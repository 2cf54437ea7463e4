"""job=ui: MLflow's page of the logged runs, opened on this project's own view."""

from __future__ import annotations

from emo.config.schema import RunConfig
from emo.runs.outcome import Outcome


def run(config: RunConfig) -> Outcome:
    """Replace this process by the page; of a store on a server only the address is said.

    Raises
    ------
    TrackingError
        If the port is in use, or the store cannot be used.
    """
    from emo.tracking import ui

    words = ui.serve(config, "job.ui.port", "python launch.py job=ui job.ui.port=")
    return Outcome(status="finished", table=words)

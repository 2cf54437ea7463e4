"""Addresses of MLflow's pages of runs; they open on the runs of models and not on the GenAI page."""

from __future__ import annotations

from emo.redact import without_password
from emo.tracking.connection import Connection
from emo.tracking.store import NOWHERE

HERE = "http://127.0.0.1:5000"
"""Where ``make ui`` shows the runs of this machine unless it is given another port."""

VIEW = "workflowType=machine_learning"


def run_link(tracker: Connection, run_id: str) -> str:
    """The address of a run's page; empty for a run that its store has not heard of yet."""
    if run_id == NOWHERE:
        return ""
    place = without_password(tracker.uri).rstrip("/") if tracker.address.server else HERE
    return f"{place}/#/experiments/{tracker.experiment_id}/runs/{run_id}?{VIEW}"

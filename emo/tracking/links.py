"""Addresses of MLflow's pages of runs; they open on the runs of models and not on the GenAI page."""

from __future__ import annotations

from emo.redact import without_password
from emo.tracking.connection import Connection
from emo.tracking.store import NOWHERE
from emo.tracking.views import VIEWS, View

HOST = "127.0.0.1"
"""Where ``make ui`` shows the runs of this machine; its port is ``job.ui.port``."""
PAGES = "workflowType=machine_learning"
"""Without this part a link opens MLflow's pages for language-model applications, which are empty."""


def run_link(tracker: Connection, run_id: str) -> str:
    """The address of a run's page; empty for a run that its store has not heard of yet."""
    if run_id == NOWHERE:
        return ""
    return f"{_site(tracker)}/#/experiments/{tracker.experiment_id}/runs/{run_id}?{PAGES}"


def runs_link(tracker: Connection, view: View = VIEWS[0]) -> str:
    """The address of the list of runs in a view."""
    runs = f"{_site(tracker)}/#/experiments/{tracker.experiment_id}/runs"
    return f"{runs}?viewStateShareKey={view.key}&{PAGES}"


def _site(tracker: Connection) -> str:
    """Where the pages of a store are: the server itself, or what ``make ui`` starts here."""
    if tracker.address.server:
        return without_password(tracker.uri).rstrip("/")
    return f"http://{HOST}:{tracker.ui_port}"

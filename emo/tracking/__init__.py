"""Logging runs: the only package that imports mlflow."""

import os

# Before the import: mlflow reports usage unless told otherwise.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
# A server that does not answer is reported after seconds, not after minutes of retries.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")  # seconds; MLflow's own is 120
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# Its own links, of runs on a server, open the GenAI page: emo.tracking.links has those that do not.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

from emo.tracking.addresses import from_root, tracking_uri
from emo.tracking.connection import Connection, NoRuns, NoSuchRun, spool_of
from emo.tracking.delivery import deliver
from emo.tracking.moving import came_from
from emo.tracking.opening import require_place
from emo.tracking.record import DESCRIPTION, PICTURES, TABLES, RunRecord
from emo.tracking.store import Spooled, Tracker

__all__ = [
    "DESCRIPTION",
    "PICTURES",
    "TABLES",
    "Connection",
    "NoRuns",
    "NoSuchRun",
    "RunRecord",
    "Spooled",
    "Tracker",
    "came_from",
    "deliver",
    "from_root",
    "require_place",
    "spool_of",
    "tracking_uri",
]

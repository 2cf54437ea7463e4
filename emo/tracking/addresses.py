"""Where runs are logged, and whether anybody is there."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from emo.config import RunConfig
from emo.errors import TrackingError
from emo.passwords import without_password


def tracking_uri(config: RunConfig) -> str:
    """The configured URI; by default the absolute SQLite file below the project's root."""
    uri = config.tracking.uri
    if uri is None:
        return f"sqlite:///{config.path('mlruns') / 'mlflow.db'}"
    return from_root(config, uri)


def from_root(config: RunConfig, uri: str) -> str:
    """A URI with the path of a SQLite file taken from the project's root; others as they are."""
    if uri.startswith("sqlite:///") and not uri.startswith("sqlite:////"):
        return f"sqlite:///{config.path(uri.removeprefix('sqlite:///'))}"
    return uri


def local_path(uri: str) -> Path | None:
    """The folder an artifact URI means on this machine, None if it is elsewhere."""
    if uri.startswith("file://"):
        return Path(urllib.request.url2pathname(urllib.parse.urlparse(uri).path))
    return None if "://" in uri or uri.startswith("mlflow-artifacts:") else Path(uri)


def require_server(uri: str, timeout: float) -> None:
    """Ask a server whether it is there, in seconds.

    Raises
    ------
    TrackingError
        If it does not answer, or if a user or password stands in the address: MLflow would print
        it with the address of every run.
    """
    shown = without_password(uri)
    if shown != uri:
        raise TrackingError(
            f"tracking.uri={shown}: give the user and password as MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD in the environment, not in the address"
        )
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=timeout):
            return
    except urllib.error.HTTPError as error:
        if error.code < 500:  # it answers; a proxy may not pass /health on
            return
        reason: object = error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
    raise TrackingError(
        f"tracking.uri={shown}: no MLflow server answers ({reason}); start it, or log to a local file "
        "with tracking=local"
    )

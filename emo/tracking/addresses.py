"""The address of the store that runs are logged to, and the check that a server answers there."""

from __future__ import annotations

import http.client
import logging
import os
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mlflow.utils.validation import MAX_EXPERIMENT_NAME_LENGTH
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from emo.config.schema import RunConfig
from emo.errors import TrackingError, value_text
from emo.redact import without_password

log = logging.getLogger(__name__)

SQLITE = "sqlite:///"
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
EXPERIMENT = "emotion-geometry"
"""Name of the experiment if no other name is given."""
URI_VARIABLE, EXPERIMENT_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
"""Environment variables of MLflow; they count if the parameter is null."""
ALLOWED = (
    f"null (the project's mlruns/mlflow.db), {SQLITE}FILE, http://HOST:PORT, https://HOST, "
    "or postgresql://, mysql://, mssql:// with the rest of a database's address"
)


@dataclass(frozen=True)
class Address:
    """The address of one store."""

    uri: str
    """The absolute URI."""
    parameter: str = "tracking.uri"
    """The parameter, or the environment variable, that gives the address."""
    path: Path | None = None
    """The file of a SQLite database; None for other stores."""

    @property
    def shown(self) -> str:
        """The parameter and the address without a password: the beginning of every message."""
        return f"{self.parameter}={without_password(self.uri)}"

    @property
    def server(self) -> bool:
        return self.uri.lower().startswith(("http://", "https://"))


def address(config: RunConfig) -> Address:
    """The store of a config: ``tracking.uri``, else MLFLOW_TRACKING_URI, else the project's own.

    Raises
    ------
    TrackingError
        If the address is none of a lasting store, or ``mlruns`` cannot be a folder.
    """
    given, variable = config.tracking.uri, os.environ.get(URI_VARIABLE, "").strip()
    if given is not None:
        chosen = _checked(config, given, "tracking.uri")
        if variable and from_root(config, variable) != chosen.uri:
            _say_ignored(chosen.shown, f"{URI_VARIABLE}={without_password(variable)}")
        return chosen
    if variable:
        chosen = _checked(config, variable, URI_VARIABLE)
        _say_followed(chosen.shown, "tracking.uri")
        return chosen
    path = home(config) / "mlflow.db"
    return _checked(config, f"{SQLITE}{path}", "tracking.uri")


def tracking_uri(config: RunConfig) -> str:
    """The URI of :func:`address`."""
    return address(config).uri


def experiment(config: RunConfig) -> str:
    """The experiment: ``tracking.experiment``, else MLFLOW_EXPERIMENT_NAME, else ``EXPERIMENT``.

    Raises
    ------
    TrackingError
        If the name is empty, or longer than MLflow keeps.
    """
    given, variable = config.tracking.experiment, os.environ.get(EXPERIMENT_VARIABLE, "").strip()
    if given is not None:
        _check_name(given, "tracking.experiment")
        if variable and variable != given:
            _say_ignored(f"tracking.experiment={given}", f"{EXPERIMENT_VARIABLE}={variable}")
        return given
    if variable:
        _check_name(variable, EXPERIMENT_VARIABLE)
        _say_followed(f"{EXPERIMENT_VARIABLE}={variable}", "tracking.experiment")
        return variable
    return EXPERIMENT


def _check_name(name: str, parameter: str) -> None:
    if not name.strip() or len(name) > MAX_EXPERIMENT_NAME_LENGTH:
        raise TrackingError(
            f"{parameter}={value_text(name)}: allowed is null, or a name of at most "
            f"{MAX_EXPERIMENT_NAME_LENGTH} characters"
        )


@cache  # once per process, since a job opens its store several times
def _say_followed(shown: str, parameter: str) -> None:
    log.info("runs are logged as the environment says: %s (%s=... overrides it)", shown, parameter)


@cache
def _say_ignored(shown: str, variable: str) -> None:
    log.warning("%s is followed, %s of the environment is not", shown, variable)


def home(config: RunConfig) -> Path:
    """The project's folder ``mlruns``, with the links in its path resolved.

    Raises
    ------
    TrackingError
        If it is a link to nowhere, or not a folder.
    """
    return _folder(Path(config.root, "mlruns"))


def artifact_folder(config: RunConfig) -> Path:
    """The folder of the files of the project's runs: one subfolder per run, named by its id.

    Raises
    ------
    TrackingError
        If it cannot be a folder.
    """
    folder = home(config) / "artifacts"
    _folder(folder)
    return folder


def _folder(path: Path) -> Path:
    if path.is_symlink() and not path.exists():
        raise TrackingError(f"{path}: is a link to {path.readlink()}, where nothing is")
    if path.exists() and not path.is_dir():
        raise TrackingError(f"{path}: is no folder, but results are kept there: move it away")
    return path.resolve()


def _checked(config: RunConfig, uri: str, parameter: str) -> Address:
    shown = f"{parameter}={without_password(uri)}"
    refused = TrackingError(f"{shown}: allowed is {ALLOWED}")
    scheme, _, rest = uri.partition("://")
    try:
        urllib.parse.urlsplit(uri)
    except ValueError as error:  # half a bracket: MLflow, too, would break at it
        raise refused from error
    if rest and scheme.lower() in ("http", "https"):
        return Address(uri, parameter)
    kind = scheme.partition("+")[0]
    if kind not in DATABASES or (not rest and uri != SQLITE.removesuffix("/")):
        raise refused
    if kind != "sqlite":
        return Address(uri, parameter)
    uri = from_root(config, uri)
    try:
        database = make_url(uri).database or ""
    except (ArgumentError, ValueError) as error:
        raise refused from error
    if database in ("", ":memory:"):
        raise TrackingError(
            f"{shown}: a database in memory ends with its process; allowed is {ALLOWED}"
        )
    path = Path(database)
    if not path.is_absolute() or ":///" not in uri:
        raise refused
    written = uri.partition(":///")[2].partition("?")[0]
    if not database == written == urllib.request.url2pathname(written) or "?" in config.root:
        raise TrackingError(
            f"{shown}: allowed is a path without % and ?, the project's own included: in the address "
            "of a database these two mean something else"
        )
    return Address(uri, parameter, path)


def from_root(config: RunConfig, uri: str) -> str:
    """The URI with the relative path of a SQLite file made absolute, from the project's root."""
    scheme, separator, path = uri.partition(":///")
    relative = scheme.partition("+")[0] == "sqlite" and separator and not path.startswith("/")
    if not relative or path.startswith((":memory:", "file:", "?")) or not path:
        return uri
    path, options, rest = path.partition("?")
    return f"{scheme}{separator}{config.path(path)}{options}{rest}"


def portable(config: RunConfig, uri: str) -> str:
    """The URI; that of a database of the project is relative to the root, since projects move."""
    for folder, name in ((home(config), "mlruns/"), (Path(config.root), "")):
        if uri.startswith(f"{SQLITE}{folder}/"):
            return f"{SQLITE}{name}{uri.removeprefix(f'{SQLITE}{folder}/')}"
    return uri


def local_path(uri: str) -> Path | None:
    """The folder of an artifact URI on this machine; None if the files are elsewhere."""
    if uri.startswith("file://"):
        with suppress(ValueError):  # half a bracket: no place on this machine, or anywhere
            return Path(urllib.request.url2pathname(urllib.parse.urlparse(uri).path))
    return None if "://" in uri or uri.startswith("mlflow-artifacts:") else Path(uri)


def require_server(uri: str, timeout: float, parameter: str = "tracking.uri") -> None:
    """Refuse a server that does not answer within ``timeout`` seconds.

    Raises
    ------
    TrackingError
        If the server does not answer, or if the address holds a user or password: MLflow would print
        it with the address of every run.
    """
    shown = without_password(uri)
    if shown != uri:
        raise TrackingError(
            f"{parameter}={shown}: give the user and password as MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD in the environment, not in the address"
        )
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=timeout):
            return
    except urllib.error.HTTPError as error:
        if error.code < 500:  # the server answers; a proxy may not forward /health
            return
        reason: object = error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
    why = value_text(str(reason).strip())
    raise TrackingError(
        f"{parameter}={shown}: no MLflow server answers ({why}); start it, or log to a local file "
        "with tracking=local"
    )

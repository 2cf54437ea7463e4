"""Databases: whether one is there; a SQLite one is with all of its tables, or not at all."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
import urllib.parse
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

import sqlalchemy
from mlflow.store.db.base_sql_model import Base
from mlflow.store.db.utils import _get_latest_schema_revision, create_sqlalchemy_engine
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy.exc import SQLAlchemyError

from emo.errors import TrackingError

SQLITE = "sqlite:///"
UNUSABLE = (SQLAlchemyError, sqlite3.Error, ImportError, OSError, ValueError)
"""What opening a database raises: it is not there or none, its driver is missing, its URI is wrong."""
BUSY_S = 20
"""How long a lock of a SQLite file is waited for, as MLflow does."""
BEING_MADE_S = 10
"""A file without all of its tables that has changed within so many seconds is being made: waited for."""


def create_whole(path: Path, artifacts: Path) -> None:
    """Make a SQLite database where there is none; the caller holds a lock.

    MLflow makes its tables in some forty steps, and cannot open what a kill between two of them
    leaves: so they are made under a temporary name. What another program, such as an ``mlflow ui``
    started by hand, makes there meanwhile stays.
    """
    if path.exists():
        return
    for left in path.parent.glob(f".{path.name}-*"):  # of processes that were killed here
        left.unlink(missing_ok=True)
    partial = path.with_name(f".{path.name}-{os.getpid()}")
    with closing(sqlite3.connect(partial)) as probe:  # MLflow would try for a minute and a half
        probe.executescript("BEGIN IMMEDIATE; COMMIT")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    store = SqlAlchemyStore(f"{SQLITE}{partial}", str(artifacts))
    store.engine.dispose()
    try:
        with suppress(FileExistsError):
            os.link(partial, path)
    except OSError:  # a file system without hard links
        if not path.exists():
            partial.rename(path)
    partial.unlink(missing_ok=True)


def require_whole(path: Path) -> None:
    """Look whether a SQLite file is a database with all tables of this version of MLflow.

    Nothing is written. A file that another program is making at this moment is waited for.

    Raises
    ------
    TrackingError
        If it is not; the message begins with what is wrong.
    sqlite3.Error, OSError
        If it cannot be read (``UNUSABLE``).
    """
    while (problem := _problem(path)) is not None:
        if not _fresh(path):
            raise TrackingError(problem)
        time.sleep(0.2)


def _fresh(path: Path) -> bool:
    files = [file for file in (path, path.with_name(f"{path.name}-journal")) if file.exists()]
    return any(time.time() - file.stat().st_mtime < BEING_MADE_S for file in files)


def _problem(path: Path) -> str | None:
    """What a file lacks; None for a database that has everything."""
    if path.stat().st_size == 0:
        return f"is empty, a start that was cut off: delete {path}"
    with closing(connect(path)) as database:
        rows = database.execute(
            "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c"
        )
        there = set(rows.fetchall())
        tables = {table for table, _ in there}
        version = None
        if "alembic_version" in tables:
            version = next(
                (row[0] for row in database.execute("SELECT * FROM alembic_version")), None
            )
        n_runs = 0
        if "runs" in tables:
            n_runs = database.execute("SELECT COUNT(*) FROM runs").fetchone()[0]
    missing = sorted({table for table, column in _wanted() - there})
    if version == _newest() and not missing:
        return None
    if missing and n_runs == 0:
        return f"has not all of its tables, and no run: the making of it was cut off; delete {path}"
    if version in (None, _newest()):
        return f"is damaged: {', '.join(missing)} lacks columns; put a copy in the place of {path}"
    return (
        f"was made by another version of MLflow (tables {version}, here {_newest()}): make a copy of "
        f"it, then python -m mlflow db upgrade {SQLITE}{path}"
    )


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a file that is there; one that may not be written is read."""
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    mode = "rw" if writable else "ro"
    uri = f"file:{urllib.parse.quote(str(path))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_S)


@cache
def _wanted() -> set[tuple[str, str]]:
    return {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
    }


@cache
def _newest() -> str:
    return _get_latest_schema_revision()


def require_database(uri: str) -> bool:
    """Ask a database that is no SQLite file once whether it is there; MLflow asks for over a minute.

    Gives whether it has MLflow's tables.

    Raises
    ------
    SQLAlchemyError, ImportError, OSError, ValueError
        If it cannot be used (``UNUSABLE``).
    """
    engine = create_sqlalchemy_engine(uri)
    try:
        return "experiments" in sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()

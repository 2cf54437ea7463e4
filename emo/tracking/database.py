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
BEING_MADE_S, LONGEST_S = 10, 120
"""A file without all of its tables that changed within the first so many seconds is being made: it is
waited for, but not for longer than the second."""


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
    deadline = time.monotonic() + LONGEST_S
    while (problem := _unfinished(path)) is not None:
        if not _fresh(path) or time.monotonic() > deadline:
            raise TrackingError(f"{problem}: delete {path}")
        time.sleep(0.2)
    if (problem := _damage(path)) is not None:
        raise TrackingError(problem)


def _fresh(path: Path) -> bool:
    files = [file for file in (path, path.with_name(f"{path.name}-journal")) if file.exists()]
    return any(time.time() - file.stat().st_mtime < BEING_MADE_S for file in files)


def _unfinished(path: Path) -> str | None:
    """What a file is that nothing has been logged into and that lacks tables; None for all others."""
    if path.stat().st_size == 0:
        return "is empty, a start that was cut off"
    with closing(connect(path)) as database:
        there = _columns(database)
        logged = ("runs", "run_uuid") in there and database.execute("SELECT 1 FROM runs").fetchone()
    if logged or _wanted() <= there:
        return None
    return "has not all of its tables, and no run: the making of it was cut off"


def _damage(path: Path) -> str | None:
    """What is wrong with a database that was whole; None if nothing is."""
    with closing(connect(path)) as database:
        there = _columns(database)
        found = ("alembic_version", "version_num") in there
        row = database.execute("SELECT * FROM alembic_version").fetchone() if found else None
    version = None if row is None else row[0]
    missing = ", ".join(sorted({table for table, _ in _wanted() - there}))
    if version == _newest() and not missing:
        return None
    if version in (None, _newest()):
        what = missing or "alembic_version"
        return f"is damaged: {what} lacks columns or rows; put a copy in the place of {path}"
    return (
        f"was made by another version of MLflow (tables {version}, here {_newest()}): make a copy of "
        f"it, then python -m mlflow db upgrade {SQLITE}{path}"
    )


def _columns(database: sqlite3.Connection) -> set[tuple[str, str]]:
    """All tables' columns."""
    query = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c"
    return set(database.execute(query).fetchall())


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

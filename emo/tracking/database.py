"""Databases of runs: a SQLite file is made with all of its tables or not at all, and checked."""

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
"""Errors of opening a database: it does not exist, is no database, lacks its driver, has a wrong URI."""
BUSY_S = 20
"""Longest wait for the lock of a SQLite file; MLflow waits as long."""
BEING_MADE_S, LONGEST_S = 10, 120
"""Another program is making a file that lacks tables and that changed within the first number of
seconds. The second number is the longest wait for it."""


def create_whole(path: Path, artifacts: Path) -> None:
    """Make a SQLite database if the file does not exist; the caller holds a lock.

    MLflow makes its tables in some forty steps, and cannot open a file that a kill left between two
    steps. The tables are therefore made under a temporary name. If another program, such as an
    ``mlflow ui`` started by hand, makes the file meanwhile, that file stays.
    """
    if path.exists():
        return
    for leftover in path.parent.glob(f".{path.name}-*"):  # of killed processes
        leftover.unlink(missing_ok=True)
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
    """Refuse a SQLite file that is no database with all tables of this version of MLflow.

    Nothing is written. If another program is making the file at this moment, this waits for it.

    Raises
    ------
    TrackingError
        Beginning with what is wrong.
    sqlite3.Error, OSError
        If the file cannot be read (``UNUSABLE``).
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
    """The problem of a file that lacks tables and has no run; None for every other file."""
    if path.stat().st_size == 0:
        return "is empty, since a start was interrupted"
    with closing(connect(path)) as database:
        present = _columns(database)
        logged = ("runs", "run_uuid") in present and database.execute(
            "SELECT 1 FROM runs"
        ).fetchone()
    if logged or _wanted() <= present:
        return None
    return "lacks tables and has no run, since its making was interrupted"


def _damage(path: Path) -> str | None:
    """The problem of a database that was complete once; None if it has none."""
    with closing(connect(path)) as database:
        present = _columns(database)
        versioned = ("alembic_version", "version_num") in present
        row = database.execute("SELECT * FROM alembic_version").fetchone() if versioned else None
    version = None if row is None else row[0]
    missing = ", ".join(sorted({table for table, _ in _wanted() - present}))
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
    """All columns, as (table, column)."""
    query = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c"
    return set(database.execute(query).fetchall())


def connect(path: Path) -> sqlite3.Connection:
    """A connection to an existing file; it only reads a file that may not be written."""
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
    """Whether a database that is no SQLite file has MLflow's tables.

    The database is asked once; MLflow would ask for over a minute.

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

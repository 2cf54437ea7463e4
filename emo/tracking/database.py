"""Databases: whether one is there; a SQLite one is with all of its tables, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy
from mlflow.store.db.db_types import DATABASE_ENGINES
from mlflow.store.db.utils import create_sqlalchemy_engine
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy.exc import SQLAlchemyError

SQLITE = "sqlite:///"
UNUSABLE = (SQLAlchemyError, ImportError, OSError, ValueError)
"""What opening a database raises: it is not there or none, its driver is missing, its URI is wrong."""


def create_whole(uri: str, artifacts: Path) -> None:
    """Make the database of a SQLite URI where there is none; the caller holds a lock.

    MLflow makes its tables in some forty steps, and cannot open what a kill between two of them
    leaves: so they are made under a temporary name.
    """
    path = Path(uri.removeprefix(SQLITE))
    if not uri.startswith(SQLITE) or path.exists() or not path.parent.is_dir() or "?" in uri:
        return
    for left in path.parent.glob(f".{path.name}-*"):  # of processes that were killed here
        left.unlink()
    partial = path.with_name(f".{path.name}-{os.getpid()}")
    store = SqlAlchemyStore(f"{SQLITE}{partial}", str(artifacts))
    store.engine.dispose()
    partial.rename(path)


def require_database(uri: str) -> None:
    """Ask a database once whether it is there: MLflow asks ten times, for more than a minute and a half.

    Raises
    ------
    SQLAlchemyError, ImportError, OSError, ValueError
        If it cannot be used (``UNUSABLE``).
    """
    missing = uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists()
    if missing or not uri.startswith(tuple(DATABASE_ENGINES)):
        return
    engine = create_sqlalchemy_engine(uri)
    try:
        sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()

"""A SQLite database that is there with all of its tables, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

SQLITE = "sqlite:///"


def create_whole(uri: str, artifacts: Path) -> None:
    """Make the database of a SQLite URI where there is none; the caller holds a lock.

    MLflow makes its tables in some forty steps, and cannot open what a kill between two of them
    leaves: so they are made under a temporary name.
    """
    path = Path(uri.removeprefix(SQLITE))
    if not uri.startswith(SQLITE) or path.exists() or not path.parent.is_dir():
        return
    for left in path.parent.glob(f".{path.name}-*"):  # of processes that were killed here
        left.unlink()
    partial = path.with_name(f".{path.name}-{os.getpid()}")
    store = SqlAlchemyStore(f"{SQLITE}{partial}", str(artifacts))
    store.engine.dispose()
    partial.rename(path)

"""Projects that were moved or copied: the new places of their runs' files and of their results.

MLflow keeps the absolute folder of every run and experiment. If the database belongs to the project,
files are read and written by the run's id below ``mlruns/artifacts``, whatever folder the database
names. The folders in the database are updated, since MLflow's pages use them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from emo.config.schema import RunConfig
from emo.tracking.addresses import SQLITE, home, local_path
from emo.tracking.database import connect
from emo.tracking.record import PARENT
from emo.tracking.spool import Entry


def inside(config: RunConfig, path: Path) -> bool:
    """Whether a database lies in the project, and therefore moves with it."""
    return any(path.is_relative_to(folder) for folder in (home(config), Path(config.root)))


def settle(path: Path, artifacts: Path) -> list[str]:
    """Point a project's database to ``artifacts``; returns the places that it named before.

    These are the folder for which the database was made, and each folder ``mlruns/artifacts`` of an
    experiment whose files do not exist there, or exist here. A place that a user chose stays. The
    change is one transaction; the caller holds a lock.

    Raises
    ------
    sqlite3.Error
        If the database cannot be read or written.
    """
    with closing(connect(path)) as database, database:
        if not _moved(database, artifacts):  # without the lock of a writer
            return []
        database.execute("BEGIN IMMEDIATE")
        moved = _moved(database, artifacts)
        for place in moved:
            for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (str(artifacts), len(place) + 1, place, len(place) + 1, f"{place}/"),
                )
    return moved


def _moved(database: sqlite3.Connection, artifacts: Path) -> list[str]:
    return [place for place in _former(database, artifacts) if not same(place, artifacts)]


def _former(database: sqlite3.Connection, artifacts: Path) -> list[str]:
    """Places that were the ``artifacts`` of a project, each once."""
    query = "SELECT experiment_id, artifact_location FROM experiments ORDER BY experiment_id"
    places: dict[str, None] = {}
    for number, location in database.execute(query).fetchall():
        place = location.removesuffix("/0") if number == 0 else location
        if place in places or (place != location and Path(place).name != "artifacts"):
            continue
        if number == 0:  # MLflow's own experiment: made with the database
            known = place != location
        else:
            ids = database.execute(
                "SELECT run_uuid FROM runs WHERE experiment_id = ?", (number,)
            ).fetchall()
            known = _is_named_so(place) and (not _exists(place) or _any_here(artifacts, ids))
        if known and local_path(place) is not None:
            places[place] = None
    return list(places)


def _is_named_so(place: str) -> bool:
    return Path(place).parts[-2:] == ("mlruns", "artifacts")


def _exists(place: str) -> bool:
    folder = local_path(place)
    return folder is not None and folder.is_dir()


def _any_here(artifacts: Path, ids: Sequence[tuple[str]]) -> bool:
    return any((artifacts / run_id).is_dir() for (run_id,) in ids)


def same(place: str, artifacts: Path) -> bool:
    """Whether a place is the folder ``artifacts``, also through links or another mount."""
    folder = local_path(place)
    assert folder is not None
    if os.path.realpath(folder) == os.path.realpath(artifacts):
        return True
    try:
        return folder.samefile(artifacts)
    except OSError:
        return False


def came_from(config: RunConfig, entry: Entry) -> str:
    """The address of the store that a spooled entry is for.

    The address in the entry may name the project's database in its former place. Then the database
    here is meant: it has the run of the entry, or the parent of that run.

    Raises
    ------
    TrackingError
        If ``mlruns`` cannot be a folder.
    """
    database = home(config) / "mlflow.db"
    ids = [run_id for run_id in (entry.run_id, entry.tags.get(PARENT)) if run_id]
    if not entry.uri.startswith(f"{SQLITE}/"):
        return entry.uri
    former = Path(entry.uri.removeprefix(SQLITE))
    gone = former.parts[-2:] == ("mlruns", "mlflow.db") and not former.exists()
    if gone or (database.is_file() and _has_run(database, ids)):
        return f"{SQLITE}mlruns/mlflow.db"
    return entry.uri


def _has_run(path: Path, ids: Sequence[str]) -> bool:
    try:
        with closing(connect(path)) as database:
            marks = ", ".join("?" * len(ids))
            query = f"SELECT 1 FROM runs WHERE run_uuid IN ({marks})"
            return database.execute(query, ids).fetchone() is not None
    except sqlite3.Error:  # opening the database will report what is wrong
        return False

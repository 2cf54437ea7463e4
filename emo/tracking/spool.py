"""Results that a tracking store could not take: kept in a folder until ``job=sync`` delivers them.

One folder an entry, written under a temporary name and renamed: an entry is whole or not there.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from emo.passwords import without_password
from emo.tracking.record import RunRecord

PARTIAL, DELIVERED = ".partial-", ".delivered-"
STALE_S = 24 * 3600
"""From what age a half-written entry is one of a process that was killed: writing takes minutes."""


@dataclass(frozen=True)
class Entry:
    """One run that waits: what is to be logged, and where."""

    uri: str
    """The store, without a password."""
    experiment: str
    run_id: str | None
    """The run that was opened there; None if the store was away from the start."""
    name: str
    tags: dict[str, str]
    record: RunRecord
    start_ms: int
    end_ms: int
    id: str = ""
    """Its folder's name; a run made for it carries it as the tag ``spool``."""
    status: str = "FINISHED"
    """How the run ended, in MLflow's words."""
    error: str | None = None
    """One line, where it did not finish."""


class Spool:
    """The folder of entries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, entry: Entry, files: Path | None) -> Path:
        """Keep an entry and a copy of its files; the folder.

        Raises
        ------
        OSError
            If it cannot be written; nothing is left then.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=self.folder, prefix=PARTIAL))
        try:
            if files is not None:
                shutil.copytree(files, partial / "files")
            else:
                (partial / "files").mkdir()
            named = replace(entry, id=uuid.uuid4().hex, uri=without_password(entry.uri))
            (partial / "entry.json").write_text(_to_json(named), encoding="utf-8")
            return partial.rename(self.folder / named.id)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def entries(self) -> Iterator[Entry]:
        """All entries that can be read, oldest first."""
        yield from self.read()[0]

    def read(self) -> tuple[list[Entry], list[str]]:
        """Entries, oldest first, and one line for each folder that holds none that can be read."""
        found, problems = [], []
        for folder in sorted(self.folder.glob("[!.]*/")):
            try:
                found.append(_from_json(folder / "entry.json"))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                problems.append(f"{folder} cannot be read: {type(error).__name__}: {error}")
        return sorted(found, key=lambda entry: entry.end_ms), problems

    def files(self, entry: Entry) -> Path:
        """The folder of an entry's files."""
        return self.folder / entry.id / "files"

    def remove(self, entry: Entry) -> None:
        """Drop a delivered entry: renamed first, so that it is whole or gone."""
        gone = (self.folder / entry.id).rename(self.folder / f"{DELIVERED}{entry.id}")
        shutil.rmtree(gone)

    def clean(self) -> None:
        """Remove what kills left behind; the caller is the only one who delivers."""
        for folder in self.folder.glob(f"{PARTIAL}*"):
            with suppress(FileNotFoundError):  # finished and renamed at this moment
                if time.time() - folder.stat().st_mtime > STALE_S:
                    shutil.rmtree(folder, ignore_errors=True)
        for folder in self.folder.glob(f"{DELIVERED}*"):
            shutil.rmtree(folder, ignore_errors=True)


def _to_json(entry: Entry) -> str:
    content = asdict(entry)
    content["record"]["metrics"] = {
        k: None if v is None else float(v) for k, v in entry.record.metrics.items()
    }
    content["record"]["curves"] = {k: v.tolist() for k, v in entry.record.curves.items()}
    return json.dumps(content)


def _from_json(path: Path) -> Entry:
    content = json.loads(path.read_text(encoding="utf-8"))
    record = content.pop("record")
    record["curves"] = {k: np.array(v, np.float64) for k, v in record["curves"].items()}
    if record["dataset"] is not None:
        record["dataset"] = tuple(record["dataset"])
    return Entry(record=RunRecord(**record), **content)

"""Results that a tracking store could not take: kept in a folder until ``job=sync`` delivers them.

One folder an entry, written under a temporary name and renamed: an entry is whole or not there. Its
name is made here, and nothing that a run is called becomes a path. The entry's own checksums are
beside it, so that damage is noticed before anything is sent.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from emo.errors import DamagedFile
from emo.files import checksums
from emo.files.plain_records import plain
from emo.files.reading import reads, record_of
from emo.files.whole import new_folder, remove_leftovers
from emo.redact import without_password
from emo.tracking.record import RunRecord

ENTRY, FILES = "entry.json", "files"
DELIVERED = ".delivered-"
NAME = re.compile("[0-9a-f]{32}")
"""What the folder of an entry is called."""
LATEST_MS = 2**53


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
    status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED"
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
        named = replace(entry, id=uuid.uuid4().hex, uri=without_password(entry.uri))
        remove_leftovers(self.folder)
        with new_folder(self.folder) as partial:
            if files is None:
                (partial / FILES).mkdir()
            else:
                shutil.copytree(files, partial / FILES)
            checksums.write_checksums(partial / FILES)
            (partial / ENTRY).write_text(_to_json(named), encoding="utf-8")
            checksums.write_checksums(partial)
            return partial.rename(self.folder / named.id)

    def entries(self) -> Iterator[Entry]:
        """All entries that can be sent, oldest first."""
        yield from self.read()[0]

    def read(self) -> tuple[list[Entry], list[str]]:
        """Entries, oldest first, and one line for each thing in the folder that is none or damaged."""
        found, problems = [], []
        for folder in sorted(self.folder.glob("[!.]*")):
            try:
                found.append(_read(folder))
            except (OSError, ValueError, DamagedFile) as error:
                said = error.strerror if isinstance(error, OSError) else str(error)
                problems.append(f"{folder} cannot be sent: {said} (delete it to give it up)")
        return sorted(found, key=lambda entry: entry.end_ms), problems

    def files(self, entry: Entry) -> Path:
        """The folder of an entry's files."""
        return self.folder / entry.id / FILES

    def remove(self, entry: Entry) -> None:
        """Drop a delivered entry: renamed first, so that it is whole or gone."""
        gone = (self.folder / entry.id).rename(self.folder / f"{DELIVERED}{entry.id}")
        shutil.rmtree(gone)

    def clean(self) -> None:
        """Remove what kills left behind; the caller is the only one who delivers."""
        remove_leftovers(self.folder)
        for folder in self.folder.glob(f"{DELIVERED}*"):
            shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> Entry:
    """An entry that has everything it had when it was kept.

    Raises
    ------
    OSError, ValueError, DamagedFile
        If it has not, or is none.
    """
    if not NAME.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
        raise ValueError("it is no entry of this folder")
    if (wrong := checksums.difference(folder)) is not None:
        raise ValueError(wrong)
    entry = _from_json(folder / ENTRY)
    if entry.id != folder.name:
        raise ValueError(f"{ENTRY} is that of another entry")
    if not (folder / FILES).is_dir():
        raise ValueError(f"its folder {FILES} is missing")
    if (wrong := checksums.difference(folder / FILES)) is not None:
        raise ValueError(f"{FILES}: {wrong}")
    return entry


def _to_json(entry: Entry) -> str:
    metrics = {k: None if v is None else float(v) for k, v in entry.record.metrics.items()}
    numbers = replace(entry.record, metrics=metrics)  # numpy's and Python's own become one type
    return json.dumps(plain(replace(entry, record=numbers), nan_as_null=False))


@reads
def _from_json(path: Path) -> Entry:
    entry: Entry = record_of(Entry, path, finite=False)
    if not 0 <= entry.start_ms <= entry.end_ms < LATEST_MS:
        raise ValueError(f"from {entry.start_ms} to {entry.end_ms} ms is no time")
    return entry

"""Results that a tracking store could not take, kept in a folder until ``job=sync`` delivers them.

Each entry is a folder that is written under a temporary name and then renamed, so an entry is complete
or does not exist. The name is random: no name of a run becomes a path. The checksums of the entry lie
in its folder, so that damage is noticed before anything is sent.
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
"""Names of the folders of entries."""
LATEST_MS = 2**53


@dataclass(frozen=True)
class Entry:
    """A run that waits for its store: its record and its destination."""

    uri: str
    """The address of the store, without a password."""
    experiment: str
    run_id: str | None
    """The run that was opened in the store; None if the store did not answer from the start."""
    name: str
    tags: dict[str, str]
    record: RunRecord
    start_ms: int
    end_ms: int
    id: str = ""
    """The name of its folder, and the tag ``spool`` of a run that is made for it."""
    status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED"
    """How the run ended, in MLflow's words."""
    error: str | None = None
    """The reason in one line, if the run did not finish."""


class Spool:
    """The folder of entries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, entry: Entry, files: Path | None) -> Path:
        """Keep an entry and a copy of its files; returns their folder.

        Raises
        ------
        OSError
            If they cannot be written; then nothing of them remains.
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
        """Entries, oldest first, and one line per thing in the folder that is damaged or no entry."""
        entries, problems = [], []
        for folder in sorted(self.folder.glob("[!.]*")):
            try:
                entries.append(_read(folder))
            except (OSError, ValueError, DamagedFile) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                problems.append(f"{folder} cannot be sent: {reason} (delete it to give it up)")
        return sorted(entries, key=lambda entry: entry.end_ms), problems

    def files(self, entry: Entry) -> Path:
        """The folder of an entry's files."""
        return self.folder / entry.id / FILES

    def remove(self, entry: Entry) -> None:
        """Remove a delivered entry, which is renamed first so that no part of it remains an entry."""
        gone = (self.folder / entry.id).rename(self.folder / f"{DELIVERED}{entry.id}")
        shutil.rmtree(gone)

    def clean(self) -> None:
        """Remove the leftovers of killed processes; no other process may deliver at the same time."""
        remove_leftovers(self.folder)
        for folder in self.folder.glob(f"{DELIVERED}*"):
            shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> Entry:
    """The entry in a folder, complete and unchanged.

    Raises
    ------
    OSError, ValueError, DamagedFile
        If it is damaged, or no entry.
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

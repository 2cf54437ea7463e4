"""Optuna's journal of a study, which stays complete after a full disk, a power cut or a kill.

A journal is a file of JSON lines to which lines are only appended. Optuna's own backend appends after
half a line, which ends the study for good, and reads a lost line as a trial without a parameter.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._storage import JournalOperation

from emo.errors import EmoError

log = logging.getLogger(__name__)

CUT = ".cut"
"""Ends the name of the file that keeps the part that was cut off a journal."""
SUM = re.compile(rb',"sum":"([0-9a-f]{8})"\}\n$')
"""Ends each line: a checksum of the line and of the line before, which shows a change or a loss."""
LONGEST = 1 << 20
"""Most bytes of a line; lines of Optuna have hundreds."""
AFRESH = (
    "move the file away to begin the study anew: its texts and activations are in the store, so that "
    "only the trials are computed again"
)


class Journal(JournalFileBackend):
    """A journal file that is checked when it is opened and repaired before it is written.

    Raises
    ------
    EmoError
        If the path is no file, or a line is damaged or missing.
    OSError
        If the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_file():
            raise EmoError(
                f"job.sensitivity.storage={path}: allowed is a file or a name that is free"
            )
        super().__init__(str(path))
        with self._locked() as file:
            self._mend(file)
            self._check()

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """The entries from this number on, in the form that Optuna replays."""
        try:
            yield from super().read_logs(log_number_from)
        except ValueError as error:
            with self._locked():
                self._check()
            raise self._damaged(f"cannot be read ({error})") from error

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write all entries or none."""
        try:
            with self._locked() as file:
                self._mend(file)
                sum_before = _last_sum(file)
                lines = bytearray()
                for entry in logs:
                    line, sum_before = _summed(entry, sum_before)
                    lines += line
                end = file.seek(0, os.SEEK_END)
                try:
                    _write(file, lines)
                except BaseException:
                    file.truncate(end)
                    raise
        except OSError as error:
            raise EmoError(
                f"job.sensitivity.storage={self.path}: cannot be written: "
                f"{error.strerror or error}; the study so far is complete: the same command "
                "continues it once this is solved"
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        """The locked file; the operating system releases the lock if the process dies."""
        with self.path.open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _mend(self, file: IO[bytes]) -> None:
        """Cut off a last line that is not complete, and keep it beside the journal."""
        rest = _unfinished(file)
        if not rest:
            return
        if len(rest) > LONGEST:
            raise self._damaged("its end is no entry of a study")
        kept = self.path.with_name(self.path.name + CUT)
        with kept.open("ab", buffering=0) as aside:
            _write(aside, rest + b"\n")
        file.truncate(file.seek(-len(rest), os.SEEK_END))
        log.warning(
            "%s: its last line was not written to its end: cut off, kept in %s",
            self.path,
            kept.name,
        )

    def _check(self) -> None:
        """Refuse a journal with a damaged or a missing line, naming it; the caller holds the lock."""
        sum_before = 0
        known = _Known()
        with self.path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST), b""), 1):
                try:
                    follows = known.follows(json.loads(line))
                except (ValueError, KeyError, TypeError, RecursionError):
                    raise self._damaged(f"line {number} is no entry of a study") from None
                if ending := SUM.search(line):  # earlier versions and optuna-dashboard write none
                    sum_before = zlib.crc32(line[: ending.start()], sum_before)
                    follows = follows and sum_before == int(ending[1], 16)
                if not follows:
                    raise self._damaged(
                        f"line {number} does not follow from those before: one of them was changed, "
                        "or lines between them are missing"
                    )

    def _damaged(self, what: str) -> EmoError:
        return EmoError(f"job.sensitivity.storage={self.path}: {what}; {AFRESH}")


class _Known:
    """The studies and trials that the lines of a journal have created so far."""

    def __init__(self) -> None:
        self.studies: set[str] = set()
        self.trials = 0

    def follows(self, entry: dict[str, Any]) -> bool:
        """Whether an entry is about an existing study or trial; Optuna ignores other entries."""
        operation = JournalOperation(entry["op_code"])
        if operation is JournalOperation.CREATE_STUDY:
            self.studies.add(entry["study_name"])
        known = (
            entry.get("study_id", -1) < len(self.studies)
            and entry.get("trial_id", -1) < self.trials
        )
        self.trials += operation is JournalOperation.CREATE_TRIAL
        return known


def _summed(entry: dict[str, Any], sum_before: int) -> tuple[bytes, int]:
    """An entry's line and its checksum."""
    text = json.dumps(entry, separators=(",", ":")).encode().removesuffix(b"}")
    checksum = zlib.crc32(text, sum_before)
    return text + f',"sum":"{checksum:08x}"}}\n'.encode(), checksum


def _last_sum(file: IO[bytes]) -> int:
    """The checksum of the last line that has one; 0 if no line has one."""
    for line in _lines_from_the_end(file):
        if ending := SUM.search(line):
            return int(ending[1], 16)
    return 0


def _unfinished(file: IO[bytes]) -> bytes:
    """The text after the last line break; at most its end of about ``LONGEST`` bytes."""
    last = next(_lines_from_the_end(file), b"")
    return b"" if last.endswith(b"\n") else last


def _lines_from_the_end(file: IO[bytes], chunk: int = 1 << 14) -> Iterator[bytes]:
    """The lines of a file with their line breaks, last line first, up to a line that is too long."""
    start = file.seek(0, os.SEEK_END)
    rest = b""
    while start > 0 and len(rest) <= LONGEST:
        length = min(chunk, start)
        start = file.seek(start - length)
        rest, *lines = (file.read(length) + rest).split(b"\n")
        if lines:
            *whole, last = lines
            yield from ([last] if last else [])
            yield from (line + b"\n" for line in reversed(whole))
            rest += b"\n"
    if rest:
        yield rest


def _write(file: IO[bytes], content: bytes | bytearray) -> None:
    """Write all of the content to the disk."""
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]
    os.fsync(file.fileno())

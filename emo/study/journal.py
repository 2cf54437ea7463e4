"""Optuna's journal of a study, one that a full disk, a power cut or a kill inside a write leaves whole.

A journal is a file of JSON lines that is only ever appended to. Optuna's own backend appends behind
half a line, which ends the study for good, and takes a lost line for a trial without a parameter.
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
"""Ends the name of the file that keeps what was cut off a journal."""
SUM = re.compile(rb',"sum":"([0-9a-f]{8})"\}\n$')
"""Ends each line: a checksum of the line and of the one before, so that none is changed or lost."""
LONGEST = 1 << 20
"""Bytes of a line: Optuna's have hundreds."""
AFRESH = (
    "move the file away to begin the study anew: its texts and activations are in the store, so that "
    "only the trials are computed again"
)


class Journal(JournalFileBackend):
    """A journal file that is checked when it is opened and mended before it is written.

    Raises
    ------
    EmoError
        If it is no file, or a line of it is damaged or missing.
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_file():
            raise EmoError(
                f"job.sensitivity.storage={path}: allowed is a file or a name that is free"
            )
        super().__init__(str(path))
        with self._alone() as file:
            self._mend(file)
            self._check()

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """The entries from a number on, as Optuna replays them."""
        try:
            yield from super().read_logs(log_number_from)
        except ValueError as error:
            with self._alone():
                self._check()
            raise self._damaged(f"cannot be read ({error})") from error

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write entries, all of them or none."""
        try:
            with self._alone() as file:
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
                f"job.sensitivity.storage={self.path}: cannot be written: {error.strerror or error}; "
                "what is there is whole: the same command goes on from it when this is mended"
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[IO[bytes]]:
        """The file, locked; the operating system gives the lock back if its process dies."""
        with self.path.open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _mend(self, file: IO[bytes]) -> None:
        """Cut off the end of a line that was not written to its end, and keep it beside the journal."""
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
        there = _There()
        with self.path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST), b""), 1):
                try:
                    follows = there.follows(json.loads(line))
                except (ValueError, KeyError, TypeError, RecursionError):
                    raise self._damaged(f"line {number} is no entry of a study") from None
                if found := SUM.search(line):  # not of an earlier version, or of optuna-dashboard
                    sum_before = zlib.crc32(line[: found.start()], sum_before)
                    follows = follows and sum_before == int(found[1], 16)
                if not follows:
                    raise self._damaged(
                        f"line {number} does not follow from those before: one of them was changed, "
                        "or lines between them are missing"
                    )

    def _damaged(self, what: str) -> EmoError:
        return EmoError(f"job.sensitivity.storage={self.path}: {what}; {AFRESH}")


class _There:
    """The studies and trials that the lines of a journal have made so far."""

    def __init__(self) -> None:
        self.studies: set[str] = set()
        self.trials = 0

    def follows(self, entry: dict[str, Any]) -> bool:
        """Whether an entry is about a study or trial that is there; Optuna passes others over."""
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
    """The checksum of the last line that has one; 0 if none has."""
    for line in _lines_from_the_end(file):
        if found := SUM.search(line):
            return int(found[1], 16)
    return 0


def _unfinished(file: IO[bytes]) -> bytes:
    """What stands behind the last end of a line; of more than ``LONGEST`` bytes the end."""
    last = next(_lines_from_the_end(file), b"")
    return b"" if last.endswith(b"\n") else last


def _lines_from_the_end(file: IO[bytes], chunk: int = 1 << 14) -> Iterator[bytes]:
    """The lines of a file, the last one first, with their ends, as far as one is too long."""
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
    """All of the content, on the disk."""
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]
    os.fsync(file.fileno())

"""Shards of a store: files named by the sha256 of their bytes, written whole, checked when read.

A damaged shard (its bytes do not match its name, or they cannot be parsed) is renamed, and its
content is computed again. A shard that cannot be opened (another user's, an unreachable disk) is not
touched; one line is logged, and its content is computed again.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeVar

from emo.errors import DamagedFile, StoreError
from emo.files.json_digests import Subject, json_digest, json_text
from emo.files.reading import undamaged
from emo.files.whole import remove_leftovers, write_whole

log = logging.getLogger(__name__)

T = TypeVar("T")


class Shards:
    """The shards of one reader.

    Parameters
    ----------
    root
        The folder of all stores (``paths.store``).
    reader
        Everything besides the keys that decides the content of the shards; names their folder.
    suffix
        Extension of the shards' names, with its dot.

    Raises
    ------
    StoreError
        If the folder cannot be written to.
    """

    def __init__(self, root: Path, reader: Mapping[str, object], suffix: str) -> None:
        text = json_text(Subject.reader, reader)
        self._root, self._suffix = root, suffix
        self.folder = root / json_digest(Subject.reader, reader)[:24]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for place in (root, self.folder):
                remove_leftovers(place)
            if not (self.folder / "reader.json").exists():
                write_whole(self.folder / "reader.json", text.encode(), root)
        except OSError as error:
            raise StoreError(
                f"paths.store={root}: not writable ({error.strerror}); give another folder"
            ) from error

    def add(self, content: bytes, kept: str) -> None:
        """Write one shard.

        Raises
        ------
        StoreError
            If it cannot be written; ``kept`` tells the user what is not lost.
        """
        target = self.folder / f"{hashlib.sha256(content).hexdigest()}{self._suffix}"
        try:
            if not target.exists():
                write_whole(target, content, self._root)
        except OSError as error:
            raise StoreError(
                f"paths.store={self._root}: cannot write {len(content) / 2**20:.1f} MiB "
                f"({error.strerror}); {kept}"
            ) from error

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """One pass over the shards; one line at its end names those that could not be opened."""
        reading = Reading(sorted(self.folder.glob(f"*{self._suffix}")))
        yield reading
        if reading.unreadable:
            path, error = reading.unreadable[0]
            log.warning(
                "paths.store=%s: %d entries cannot be read (%s: %s%s); what they hold is computed again",
                self._root,
                len(reading.unreadable),
                path.relative_to(self._root),
                error.strerror,
                _owner(path),
            )


@dataclass
class Reading:
    """One pass over shards."""

    paths: list[Path]
    unreadable: list[tuple[Path, OSError]] = field(default_factory=list)
    """Shards that could not be opened."""

    def part(self, path: Path, reader: Callable[[BinaryIO], T]) -> T | None:
        """What ``reader`` returns for the open shard; None if the shard is damaged.

        The bytes are not compared with the name.
        """
        inode = None
        try:
            with undamaged(path), path.open("rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                return reader(file)
        except FileNotFoundError:  # renamed by another process, or a link to nowhere
            if path.is_symlink():
                _set_aside(path, None)
        except DamagedFile:
            _set_aside(path, inode)
        except OSError as error:
            self.unreadable.append((path, error))
        return None

    def whole(self, path: Path, reader: Callable[[bytes], T]) -> T | None:
        """What ``reader`` returns for the bytes of a shard; None if it is damaged.

        The bytes are compared with the name first.
        """

        def read(file: BinaryIO) -> T:
            content = file.read()
            if hashlib.sha256(content).hexdigest() != path.stem:
                raise ValueError("its bytes do not fit its name")
            return reader(content)

        return self.part(path, read)


def _set_aside(path: Path, inode: int | None) -> None:
    """Rename a damaged shard, unless another process has renamed or replaced it."""
    with suppress(OSError):
        if inode is None or path.stat().st_ino == inode:
            log.warning("damaged store entry %s: set aside, its texts are done again", path.name)
            path.rename(path.with_suffix(".damaged"))


def _owner(path: Path) -> str:
    with suppress(OSError, KeyError, ImportError):
        import pwd

        return f", of {pwd.getpwuid(path.stat().st_uid).pw_name}"
    return ""

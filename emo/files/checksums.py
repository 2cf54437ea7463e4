"""Checksums of files: a list of all files of a folder, written as one JSON file beside them."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from emo.files.reading import record_of

NAME = "checksums.json"


@dataclass(frozen=True)
class Checksum:
    """What a file is known by."""

    sha256: str
    bytes: int


def sha256_of(path: Path) -> str:
    """The digest of a file's bytes, in hexadecimal digits; a file that has not changed is read once.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    state = path.stat()
    return _known(path, state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _known(path: Path, _inode: int, _size: int, _mtime_ns: int) -> str:
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums_of(folder: Path) -> dict[str, Checksum]:
    """Every file in a folder and its subfolders but the list itself, by its path from there.

    Paths are written with ``/``, and sorted.

    Raises
    ------
    OSError
        If one cannot be read.
    ValueError
        If something in it is neither a file nor a folder: a link, a pipe.
    """
    if folder.is_symlink():
        raise ValueError(f"{folder.name} is no folder")
    found: dict[str, Checksum] = {}
    for where, folders, files in os.walk(folder, onerror=_raise):
        for name in [*folders, *files]:
            path = Path(where, name)
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise ValueError(f"{path.relative_to(folder).as_posix()} is no file")
        for path in (Path(where, name) for name in files):
            # Not sha256_of: of two files written within one tick of the clock it knows one.
            checksum = Checksum(_sha256(path), path.stat().st_size)
            found[path.relative_to(folder).as_posix()] = checksum
    found.pop(NAME, None)
    return dict(sorted(found.items()))


def _raise(error: OSError) -> None:
    raise error


def write_checksums(folder: Path) -> str | None:
    """Write the list of a folder's files into it; the digest of the list, None if there are no files.

    Raises
    ------
    OSError, ValueError
        As :func:`checksums_of`; and if the list cannot be written.
    """
    listed = checksums_of(folder)
    if not listed:
        return None
    text = json.dumps({name: asdict(c) for name, c in listed.items()}, indent=1) + "\n"
    path, content = folder / NAME, text.encode()
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def read_checksums(path: Path) -> dict[str, Checksum]:
    """What :func:`write_checksums` wrote.

    Raises
    ------
    DamagedFile
        If it is something else.
    """
    return record_of(dict[str, Checksum], path)


def difference(folder: Path) -> str | None:
    """In words, where a folder is not as its list says; None where it is, or has no list.

    Raises
    ------
    OSError, ValueError, DamagedFile
        As :func:`checksums_of` and :func:`read_checksums`.
    """
    found = checksums_of(folder)
    if not (folder / NAME).exists():
        return None
    known = read_checksums(folder / NAME)
    for name in sorted(known.keys() | found.keys()):
        if name not in found:
            return f"{name} is missing"
        if name not in known:
            return f"{name} does not belong there"
        if known[name] != found[name]:
            return f"{name} is damaged"
    return None

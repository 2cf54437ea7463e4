"""Checksums of all files of a folder, kept in one JSON file in the folder."""

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
    """The digest and the size of a file."""

    sha256: str
    bytes: int


def sha256_of(path: Path) -> str:
    """The digest of a file's bytes, in hexadecimal digits; an unchanged file is read once.

    Raises
    ------
    OSError
        If the file cannot be read.
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
    """Path -> checksum of every file in a folder and its subfolders, except the list itself.

    Paths are relative to the folder, use ``/`` and are sorted.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If the folder holds something that is neither a file nor a folder: a link, a pipe.
    """
    # Not sha256_of: it takes two files written within one tick of the clock for one.
    return {
        name: Checksum(_sha256(folder / name), size) for name, size in _sizes_of(folder).items()
    }


def _sizes_of(folder: Path) -> dict[str, int]:
    """Path -> bytes of the files whose checksums :func:`checksums_of` gives; no file is read."""
    if folder.is_symlink():
        raise ValueError(f"{folder.name} is no folder")
    sizes: dict[str, int] = {}
    for where, folders, files in os.walk(folder, onerror=_raise):
        for name in [*folders, *files]:
            path = Path(where, name)
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise ValueError(f"{path.relative_to(folder).as_posix()} is no file")
        for path in (Path(where, name) for name in files):
            sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
    sizes.pop(NAME, None)
    return dict(sorted(sizes.items()))


def _raise(error: OSError) -> None:
    raise error


def write_checksums(folder: Path) -> str | None:
    """Write the list of a folder's files into the folder.

    Returns the digest of the list; None if the folder has no files.

    Raises
    ------
    OSError, ValueError
        As :func:`checksums_of`, and if the list cannot be written.
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
    """Path -> checksum, as :func:`write_checksums` wrote them.

    Raises
    ------
    DamagedFile
        If the file holds something else.
    """
    return record_of(dict[str, Checksum], path)


def difference(folder: Path) -> str | None:
    """The first difference between a folder and its list, in words.

    None if there is no difference, or no list. A file is read only where every size is that of the list:
    a file that has grown out of bounds would be read for hours.

    Raises
    ------
    OSError, ValueError, DamagedFile
        As :func:`checksums_of` and :func:`read_checksums`.
    """
    sizes = _sizes_of(folder)
    if not (folder / NAME).exists():
        return None
    known = read_checksums(folder / NAME)
    for name in sorted(known.keys() | sizes.keys()):
        if name not in sizes:
            return f"{name} is missing"
        if name not in known:
            return f"{name} does not belong there"
        if known[name].bytes != sizes[name]:
            return f"{name} is damaged"
    wrong = (name for name in sizes if known[name].sha256 != _sha256(folder / name))
    return next((f"{name} is damaged" for name in wrong), None)

"""Digests of model files over every byte; those of large files are kept between starts."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import time
from pathlib import Path

from emo.files.json_digests import Subject, json_digest
from emo.models.folders import ModelFolder

log = logging.getLogger(__name__)

LARGE = 1 << 20
"""File size in bytes from which digests are kept; reading 15 GB takes seconds to minutes."""
WAIT_FOR = 1 << 30
"""File size in bytes from which a log line says that the file is being read."""
SETTLED_S = 2.0
"""Seconds after which a change of a file surely shows in its times; file systems have coarse clocks."""
KEPT = "digests"
"""Name of the folder of digests in ``paths.weights``."""


def folder_digest(folder: ModelFolder, cache: Path | None = None) -> str:
    """Digest of the names and contents of the files that are loaded from a folder.

    ``cache`` is the folder that keeps the digests of large files.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.files):
        name = path.relative_to(folder.path).as_posix()
        digest.update(f"{name}\x1f{file_digest(path, cache)}\n".encode())
    return digest.hexdigest()


def file_digest(path: Path, cache: Path | None = None) -> str:
    """sha256 of a file's content, kept in ``cache`` under the file's path, size, times and inode.

    A change of the file changes at least one of these. The digest is kept only if the last change is
    more than ``SETTLED_S`` ago.
    """
    stat = path.stat()
    if cache is None or stat.st_size < LARGE:
        return _read(path, stat.st_size)
    state = (str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    kept = cache / KEPT / json_digest(Subject.settings, state)[:32]
    with contextlib.suppress(OSError, UnicodeDecodeError):
        digest = kept.read_text("ascii")
        if len(digest) == 64:
            return digest
    value = _read(path, stat.st_size)
    if time.time() - stat.st_ctime > SETTLED_S:
        _keep(kept, value)
    return value


def _read(path: Path, size: int) -> str:
    if size >= WAIT_FOR:
        log.info("reading %s once for its digest (%.1f GB)", path.name, size / 1e9)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _keep(kept: Path, value: str) -> None:
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=".partial-", dir=kept.parent)
        with os.fdopen(handle, "w") as file:
            file.write(value)
        Path(partial).replace(kept)
    except OSError as error:
        log.warning(
            "paths.weights: the digest of a checkpoint cannot be kept there (%s): it is read again at "
            "every start",
            error.strerror or error,
        )

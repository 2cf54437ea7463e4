"""Files of logged runs as paths of this machine, each compared with its logged checksum.

The checksums of a run are its artifact ``checksums.json``, which is sent after all others; the tag
``checksums`` of the run holds the digest of that file. Runs of earlier versions have no such tag: a
file of theirs is good if its reader can read it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from emo.errors import ArtifactError, DamagedFile, NotLogged, TrackingError
from emo.files import checksums
from emo.files.checksums import Checksum, sha256_of
from emo.files.reading import LONGEST_JSON, require_header, undamaged
from emo.files.whole import new_folder, remove_leftovers
from emo.redact import without_password
from emo.tracking.addresses import local_path
from emo.tracking.record import CHECKSUMS

log = logging.getLogger(__name__)

CACHE_BYTES = 5 * 2**30
"""Most bytes of downloads on this disk; a download that was not used for an hour may be removed."""
IN_USE_S = 3600
SHOWN = (".png", ".webp", ".svg", ".html", ".txt", ".md", ".tex")
"""Endings of pictures and pages, which no job reads."""

T = TypeVar("T")


class Artifacts:
    """The files that the runs of one store have logged."""

    def __init__(self, client: MlflowClient, cache: Path) -> None:
        self._client, self._cache = client, cache
        self._known: dict[tuple[str, str], dict[str, Checksum]] = {}

    def path(self, run: Run, name: str) -> Path:
        """The local path of a file as it was logged; the file is downloaded if the store is remote.

        Raises
        ------
        ArtifactError
            If the file is missing or damaged.
        TrackingError
            If the file cannot be read.
        """
        listed = self.checksums(run).get(name)
        return self._fetch(
            run, name, *((None, None) if listed is None else (listed.sha256, listed.bytes))
        )

    def read(self, run: Run, name: str, reader: Callable[[Path], T]) -> T:
        """The value that a reader makes of a file.

        Raises
        ------
        ArtifactError
            If the file is missing or damaged; every error of the reader means damage.
        TrackingError
            If the file cannot be read.
        """
        return _read(run, name, self.path(run, name), reader)

    def check(self, run: Run) -> None:
        """Compare all files that a job may read with their checksums; on a server only their sizes.

        Without checksums only the headers of the tensors are checked.

        Raises
        ------
        ArtifactError
            If a file is missing or damaged.
        TrackingError
            If a file cannot be read.
        """
        listed = self.checksums(run)
        needed = [name for name in listed if not name.endswith(SHOWN)]
        folder = local_path(_uri(run))
        if folder is not None:
            for name in needed:
                self.path(run, name)
            if not listed:
                for path in folder.glob("*.safetensors"):
                    _read(run, path.name, path, require_header)
            return
        sizes = self._sizes(run, needed)
        for name in needed:
            if name not in sizes:
                raise _missing(run, name, listed[name].sha256)
            if sizes[name] not in (None, listed[name].bytes):
                raise ArtifactError(run.info.run_id, name, "is damaged (it has another size)")

    def checksums(self, run: Run) -> Mapping[str, Checksum]:
        """File name -> checksum of a run's files; empty for a run of an earlier version.

        Raises
        ------
        ArtifactError
            If the file of checksums is missing or damaged.
        """
        digest = run.data.tags.get(CHECKSUMS)
        if digest is None:
            return {}
        key = (run.info.run_id, digest)
        if key not in self._known:
            path = self._fetch(run, checksums.NAME, digest, None)
            self._known[key] = _read(run, checksums.NAME, path, checksums.read_checksums)
        return self._known[key]

    def names(self, run: Run) -> list[str]:
        """Names of all files of a run, sorted; without checksums, as the store lists them.

        Raises
        ------
        TrackingError
            If they cannot be had.
        """
        return sorted(self.checksums(run) or self._listed(run, None))

    def _listed(self, run: Run, folder: str | None) -> list[str]:
        try:
            entries = self._client.list_artifacts(run.info.run_id, folder)
        except (OSError, MlflowException) as error:
            raise _unreadable(run, "its list of files", error) from error
        names = []
        for entry in entries:
            names += self._listed(run, entry.path) if entry.is_dir else [entry.path]
        return names

    def _sizes(self, run: Run, names: Iterable[str]) -> dict[str, int | None]:
        """File name -> size of these files, as far as the server has them."""
        sizes: dict[str, int | None] = {}
        try:
            for folder in {name.rpartition("/")[0] for name in names}:
                for entry in self._client.list_artifacts(run.info.run_id, folder or None):
                    sizes[entry.path] = entry.file_size
        except (OSError, MlflowException) as error:
            raise _unreadable(run, "its list of files", error) from error
        return sizes

    def _fetch(self, run: Run, name: str, sha256: str | None, size: int | None) -> Path:
        """The path of a file that equals its checksum, or that has none.

        A file here of another size is not read: one that has grown out of bounds would take hours.
        """
        folder = local_path(_uri(run))
        try:
            if folder is None:
                path, digest = self._download(run, name, sha256)
            else:
                path = folder / name
                if not path.is_file():
                    raise _missing(run, name, sha256)
                size_now = path.stat().st_size
                bounded = size_now <= LONGEST_JSON if size is None else size_now == size
                digest = sha256_of(path) if sha256 is not None and bounded else None
        except (OSError, MlflowException) as error:
            if folder is None and name not in self._sizes(run, [name]):
                raise _missing(run, name, sha256) from error
            raise _unreadable(run, name, error) from error
        if sha256 is not None and digest != sha256:
            reason = "is damaged (its bytes are not those that were logged)"
            raise ArtifactError(run.info.run_id, name, reason)
        return path

    def _download(self, run: Run, name: str, sha256: str | None) -> tuple[Path, str]:
        """The path of a downloaded file and its digest, which is part of the file's name."""
        key = hashlib.sha256(f"{_uri(run)}/{name}".encode()).hexdigest()[:32]
        for path in self._cache.glob(f"{key}-*"):
            digest = path.name.removeprefix(f"{key}-")
            with suppress(OSError):
                if sha256 in (None, digest) and sha256_of(path) == digest:
                    os.utime(path)
                    return path, digest
                path.unlink()
        remove_leftovers(self._cache)
        with new_folder(self._cache) as folder:
            fetched = Path(self._client.download_artifacts(run.info.run_id, name, str(folder)))
            if not fetched.is_file():
                raise _missing(run, name, sha256)
            digest = sha256_of(fetched)
            path = fetched.replace(self._cache / f"{key}-{digest}")
        self._make_room(path)
        return path, digest

    def _make_room(self, kept: Path) -> None:
        """Remove the downloads that were used longest ago until the limit is met."""
        used = []
        for path in self._cache.glob("[!.]*"):
            with suppress(OSError):
                state = path.stat()
                used.append((state.st_mtime, state.st_size, path))
        total = sum(size for _, size, _ in used)
        for mtime, size, path in sorted(used):
            if total <= CACHE_BYTES or time.time() - mtime < IN_USE_S or path == kept:
                return
            with suppress(OSError):
                path.unlink()
                total -= size


def _uri(run: Run) -> str:
    return str(run.info.artifact_uri)


def _read(run: Run, name: str, path: Path, reader: Callable[[Path], T]) -> T:
    """The value that a reader makes of a run's file; each error names the run and the file."""
    try:
        with undamaged(path):
            return reader(path)
    except DamagedFile as error:
        raise ArtifactError(run.info.run_id, name, f"is damaged ({error.reason})") from error
    except OSError as error:
        raise _unreadable(run, name, error) from error


def _missing(run: Run, name: str, sha256: str | None) -> ArtifactError:
    kind = NotLogged if sha256 is None else ArtifactError
    return kind(run.info.run_id, name, f"is missing in {without_password(_uri(run))}")


def _unreadable(run: Run, name: str, error: OSError | MlflowException) -> TrackingError:
    """The error for a file that cannot be read: a missing right, a broken disk, a silent server."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = reason.splitlines() or [type(error).__name__]
    return TrackingError(
        f"run {run.info.run_id}: {name} cannot be read ({lines[0]}); if this happens again, force=true "
        "repeats the run"
    )

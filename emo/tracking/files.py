"""Files of runs whose database is on this machine: one folder per run, by its id."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from mlflow.tracking import MlflowClient

PARTIAL = ".partial-"
"""Begins the folder, beside a run's files, of what is being copied; no reader looks there."""
STALE_S = 24 * 3600
"""From what age such a folder is one of a process that was killed: copying takes minutes."""


class FilesHere(MlflowClient):
    """A client that writes the files of runs below ``folder``, wherever the database says they are."""

    def __init__(self, uri: str, folder: Path) -> None:
        super().__init__(tracking_uri=uri)
        self.folder = folder

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Copy a folder's files to those of a run: all of them, or none where the disk is full.

        Raises
        ------
        OSError
            If they cannot be copied.
        """
        target = files_of(self.folder, run_id) / (artifact_path or "")
        _clean(self.folder / run_id)
        target.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=self.folder / run_id))
        try:
            shutil.copytree(local_dir, partial, dirs_exist_ok=True)
            for source in sorted(partial.rglob("*")):
                if source.is_file():
                    file = target / source.relative_to(partial)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    source.replace(file)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def files_of(folder: Path, run_id: str) -> Path:
    """Where a run's files are."""
    return folder / run_id / "artifacts"


def _clean(run: Path) -> None:
    for partial in run.glob(f"{PARTIAL}*"):
        with suppress(OSError):  # gone at this moment
            if time.time() - partial.stat().st_mtime > STALE_S:
                shutil.rmtree(partial, ignore_errors=True)

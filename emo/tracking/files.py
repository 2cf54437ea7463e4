"""Files of runs whose database is on this machine: one folder per run, named by its id."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlflow.tracking import MlflowClient

from emo.files.whole import new_folder, remove_leftovers


class FilesHere(MlflowClient):
    """A client that writes the files of runs below ``folder``, whatever place the database names."""

    def __init__(self, uri: str, folder: Path) -> None:
        super().__init__(tracking_uri=uri)
        self.folder = folder

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Copy the files of a folder to a run: all of them, or none if the disk is full.

        Raises
        ------
        OSError
            If the files cannot be copied.
        """
        run = self.folder / run_id
        target = files_of(self.folder, run_id) / (artifact_path or "")
        remove_leftovers(run)
        target.mkdir(parents=True, exist_ok=True)
        with new_folder(run) as partial:
            shutil.copytree(local_dir, partial, dirs_exist_ok=True)
            for source in sorted(partial.rglob("*")):
                if source.is_file():
                    file = target / source.relative_to(partial)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    source.replace(file)


def files_of(folder: Path, run_id: str) -> Path:
    """The folder of a run's files."""
    return folder / run_id / "artifacts"

"""What lies where in a bundle, and how a bundle is opened."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from emo.config.enums import JobName
from emo.config.jobs import JobConfig
from emo.config.schema import RunConfig
from emo.errors import DamagedFile, EmoError, value_text
from emo.files.checksums import NAME as CHECKSUMS
from emo.files.checksums import checksums_of, read_checksums
from emo.files.reading import record_of
from emo.runs.listing import RunListing

FORMAT = 1
"""Raise it when a bundle is laid out otherwise."""

STUDY, ENVIRONMENT, REQUIREMENTS = "study.json", "environment.json", "requirements.txt"
FRONT, REPORT, RUNS, INPUTS = "index.html", "report", "runs", "inputs"

READ = ("stimuli", "method", "vectors", "resampling", "precision")
"""The groups of a config that a report depends on, besides those of its job."""

LARGEST = 64 * 2**30
"""Bytes that a zip may unpack to; more is no study."""


@dataclass(frozen=True)
class BundledRun:
    """A logged run as the report's rules see it."""

    run_id: str
    status: str
    started: int
    tags: dict[str, str]
    params: dict[str, str]

    def listing(self) -> RunListing:
        """The run as a summary reads it from a store."""
        return RunListing(self.run_id, self.status, self.started, self.tags, self.params)


@dataclass(frozen=True)
class Study:
    """What a bundle says of itself: ``study.json``."""

    format: int
    summary: str
    """Id of the run that the report is of."""
    commit: str
    """The code that made the report."""
    config: dict[str, Any]
    """Settings of the report; paths begin at the bundle's folder."""
    used: tuple[str, ...]
    """Ids of the runs whose files are there."""
    runs: tuple[BundledRun, ...] = ()
    """The runs used and those that the report leaves out."""
    packages: dict[str, str] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)
    """Copy in the bundle -> the user's own file, as the report names it."""

    def run_config(self, folder: Path, root: Path) -> RunConfig:
        """The settings of the report; files are read in ``folder``, others written in ``root``."""
        from omegaconf import OmegaConf

        from emo.config.resolve import schema

        stimuli = {
            key: str(folder / value) if key in PATHS and value else value
            for key, value in self.config["stimuli"].items()
        }
        node: Any = schema()  # not the whole of it: a model has no default, and a report needs none

        def typed(group: Any, values: Any) -> Any:
            return OmegaConf.to_object(OmegaConf.merge(group, values))

        groups = {name: typed(node[name], self.config[name]) for name in READ if name != "stimuli"}
        summarize = typed(node.job.summarize, self.config["job"]["summarize"])
        return RunConfig(
            job=JobConfig(name=JobName.summarize, summarize=summarize),
            stimuli=typed(node.stimuli, stimuli),
            seed=self.config["seed"],
            root=str(root),
            **groups,
        )

    def to_json(self) -> str:
        """The text of ``study.json``."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


PATHS = ("path", "neutral_path", "poles")
"""Fields of ``stimuli`` that name files of the user's own."""


def read_study(folder: Path) -> Study:
    """The study of an opened bundle.

    Raises
    ------
    EmoError
        If the folder is no bundle, or one of another format.
    """
    if not (folder / STUDY).is_file():
        raise EmoError(f"{value_text(folder)}: no bundle: it has no {STUDY}")
    study = record_of(Study, folder / STUDY)
    if study.format != FORMAT:
        raise EmoError(
            f"{value_text(folder)}: a bundle of format {study.format}; this program reads {FORMAT}"
        )
    return study


@contextmanager
def opened(place: Path) -> Iterator[Path]:
    """The folder of a bundle; a zip is unpacked into a folder that is gone afterwards.

    Raises
    ------
    EmoError
        If there is neither, or the zip is damaged or holds paths that lead out of it.
    """
    if place.is_dir():
        yield place
        return
    if not place.is_file() or not zipfile.is_zipfile(place):
        raise EmoError(f"{value_text(place)}: allowed is the folder or the zip of a bundle")
    with tempfile.TemporaryDirectory(prefix="emo-bundle-") as temporary:
        try:
            with zipfile.ZipFile(place) as archive:
                _check_names(place, archive)
                archive.extractall(temporary)
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise DamagedFile(place, str(error) or "it cannot be unpacked") from error
        folders = [p for p in Path(temporary).iterdir() if p.is_dir()]
        yield folders[0] if len(folders) == 1 else Path(temporary)


def _check_names(place: Path, archive: zipfile.ZipFile) -> None:
    for name in archive.namelist():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise DamagedFile(place, f"the path {value_text(name)} leads out of it")
    if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
        raise DamagedFile(place, "it unpacks to more than a study has")


def damaged_files(folder: Path) -> list[str]:
    """What is not as it was when the bundle was made: every file, with what is wrong with it.

    Raises
    ------
    DamagedFile
        If the list of checksums cannot be read.
    """
    if not (folder / CHECKSUMS).is_file():
        return [f"{CHECKSUMS} is missing"]
    known, there = read_checksums(folder / CHECKSUMS), checksums_of(folder)
    return [*_differing(known, there)]


def _differing(known: Mapping[str, Any], there: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(known.keys() | there.keys()):
        if name not in there:
            yield f"{name} is missing"
        elif name not in known:
            yield f"{name} does not belong there"
        elif known[name] != there[name]:
            yield f"{name} has changed"

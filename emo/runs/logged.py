"""A run as it was logged: what it is found by, and its files as records, read at first use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from emo.config.enums import MethodName
from emo.config.logged import config_of
from emo.config.schema import PathsConfig, RunConfig, TrackingConfig
from emo.core.geometry.generated import StoryDescriptors
from emo.core.records import Activations, Descriptors, EmotionVectors
from emo.errors import TrackingError
from emo.runs import files as serialise
from emo.tracking import Connection, NoSuchRun

IMPORT = "import"
"""The job whose runs have vectors, but no items that they were made of."""
LATEST = "latest"
"""Stands for the id of the newest finished run of job=extract."""


@dataclass(frozen=True)
class LoggedRun:
    """One logged run. Large files are read at first use, and checked then."""

    run_id: str
    """The whole id."""
    tags: dict[str, str]
    """What the run is found by: model, precision, readout, versions."""
    params: dict[str, str]
    """Every setting by its dotted name, as text."""
    tracker: Connection
    """The store from which the files are read."""
    root: str = "."
    """The project's folder, absolute."""
    started: int = 0
    """Milliseconds since 1970."""

    @property
    def job(self) -> str:
        """The job that made the run, such as ``extract``; empty if it is no run of this project."""
        return self.tags.get("job", "")

    @property
    def imported(self) -> bool:
        """Whether its vectors are of another program: then it has no items, and no layer of its own."""
        return self.job == IMPORT

    @property
    def generated(self) -> bool:
        """Whether the model wrote the texts; otherwise it read passages."""
        return self.tags.get("method") == MethodName.generation.value

    @property
    def title(self) -> str:
        """The run in words: condition, model, precision, and how its texts were read or written."""
        condition = self.tags.get("condition", "")
        words = [
            "" if condition in ("", "none") else condition,
            self.tags.get("model", "unknown model"),
            self.tags.get("precision", ""),
            self.tags.get("method", ""),
            self.tags.get("readout", ""),
        ]
        return " ".join(word for word in words if word)

    @cached_property
    def config(self) -> RunConfig:
        """The settings that made the vectors, typed; settings of jobs have their defaults.

        Raises
        ------
        TrackingError
            If a logged setting has a value that there is not.
        """
        try:
            return config_of(self.params)
        except ValueError as error:
            why = f"its parameters cannot be read: {error}"
            raise TrackingError(f"run {self.run_id}: {why}") from None

    @cached_property
    def vectors(self) -> EmotionVectors:
        """Emotion vectors of all layers, float64 [layer, emotion, hidden].

        The unit is that of the model's residual stream, unless ``vectors.projection=z_score`` was set.

        Raises
        ------
        TrackingError
            If the run has no such file, or the file is damaged.
        """
        if not self.imported:
            self._require_extraction("vectors.safetensors")
        return self.tracker.read(self.run_id, "vectors.safetensors", serialise.read_vectors)

    @cached_property
    def activations(self) -> Activations:
        """Activations of every item and neutral sentence, float32 [layer, item, hidden].

        Raises
        ------
        TrackingError
            If the run has no such file, or the file is damaged.
        """
        name = "activations.safetensors"
        self._require_extraction(name)
        return self.tracker.read(self.run_id, name, serialise.read_activations)

    @cached_property
    def descriptors(self) -> Descriptors | StoryDescriptors:
        """The numbers that describe the geometry, and their curves over the layers.

        ``Descriptors`` where the model read passages, ``StoryDescriptors`` where it wrote the texts.

        Raises
        ------
        TrackingError
            If the run has no such file, or the file is damaged.
        """
        if self.generated:
            self._require_extraction("generation.json")
            read = serialise.read_story_descriptors
            return self.tracker.read(self.run_id, "generation.json", read)
        self._require_extraction("descriptors.json")
        return self.tracker.read(self.run_id, "descriptors.json", serialise.read_descriptors)

    @property
    def best_layer(self) -> int:
        """The layer by the published criterion; of a run that wrote texts, the layer it was read at."""
        descriptors = self.descriptors
        if isinstance(descriptors, StoryDescriptors):
            return descriptors.layer
        return descriptors.best_layer

    def _require_extraction(self, name: str) -> None:
        """Refuse to look for a file that only extractions log.

        Raises
        ------
        TrackingError
            Naming the job, and the extraction whose vectors it used where it used one.
        """
        if self.job in ("extract", ""):
            return
        if self.imported:
            raise TrackingError(
                f"run {self.run_id}: its vectors were imported, so it has no {name}: nothing that is "
                "made of items, and no best layer (name a layer)"
            )
        source = self.tags.get("vectors_run", "")
        hint = f"; its vectors are those of run {source}" if source else ""
        raise TrackingError(
            f"run {self.run_id}: job={self.job} logs no {name}, only job=extract does{hint}"
        )


def find_run(run_id: str, tracker: Connection, root: Path) -> LoggedRun:
    """The run with this id, or the only one whose id begins so, or the ``latest`` extraction.

    Raises
    ------
    TrackingError
        If the store does not answer, or no run, or several, match.
    """
    if run_id == LATEST:
        finished = tracker.all_finished(job="extract")
        if not finished:
            raise NoSuchRun(run_id, f"{tracker.address.shown} has no finished run of job=extract")
        run_id = finished[0].info.run_id
    run = tracker.get(run_id)
    tags, params = dict(run.data.tags), dict(run.data.params)
    return LoggedRun(run.info.run_id, tags, params, tracker, str(root), run.info.start_time or 0)


def open_store(root: Path, uri: str | None) -> Connection:
    """The store of a project, for reading: nothing is made or written.

    Raises
    ------
    TrackingError
        If the store does not exist or does not answer.
    """
    return Connection(
        RunConfig(tracking=TrackingConfig(uri=uri), paths=PathsConfig(), root=str(root))
    )


def logged_run(run_id: str, root: str | Path, uri: str | None) -> LoggedRun:
    """:func:`find_run` in the store of the project at ``root``."""
    folder = Path(root).resolve()
    return find_run(run_id, open_store(folder, uri), folder)

"""Logged runs in a notebook: load one, look at its RDM, compare two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from emo.config.schema import PathsConfig, RunConfig, TrackingConfig
from emo.core.compare import rdms as comparison
from emo.core.geometry import cosines as geometry
from emo.core.records import Activations, Comparison, Descriptors, EmotionVectors, Rdm
from emo.core.stats.resampling import stream
from emo.runs import files as serialise
from emo.tracking import Connection


@dataclass(frozen=True)
class LoadedRun:
    """A logged extraction. What is large is read when it is first asked for."""

    run_id: str
    tags: dict[str, str]
    params: dict[str, str]
    tracker: Connection

    @cached_property
    def vectors(self) -> EmotionVectors:
        """Emotion vectors of all layers."""
        return self.tracker.read(self.run_id, "vectors.safetensors", serialise.read_vectors)

    @cached_property
    def activations(self) -> Activations:
        """Item-level activations of all layers."""
        name = "activations.safetensors"
        return self.tracker.read(self.run_id, name, serialise.read_activations)

    @cached_property
    def descriptors(self) -> Descriptors:
        """Best layer, anisotropy, reliability, curves."""
        return self.tracker.read(self.run_id, "descriptors.json", serialise.read_descriptors)

    def rdm(self, layer: int | None = None) -> Rdm:
        """Cosines of all pairs of emotion vectors, at the published best layer by default."""
        return geometry.rdm(self.vectors, self._layer(layer))

    def _layer(self, layer: int | None) -> int:
        return self.descriptors.best_layer if layer is None else layer


def load_run(run_id: str, root: str | Path = ".", uri: str | None = None) -> LoadedRun:
    """A finished run by its id, from the project in ``root`` or from the store at ``uri``.

    The first characters of the id will do, four or more, if no other run's id begins so. Nothing is
    written: a store that is not there is not made, and one that may not be written is read.

    Raises
    ------
    TrackingError
        If the store or the run is not there, or several runs' ids begin so.
    """
    config = RunConfig(
        tracking=TrackingConfig(uri=uri), paths=PathsConfig(), root=str(Path(root).resolve())
    )
    tracker = Connection(config)
    run = tracker.get(run_id)
    return LoadedRun(run.info.run_id, dict(run.data.tags), dict(run.data.params), tracker)


def compare(
    a: LoadedRun,
    b: LoadedRun,
    layer: int | Literal["best"] = "best",
    permutations: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Spearman rho of two runs' RDMs with Mantel p, each at its best layer or at a common one.

    Raises
    ------
    LabelMismatch
        If the runs' emotions differ in content or order.
    """
    at_a, at_b = (run.descriptors.best_layer if layer == "best" else layer for run in (a, b))
    rng = stream(seed, "mantel")
    return comparison.compare_vectors(a.vectors, b.vectors, at_a, at_b, rng, permutations, seed)

"""Logged runs in a notebook: load one, look at its vectors and RDM, compare two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Literal

from emo.config.checks import as_path
from emo.config.schema import PathsConfig, RunConfig, TrackingConfig
from emo.core.compare import rdms as comparison
from emo.core.geometry import cosines as geometry
from emo.core.records import Activations, Comparison, Descriptors, EmotionVectors, Rdm
from emo.core.stats.resampling import stream
from emo.errors import ConfigError
from emo.runs import files as serialise
from emo.tracking import Connection


@dataclass(frozen=True)
class LoadedRun:
    """A logged run of ``job=extract``. Large files are read at first use, and checked then.

    Examples
    --------
    >>> run = emo.load_run(RUN_ID)
    >>> run.tags["model"]
    'tiny'
    >>> run.vectors.values.shape  # layer, emotion, hidden
    (4, 5, 128)
    >>> run.activations.values.shape  # layer, item, hidden
    (4, 30, 128)
    """

    run_id: str
    """The whole id."""
    tags: dict[str, str]
    """What the run is found by: model, precision, readout, versions."""
    params: dict[str, str]
    """Every setting by its dotted name, as text."""
    tracker: Connection
    """The store from which the files are read."""

    @cached_property
    def vectors(self) -> EmotionVectors:
        """Emotion vectors of all layers, float64 [layer, emotion, hidden].

        The unit is that of the model's residual stream, unless ``vectors.projection=z_score`` was set.

        Raises
        ------
        TrackingError
            If the run has no such file, or the file is damaged.
        """
        return self.tracker.read(self.run_id, "vectors.safetensors", serialise.read_vectors)

    @cached_property
    def activations(self) -> Activations:
        """Activations of every passage and neutral sentence, float32 [layer, item, hidden].

        Raises
        ------
        TrackingError
            If the run has no such file, or the file is damaged.
        """
        name = "activations.safetensors"
        return self.tracker.read(self.run_id, name, serialise.read_activations)

    @cached_property
    def descriptors(self) -> Descriptors:
        """Best layer, anisotropy, reliability, accuracy, and their curves over the layers.

        Raises
        ------
        TrackingError
            If the run has no such file, or the file is damaged.

        Examples
        --------
        >>> run = emo.load_run(RUN_ID)
        >>> run.descriptors.n_layers, run.descriptors.chance
        (4, 0.2)
        """
        return self.tracker.read(self.run_id, "descriptors.json", serialise.read_descriptors)

    def rdm(self, layer: int | None = None) -> Rdm:
        """Cosines of all pairs of emotion vectors at one layer.

        Source: [S] 2.3. The values are similarities: 1 minus a value is a dissimilarity.

        Parameters
        ----------
        layer
            Number of the decoder block, from 0. None: the best layer by the published criterion.

        Returns
        -------
        Rdm
            ``cosines`` is the upper triangle in row order, without a unit, from -1 to 1.

        Raises
        ------
        EmoError
            If the model has no such layer.

        Examples
        --------
        >>> rdm = emo.load_run(RUN_ID).rdm(layer=2)
        >>> rdm.cosines.shape, rdm.layer  # five emotions have ten pairs
        ((10,), 2)
        """
        return geometry.rdm(self.vectors, self._layer(layer))

    def _layer(self, layer: int | None) -> int:
        if layer is None:
            return self.descriptors.best_layer
        return _whole("layer", layer, 0, len(self.vectors.values) - 1)


def load_run(run_id: str, root: str | Path = ".", uri: str | None = None) -> LoadedRun:
    """A finished run, found by its id.

    Nothing is written: a store that does not exist is not made, and a read-only store is read.

    Parameters
    ----------
    run_id
        The id, or its first characters: at least four, and no other run's id may begin so.
    root
        The project's folder, which holds ``mlruns``.
    uri
        Address of another store, as ``tracking.uri``. None: the store of the project, or what
        ``MLFLOW_TRACKING_URI`` says.

    Returns
    -------
    LoadedRun
        Its large files are read when they are first used.

    Raises
    ------
    TrackingError
        If the store or the run does not exist, or several ids begin so.

    Examples
    --------
    >>> run = emo.load_run(RUN_ID[:8], root=".")
    >>> run.run_id == RUN_ID
    True
    """
    if not isinstance(uri, (str, type(None))):
        raise ConfigError("tracking.uri", uri, "None, or the address of a store as text")
    folder = as_path("root", root).resolve()
    config = RunConfig(tracking=TrackingConfig(uri=uri), paths=PathsConfig(), root=str(folder))
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
    """Agreement of two runs' RDMs: Spearman's rho with the p of a Mantel test, and Pearson's r.

    Both runs have read the same passages, or the comparison is of models and passages at once. Part
    of the agreement comes from the passages: ``job=summarize`` says how much, and gives intervals.
    Sources: Mantel 1967; Phipson and Smyth 2010 for p = (1 + exceeding) / (1 + permutations).

    Parameters
    ----------
    a, b
        Runs with the same emotions in the same order.
    layer
        ``best``: each run's best layer by the published criterion, which may differ between the two.
        A number: this layer of both.
    permutations
        How many permutations of the emotions the Mantel test draws, at least 1.
    seed
        Names the random stream of the permutations.

    Returns
    -------
    Comparison
        ``rho`` and ``pearson`` from -1 to 1, ``mantel_p`` from 1 / (1 + permutations) to 1, and
        ``mean_cosine`` of the vectors where the models' hidden sizes are equal.

    Raises
    ------
    LabelMismatch
        If the emotions differ in content or order.
    EmoError
        If ``a`` or ``b`` is no loaded run, a model has no such layer, or a number is not allowed.

    Examples
    --------
    >>> a, b = emo.load_run(RUN_ID), emo.load_run(OTHER_RUN_ID)
    >>> result = emo.compare(a, b, layer=1, permutations=99)
    >>> result.n_emotions, result.permutations
    (5, 99)
    >>> -1 <= result.rho <= 1 and 0.01 <= result.mantel_p <= 1
    True
    """
    for name, run in (("a", a), ("b", b)):
        if not isinstance(run, LoadedRun):
            raise ConfigError(name, run, "a run that load_run gives")
    permutations, seed = _whole("permutations", permutations, 1), _whole("seed", seed, 0)
    at_a, at_b = (run._layer(None if layer == "best" else layer) for run in (a, b))
    rng = stream(seed, "mantel")
    return comparison.compare_vectors(a.vectors, b.vectors, at_a, at_b, rng, permutations, seed)


def _whole(name: str, value: object, least: int, most: int | None = None) -> int:
    """A whole number within bounds, numpy's own included; a truth value is none."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if least <= number and (most is None or number <= most):
            return number
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise ConfigError(name, value, f"a whole number {bounds}")

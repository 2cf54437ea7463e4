"""Emotion vectors and RDMs of a logged run, with what a notebook does with them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64
from scipy.spatial.distance import squareform

from emo.api import html
from emo.api.checks import place, whole
from emo.core.geometry.cosines import rdm
from emo.core.records import EmotionVectors, Rdm

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from emo.runs.logged import LoggedRun


@dataclass(frozen=True)
class RunVectors(EmotionVectors):
    """Emotion vectors of a logged run, found by name.

    Examples
    --------
    >>> vectors = emo.load_run(RUN_ID).vectors
    >>> vectors["calm", 2].shape  # one layer: hidden
    (128,)
    >>> vectors["calm"].shape  # all layers: layer, hidden
    (4, 128)
    >>> vectors["clam", 2]
    Traceback (most recent call last):
    ...
    emo.errors.ConfigError: emotion=clam: allowed is one of afraid, ... (did you mean calm?)
    """

    run: LoggedRun | None = field(default=None, repr=False, compare=False)
    """Whose vectors these are; None: of no run, then what needs its other files is refused."""

    @property
    def title(self) -> str:
        """What the run read, in what."""
        return "vectors" if self.run is None else self.run.title

    def __getitem__(
        self, key: str | tuple[str, int]
    ) -> Float64[np.ndarray, " hidden"] | Float64[np.ndarray, "layer hidden"]:
        """The vector of an emotion at a layer, ``vectors["calm", 2]``, or at all of them.

        Parameters
        ----------
        key
            Name of the emotion, and the layer from 0; without a layer, all layers.

        Returns
        -------
        ndarray
            [hidden], or [layer, hidden]; in the unit of ``values``.

        Raises
        ------
        ConfigError
            If there is no such emotion or layer.
        """
        name, layer = key if isinstance(key, tuple) and len(key) == 2 else (key, None)
        vector = self.values[:, place("emotion", name, self.emotions)]
        return vector if layer is None else vector[whole("layer", layer, 0, len(self.values) - 1)]

    def norms(self) -> Float64[np.ndarray, " layer"]:
        """Mean Euclidean norm, per layer, of the neutral sentences' residual stream where they are read.

        The unit of ``scale="residual"`` and of ``run.steering``.

        Raises
        ------
        TrackingError
            If the run's activations cannot be read.

        Examples
        --------
        >>> emo.load_run(RUN_ID).vectors.norms().shape
        (4,)
        """
        from emo.api.control import neutral_norms

        return neutral_norms(self)

    def to_repeng(self, emotion: str, scale: str = "residual") -> Any:
        """The vectors of one emotion as a control vector of repeng.

        Parameters
        ----------
        emotion
            Whose vector.
        scale
            ``residual``: times the mean residual norm of the neutral sentences at each layer, so that
            one strength serves all layers. ``unit``: of length 1.

        Returns
        -------
        repeng.ControlVector
            One float32 direction per layer from 0; direction N is added to the output of block N.

        Raises
        ------
        EmoError
            If repeng is missing, or there is no such emotion or scale, or a vector has no direction.

        Examples
        --------
        >>> vector = emo.load_run(RUN_ID).vectors.to_repeng("calm")  # doctest: +SKIP
        >>> model.set_control(vector, 0.1)  # doctest: +SKIP
        """
        from emo.api.control import to_repeng

        return to_repeng(self, emotion, scale)

    def to_steering_vectors(
        self, emotion: str, layers: list[int] | None = None, scale: str = "residual"
    ) -> Any:
        """The vectors of one emotion as a steering vector of steering-vectors.

        Parameters
        ----------
        emotion
            Whose vector.
        layers
            Where it is added. None: the best layer by the published criterion.
        scale
            As of :meth:`to_repeng`.

        Returns
        -------
        steering_vectors.SteeringVector
            Of layer type ``decoder_block``: added to the output of each of these blocks.

        Raises
        ------
        EmoError
            If steering-vectors is missing, or there is no such emotion, layer or scale.

        Examples
        --------
        >>> vector = emo.load_run(RUN_ID).vectors.to_steering_vectors("calm")  # doctest: +SKIP
        >>> with vector.apply(model, multiplier=0.1):  # doctest: +SKIP
        ...     model.generate(**inputs)
        """
        from emo.api.control import to_steering_vectors

        return to_steering_vectors(self, emotion, layers, scale)

    def rdm(self, layer: int) -> RunRdm:
        """Cosines of all pairs at a layer; :meth:`emo.api.LoadedRun.rdm`."""
        number = whole("layer", layer, 0, len(self.values) - 1)
        return RunRdm(**vars(rdm(self, number)), title=self.title, vectors=self)

    def __repr__(self) -> str:
        layers, emotions, hidden = self.values.shape
        return (
            f"RunVectors({self.title}: {layers} layers, {emotions} emotions, {hidden} dimensions)"
        )

    def _repr_html_(self) -> str:
        layers, _, hidden = self.values.shape
        best = 0 if self.run is None else self.run.best_layer
        lengths = np.linalg.norm(self.values[best], axis=-1)
        rows = [
            (name, n, float(length))
            for name, n, length in zip(self.emotions, self.n_items, lengths, strict=True)
        ]
        columns = ("emotion", "items", f"length at layer {best}")
        return html.table(f"{self.title}: {layers} layers of {hidden} dimensions", columns, rows)


def run_vectors(vectors: EmotionVectors, run: LoggedRun) -> RunVectors:
    """The same vectors as those of a run."""
    own = {f.name: getattr(vectors, f.name) for f in dataclasses.fields(vectors)}
    return RunVectors(**own, run=run)


@dataclass(frozen=True)
class RunRdm(Rdm):
    """Cosines of all pairs of a run's emotion vectors at one layer: similarities.

    Examples
    --------
    >>> rdm = emo.load_run(RUN_ID).rdm(layer=2)
    >>> rdm.matrix.shape
    (5, 5)
    >>> float(rdm.to_frame().loc["calm", "calm"])
    1.0
    >>> figure = rdm.plot()
    """

    title: str = ""
    """What the run read, in what."""
    vectors: EmotionVectors | None = field(default=None, repr=False, compare=False)
    """Whose cosines these are."""

    @property
    def matrix(self) -> Float64[np.ndarray, "emotion emotion"]:
        """The cosines as a square matrix in the order of ``emotions``; 1 on the diagonal."""
        square = squareform(self.cosines, checks=False)
        np.fill_diagonal(square, 1.0)
        return square

    def to_frame(self) -> DataFrame:
        """The square matrix as a pandas DataFrame whose index and columns are the emotions.

        Returns
        -------
        pandas.DataFrame
            Cosines, float64; larger is more alike.

        Examples
        --------
        >>> emo.load_run(RUN_ID).rdm().to_frame().shape
        (5, 5)
        """
        import pandas

        names = pandas.Index(self.emotions, name="emotion")
        return pandas.DataFrame(self.matrix, index=names, columns=list(self.emotions))

    def plot(self) -> Figure:
        """The heatmap of the matrix, as runs log it.

        Returns
        -------
        matplotlib.figure.Figure
            Emotions ordered by clustering. A notebook shows it; ``figure.savefig("rdm.svg")`` keeps it.

        Examples
        --------
        >>> figure = emo.load_run(RUN_ID).rdm().plot()
        >>> len(figure.axes)  # the matrix and its scale
        2
        """
        from emo.report.drawing import make_readable, png
        from emo.report.runs.extract_figures import rdm_heatmap

        assert self.vectors is not None
        figure: Any = rdm_heatmap(self.vectors, self.layer, self.title)
        make_readable(figure)
        figure._repr_png_ = lambda: png(figure)  # shown without pyplot and its global state
        return figure

    def __repr__(self) -> str:
        return f"RunRdm({self.title}: {len(self.emotions)} emotions, layer {self.layer})"

    def _repr_html_(self) -> str:
        title = f"{self.title}, layer {self.layer}: cosines (larger is more alike)"
        rows = [
            (name, *(f"{x + 0.0:.2f}" for x in np.round(row, 2)))
            for name, row in zip(self.emotions, self.matrix, strict=True)
        ]
        return f"<div style='overflow-x:auto'>{html.table(title, ('', *self.emotions), rows)}</div>"

"""Where a run's emotion vectors are in the residual stream, so that any other text can be put there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64


@dataclass(frozen=True)
class LayerMap:
    """A projection at one layer, a linear map: (x - shift) / scale, less its part along the axes."""

    shift: Float64[np.ndarray, " hidden"]
    scale: Float64[np.ndarray, " hidden"]
    """Infinite in a dimension that becomes 0."""
    axes: Float64[np.ndarray, "axis hidden"]
    """Orthogonal, of length 1; rows of zeros change nothing."""

    def apply(self, values: Float[np.ndarray, "row hidden"]) -> Float64[np.ndarray, "row hidden"]:
        """The projected values."""
        with np.errstate(invalid="ignore"):  # an activation that is not finite becomes NaN
            moved = (np.asarray(values, dtype=np.float64) - self.shift) / self.scale
            return moved - (moved @ self.axes.T) @ self.axes


@dataclass(frozen=True)
class ResidualFrame:
    """What puts an activation of any text where a run's emotion vectors are.

    Of an activation the projection of the run is taken first, where it has one, and then ``centre`` is
    subtracted: what was subtracted from the means of the emotions. Where situations were removed, a new
    text has none of them, and ``centre`` is that of the items as they were.
    """

    centre: Float64[np.ndarray, "layer hidden"]
    """NaN at a layer with an activation that is not finite."""
    norm: Float64[np.ndarray, " layer"]
    """Mean length of the activations of the neutral sentences, before any projection: the scale of the
    residual stream; NaN without neutral sentences."""
    shift: Float64[np.ndarray, "layer hidden"] | None = None
    """Of the projection; None where there is none. So are ``scale`` and ``axes``."""
    scale: Float64[np.ndarray, "layer hidden"] | None = None
    axes: Float64[np.ndarray, "layer axis hidden"] | None = None

    def placed(
        self, values: Float[np.ndarray, "row hidden"], layer: int
    ) -> Float64[np.ndarray, "row hidden"]:
        """Activations of a layer as they are compared with its emotion vectors."""
        if self.shift is None or self.scale is None or self.axes is None:
            return np.asarray(values, dtype=np.float64) - self.centre[layer]
        projection = LayerMap(self.shift[layer], self.scale[layer], self.axes[layer])
        return projection.apply(values) - self.centre[layer]

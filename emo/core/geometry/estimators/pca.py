"""Leading component of differences: representation reading. Source: Zou et al. 2023 (RepE), section 3.1.

The differences are those of an emotion's items from the mean of the other emotions' items, so that
every emotion has one direction. Where an emotion is weak, the component follows whatever varies most.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int

from emo.core.geometry.estimators.dual import DualEstimator, Solved, mean_shares


class Pca(DualEstimator):
    """The leading component of an emotion's differences, on the emotion's side.

    Its length is the mean of the differences along it, so the unit is that of the activations. An item
    is read by its place along the directions, from halfway between the emotion and the others.
    """

    name = "pca"
    tolerance = 1e-7

    def solve(
        self,
        gram: Float64[np.ndarray, "item item"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
        hidden: int,
    ) -> Solved:
        """One small eigenproblem per emotion."""
        mean = mean_shares(emotions, weights)
        each = [self._one(e, gram, emotions, weights, mean) for e in range(len(mean))]
        return Solved(np.stack([s for s, _ in each]), np.array([o for _, o in each]))

    @staticmethod
    def _one(
        emotion: int,
        gram: Float64[np.ndarray, "item item"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
        mean: Float64[np.ndarray, "emotion item"],
    ) -> tuple[Float64[np.ndarray, " item"], float]:
        """Shares of one emotion's vector, and its offset."""
        inside = emotions == emotion
        if inside.all():  # nothing to differ from
            return np.full(len(emotions), np.nan), np.nan
        others = np.delete(mean, emotion, axis=0).mean(axis=0)
        root = np.sqrt(weights[inside])
        differences = root[:, None] * (np.eye(len(emotions))[inside] - others)
        component = np.linalg.eigh(differences @ gram @ differences.T)[1][:, -1] @ differences
        along = gram @ component
        apart, length = (mean[emotion] - others) @ along, component @ along
        shares = component * (apart / length)
        middle = (mean[emotion] + others) @ gram @ shares / 2
        return shares, -float(middle)

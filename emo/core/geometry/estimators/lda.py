"""Means in the metric of the covariance within emotions: the directions of a linear discriminant.

Directions along which items of one emotion vary count less. The covariance is shrunk towards equal
variances by the share of Ledoit and Wolf 2004, since there are fewer items than dimensions.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int
from scipy.linalg import cho_factor, cho_solve

from emo.core.geometry.discriminants import ridge_of
from emo.core.geometry.estimators.dual import DualEstimator, Solved, mean_shares


class Lda(DualEstimator):
    """Inverse shrunk covariance within emotions times the mean of each emotion's items.

    It is scaled so that a covariance of equal variances changes nothing: the unit is that of the
    activations. Items are read by Fisher's rule with equal shares of the emotions. Where no emotion
    has several items, the covariance is unknown and vectors are the means.
    """

    name = "lda"
    tolerance = 1e-7

    def solve(
        self,
        gram: Float64[np.ndarray, "item item"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
        hidden: int,
    ) -> Solved:
        """Woodbury's formula keeps to the inner products."""
        n, mean = weights.sum(), mean_shares(emotions, weights)
        deviation = np.eye(len(emotions)) - mean[emotions]
        residual = deviation @ gram @ deviation.T
        root = np.sqrt(weights)
        scaled = residual * root * root[:, None]
        lengths = np.diagonal(residual)
        variance = float((weights * lengths).sum()) / n / hidden
        shares = mean
        if variance > 1e-12 * np.diagonal(gram).mean() / hidden:
            ridge = ridge_of(lengths, float((scaled**2).sum()), hidden, weights)
            factor = cho_factor(scaled + n * ridge * np.eye(len(scaled)), lower=True)
            within = cho_solve(factor, root[:, None] * (deviation @ gram @ mean.T))
            shares = (mean - (root[:, None] * within).T @ deviation) * (variance + ridge) / ridge
        means = np.einsum("ei,ij,ej->e", mean, gram, shares, optimize=True)
        return Solved(shares, -means / 2)

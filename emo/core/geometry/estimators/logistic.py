"""One-vs-rest logistic probes: for every emotion the weights that tell its items from all others.

Items are centred and divided by the root of their mean variance per dimension; the probe then has
scikit-learn's defaults (L2 penalty with C = 1, a free intercept).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int
from scipy.optimize import minimize
from scipy.special import expit

from emo.core.geometry.estimators.dual import DualEstimator, Solved

C = 1.0
"""Inverse strength of the penalty on items of variance 1 per dimension."""


class Logistic(DualEstimator):
    """Weights of a logistic regression of each emotion against the rest.

    Log-odds per unit of the activations. An item is read as the emotion with the highest log-odds. A
    shift of all items, such as neutral centring, changes no weight.
    """

    name = "logistic"
    tolerance = 1e-3

    def solve(
        self,
        gram: Float64[np.ndarray, "item item"],
        emotions: Int[np.ndarray, " item"],
        weights: Float64[np.ndarray, " item"],
        hidden: int,
    ) -> Solved:
        """All emotions at once, in the coordinates of the items' own space."""
        n = len(emotions)
        share = weights / weights.sum()
        centred = np.eye(n) - share
        inner = centred @ gram @ centred.T
        variance = float(share @ np.diagonal(inner)) / hidden
        size, axes = np.linalg.eigh(inner / max(variance, 1e-300))
        kept = size > 1e-10 * max(size[-1], 1e-300)
        size, axes = size[kept], axes[:, kept]
        target = (emotions[:, None] == np.arange(int(emotions.max()) + 1)).astype(float)
        found, intercept = _probes(axes * np.sqrt(size), target, weights)
        shares = (axes / np.sqrt(size) @ found).T @ centred / variance
        return Solved(shares, intercept - shares @ gram @ share)


def _probes(
    features: Float64[np.ndarray, "item axis"],
    target: Float64[np.ndarray, "item emotion"],
    weights: Float64[np.ndarray, " item"],
) -> tuple[Float64[np.ndarray, "axis emotion"], Float64[np.ndarray, " emotion"]]:
    """Coefficients and intercepts of least penalised loss.

    The coordinates are scaled by a bound of the curvature (Boehning and Lindsay 1988), in which the
    search needs few steps however unequal the variances are.
    """
    n_axes, n_emotions = features.shape[1], target.shape[1]
    curvature = (weights[:, None] * features**2).sum(axis=0) / 4 + 1 / C
    scale = 1 / np.sqrt(curvature)
    scaled, free = features * scale, 2 / np.sqrt(weights.sum())
    penalty = (scale**2 / C)[:, None]
    sign = 2 * target - 1

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        place = flat.reshape(n_axes + 1, n_emotions)
        margin = sign * (scaled @ place[:-1] + free * place[-1])
        value = (weights[:, None] * np.logaddexp(0, -margin)).sum()
        value += (penalty * place[:-1] ** 2).sum() / 2
        slope = -weights[:, None] * sign * expit(-margin)
        gradient = np.concatenate(
            [scaled.T @ slope + penalty * place[:-1], free * slope.sum(axis=0)[None]]
        )
        return float(value), gradient.reshape(-1)

    start = np.zeros((n_axes + 1) * n_emotions)
    settings = {"maxiter": 2000, "maxcor": 20, "gtol": 1e-6, "ftol": 1e-13}
    place = minimize(loss, start, jac=True, method="L-BFGS-B", options=settings).x
    place = place.reshape(n_axes + 1, n_emotions)
    return scale[:, None] * place[:-1], free * place[-1]

"""Bootstrap at both levels: items within emotions, and the emotions themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from scipy.spatial.distance import squareform
from scipy.special import stdtrit

from emo.core.stats.intervals import LEVEL, NEARLY_ONE, Estimates, finite_mean
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.weighted_ranks import weighted_ranks


def over_items_and_emotions(
    rdms: Float64[np.ndarray, "set pair"],
    replicates: Float64[np.ndarray, "set replicate pair"],
    factors: Sequence[float | None],
    rng: np.random.Generator,
    items: Float64[np.ndarray, "replicate set set"] | None = None,
) -> Estimates:
    """Spearman of all sets with intervals for other items and another choice of emotions, [set set].

    ``replicates`` are RDMs of bootstrap draws of items. In each of them as many emotions are drawn,
    with replacement; a pair of an emotion with itself is no comparison and is left out. Such draws
    count the noise of single entries three times, so the variance is twice the sum of those of items
    alone and emotions alone, less that of both; it is held between the larger of the two and that of
    both (Schuett et al. 2023, eLife 12:e82566, as in rsatoolbox), and carried to Fisher's z by its
    slope, with Student's t.
    ``factors`` are :func:`expansion` of each set's items, which widen their part; no bounds where one is
    None, since that set's noise would be in no draw. ``items`` are the Spearman correlations of the
    replicates where they are known already. Measured coverage: the tests.
    """
    rho = spearman_matrix(rdms[:, None], rdms[:, None])[..., 0]
    drawn = [f for f in factors if f is not None]
    if len(drawn) < len(factors):
        return Estimates(rho, *np.full((2, *rho.shape), np.nan))
    n, draws = len(squareform(rdms[0])), replicates.shape[1]
    emotions = rng.integers(n, size=(draws, n))
    whole = np.broadcast_to(rdms[:, None], replicates.shape)
    if items is None:
        items = np.moveaxis(spearman_matrix(replicates, replicates), -1, 0)
    of_items, chosen, both = (
        _variance(x)
        for x in (items, _correlations(whole, emotions), _correlations(replicates, emotions))
    )
    of_items = of_items * max(drawn) ** 2
    least = np.maximum(of_items, chosen)
    variance = np.clip(2 * (of_items + chosen) - both, least, np.maximum(both, least))
    held = np.clip(rho, -NEARLY_ONE, NEARLY_ONE)
    reach = stdtrit(n - 1, (1 + LEVEL) / 2) * np.sqrt(variance) / (1 - held**2)
    centre = np.arctanh(held)
    return Estimates(rho, np.tanh(centre - reach), np.tanh(centre + reach))


def _variance(
    correlations: Float64[np.ndarray, "replicate set set"],
) -> Float64[np.ndarray, "set set"]:
    """Variance over the replicates that have a correlation.

    Not of Fisher's z: a draw of three emotions can have a correlation of 1.
    """
    return finite_mean((correlations - finite_mean(correlations, axis=0)) ** 2, axis=0)


def _correlations(
    rdms: Float64[np.ndarray, "set replicate pair"], emotions: np.ndarray
) -> Float64[np.ndarray, "replicate set set"]:
    """Spearman over the pairs of the drawn ``emotions``, [replicate draw], of every replicate.

    A pair of emotions that are drawn c and d times counts c d times: with these weights each RDM is
    ranked once, however many of its pairs are drawn.
    """
    n = emotions.shape[1]
    i, j = np.triu_indices(n, 1)
    out = np.empty((len(emotions), len(rdms), len(rdms)))
    for draw, chosen in enumerate(emotions):
        times = np.bincount(chosen, minlength=n).astype(np.float64)
        each = rdms[:, draw]
        weights = np.where(np.isfinite(each).all(axis=0), times[i] * times[j], 0.0)
        unit = weighted_ranks(each, weights)
        out[draw] = unit @ unit.T
    return out

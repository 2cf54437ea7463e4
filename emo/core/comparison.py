"""Comparing two RDMs: Spearman, Pearson and the Mantel permutation test."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from emo.core.correlation import pearson
from emo.core.geometry import rdm
from emo.core.types import Comparison, EmotionVectors, require_same_labels


def mantel(
    a: Float[np.ndarray, " pair"],
    b: Float[np.ndarray, " pair"],
    permutations: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Spearman rho of two RDMs and its one-sided Mantel p.

    Rows and columns of one matrix are permuted together, because the entries of an RDM are not
    independent; p = (1 + #{null >= observed}) / (1 + permutations). Mantel 1967.
    """
    ranks_a, ranks_b = rankdata(a), rankdata(b)
    square = squareform(ranks_a)
    n = len(square)
    upper = np.triu_indices(n, 1)
    observed = float(pearson(ranks_a, ranks_b))
    orders = rng.permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)
    null = pearson(square[orders[:, upper[0]], orders[:, upper[1]]], ranks_b[None, :])
    # A permutation that leaves the matrix as it is must count, whatever the last bit says.
    return observed, float((1 + np.sum(null >= observed - 1e-12)) / (1 + permutations))


def compare(
    a: EmotionVectors,
    b: EmotionVectors,
    layer_a: int,
    layer_b: int,
    rng: np.random.Generator,
    permutations: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare the geometry of two sets of emotion vectors, each at its layer.

    Raises
    ------
    LabelMismatch
        If the emotions differ in content or order.
    """
    require_same_labels(a.emotions, b.emotions, "emotions")
    left, right = rdm(a, layer_a), rdm(b, layer_b)
    rho, p = mantel(left.cosines, right.cosines, permutations, rng)
    mean_cosine = None
    if a.values.shape[2] == b.values.shape[2]:
        x, y = a.values[layer_a], b.values[layer_b]
        norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
        mean_cosine = float(((x * y).sum(axis=1) / norms).mean())
    return Comparison(
        rho=rho,
        pearson=float(pearson(left.cosines, right.cosines)),
        mantel_p=p,
        permutations=permutations,
        mean_cosine=mean_cosine,
        n_emotions=len(a.emotions),
        layer_a=layer_a,
        layer_b=layer_b,
        seed=seed,
    )

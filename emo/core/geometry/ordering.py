"""The order of emotions in which similar ones stand side by side."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform


def cluster_order(
    cosines: Float64[np.ndarray, "emotion emotion"],
) -> Int[np.ndarray, " emotion"]:
    """The leaves of a hierarchical clustering by 1 - cosine (average linkage), ordered optimally.

    A cosine that is not a number counts as 0.

    Example
    -------
    >>> cosines = np.array([[1.0, -0.8, 0.9], [-0.8, 1.0, -0.7], [0.9, -0.7, 1.0]])
    >>> cluster_order(cosines).tolist()
    [1, 2, 0]
    """
    distance = np.clip(1 - np.nan_to_num(cosines), 0, None)
    np.fill_diagonal(distance, 0)
    condensed = squareform(distance, checks=False)
    return leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed))

"""A share of items with an interval over the clusters that the items come in."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.special import stdtrit

from emo.core.stats.intervals import LEVEL


def clustered_share(
    hits: Float[np.ndarray, " item"], clusters: Int[np.ndarray, " item"], level: float = LEVEL
) -> tuple[float, float, float]:
    """Mean of the finite hits, with bounds by Student's t over clusters (Cochran 1977, sec. 2.11).

    The error is that of a ratio of sums over clusters. The bounds stay between 0 and 1; they are NaN
    for a single cluster, and all three are NaN where nothing is finite.

    Example
    -------
    >>> hits = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    >>> [round(x, 2) for x in clustered_share(hits, np.array([0, 0, 1, 1, 2, 2]))]
    [0.5, 0.0, 1.0]
    """
    scored = np.isfinite(hits)
    if not scored.any():
        return float("nan"), float("nan"), float("nan")
    _, cluster = np.unique(clusters[scored], return_inverse=True)
    right, size = np.bincount(cluster, hits[scored]), np.bincount(cluster)
    share, n = float(right.sum() / size.sum()), len(size)
    if n < 2:
        return share, float("nan"), float("nan")
    error = np.sqrt(n / (n - 1) * ((right - share * size) ** 2).sum()) / size.sum()
    reach = stdtrit(n - 1, (1 + level) / 2) * error
    return share, float(max(share - reach, 0)), float(min(share + reach, 1))

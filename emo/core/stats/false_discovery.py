"""Many tests of which some may be true: p adjusted so that few of those called true are false."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64


def benjamini_hochberg(p: Float[np.ndarray, " test"]) -> Float64[np.ndarray, " test"]:
    """p adjusted over all tests: of those at most ``q``, a share of ``q`` is expected to be false.

    Benjamini & Hochberg (1995), for independent or positively dependent tests. NaN is no test and
    stays NaN.

    Example
    -------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, np.nan])).round(3)
    array([0.03, 0.04, 0.04,  nan])
    """
    out = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known])[::-1]]
    factor = len(order) / np.arange(len(order), 0, -1)
    out[order] = np.minimum.accumulate(np.minimum(factor * p[order], 1))
    return out

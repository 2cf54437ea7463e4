"""Rank correlations of every set with every other: each row is ranked once, not once per pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from emo.core.stats.correlation import ranks, spearman, standardised, standardised_ranks

RANKED = 1 << 22
"""Numbers whose ranks are kept at once while sets are correlated with each other: 32 MB."""
FEWEST = 3
"""Common finite pairs, at least, of a correlation."""


def spearman_matrix(
    a: Float[np.ndarray, "set row pair"], b: Float[np.ndarray, "set row pair"]
) -> Float64[np.ndarray, "set set row"]:
    """Spearman of every set's RDMs in ``a`` with every set's in ``b``, row by row.

    Over the pairs that are finite on both sides, as :func:`emo.core.stats.correlation.spearman`.
    """
    n = a.shape[1]
    out = np.empty((len(a), len(b), n))
    step = max(1, RANKED // max(1, len(a) * a.shape[2]))
    for start in range(0, n, step):
        some = slice(start, start + step)
        one = Ranked.make(a[:, some])
        other = one if b is a else Ranked.make(b[:, some])  # ranking is most of the work
        out[..., some] = one.beside(other)
    return out


@dataclass(frozen=True)
class Ranked:
    """RDMs of several sets, ranked once to be correlated with any number of others."""

    rdms: Float[np.ndarray, "set row pair"]
    ranks: Float64[np.ndarray, "set row pair"]
    """:func:`standardised_ranks`; NaN in rows with an entry that is not finite."""
    whole: Bool[np.ndarray, " row"]
    """Rows of which every set has all entries."""

    @classmethod
    def make(cls, rdms: Float[np.ndarray, "set row pair"]) -> Ranked:
        """The RDMs with their ranks."""
        whole = np.asarray(np.isfinite(rdms).all(axis=(0, 2)))
        if whole.all():
            ranked = np.stack([standardised_ranks(x) for x in rdms])
        else:
            ranked = np.full(rdms.shape, np.nan)
            ranked[:, whole] = standardised_ranks(rdms[:, whole])
        return cls(rdms, ranked, whole)

    def beside(self, other: Ranked) -> Float64[np.ndarray, "set set row"]:
        """Spearman of every set with every set of ``other``, row by row, over common finite pairs."""
        products = self.ranks.transpose(1, 0, 2) @ other.ranks.transpose(1, 2, 0)
        for row in np.flatnonzero(~(self.whole & other.whole)):
            products[row] = _partly_missing(self.rdms[:, row], other.rdms[:, row])
        return np.moveaxis(products, 0, 2)


def _partly_missing(
    a: Float[np.ndarray, "set pair"], b: Float[np.ndarray, "set pair"]
) -> Float64[np.ndarray, "set set"]:
    """Spearman of all sets where entries are missing, mostly the same ones in all sets of a side."""
    known = [np.isfinite(x) for x in (a, b)]
    if any((x != x[0]).any() for x in known):
        return np.stack([spearman(x, b) for x in a])
    common = known[0][0] & known[1][0]
    if common.sum() < FEWEST:
        return np.full((len(a), len(b)), np.nan)
    one, other = (standardised(ranks(x[:, common])) for x in (a, b))
    return one @ other.T

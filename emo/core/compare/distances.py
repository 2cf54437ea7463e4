"""Are models that behave differently further apart in geometry, too? One set of distances and another.

Mantel's test (1967) with models as its units. There are few models, so all their orders are taken where
that is possible, and the smallest p that so few models allow is always given.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from scipy.spatial.distance import squareform

from emo.core.compare.rdms import mantel
from emo.core.compare.sizes import EXACT
from emo.core.stats.correlation import standardised_ranks
from emo.core.stats.intervals import ALPHA

FEWEST = 3
"""Two units have one distance, and nothing to correlate."""


@dataclass(frozen=True)
class Relation:
    """Rank correlation of two sets of distances between the same units."""

    units: tuple[str, ...]
    rho: float
    """Spearman over the pairs of units; NaN for fewer than three, or where one side does not vary."""
    p: float
    """One-sided: units that are far apart in one are far apart in the other."""
    least_p: float
    """The smallest that these distances allow, ties included; with all orders at least 1 / units!."""
    every_order: bool
    """Whether all orders of the units were taken; otherwise p is of drawn ones."""

    @property
    def decidable(self) -> bool:
        """Whether p could reach the 5 % level at all."""
        return self.least_p <= ALPHA

    @property
    def shown(self) -> bool:
        """Whether the two are shown to go together."""
        return self.p <= ALPHA


def relation(
    units: Sequence[str],
    first: Float[np.ndarray, "unit unit"],
    second: Float[np.ndarray, "unit unit"],
    permutations: int,
    rng: np.random.Generator,
) -> Relation:
    """Whether two kinds of distances between the same units go together.

    Parameters
    ----------
    units
        Names of the units, in the order of rows and columns.
    first, second
        Symmetric distances; the diagonal is not looked at.
    permutations
        How many orders are drawn where there are more than seven units.
    rng
        For these; see :func:`emo.core.stats.resampling.stream`.

    Example
    -------
    >>> x = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
    >>> found = relation("abcde", x, x**2, 99, np.random.default_rng(0))
    >>> round(found.rho, 6), found.p == found.least_p == 2 / 120
    (1.0, True)
    """
    n, names = len(units), tuple(units)
    every = n <= EXACT
    if n < FEWEST:
        return Relation(names, float("nan"), float("nan"), 1.0, every)
    i, j = np.triu_indices(n, 1)
    a, b = standardised_ranks(np.stack([first[i, j], second[i, j]]))
    rho = float(a @ b)
    least = 1 / math.factorial(n) if every else 1 / (1 + permutations)
    if not np.isfinite(rho):
        return Relation(names, float("nan"), float("nan"), least, every)
    if not every:
        return Relation(names, *mantel(first[i, j], second[i, j], permutations, rng), least, every)
    orders = np.array(list(itertools.permutations(range(n))))
    null = squareform(a)[orders[:, i], orders[:, j]] @ b
    p, least = (float(np.mean(null >= bound - 1e-12)) for bound in (rho, null.max()))
    return Relation(names, rho, p, least, every)


def without_missing(*distances: Float[np.ndarray, "unit unit"]) -> list[int]:
    """The units that are left when those without some distance are taken out, the poorest first."""
    kept = list(range(len(distances[0])))
    missing = ~np.all([np.isfinite(d) for d in distances], axis=0)
    np.fill_diagonal(missing, False)
    while kept and missing[np.ix_(kept, kept)].any():
        worst = int(np.argmax(missing[np.ix_(kept, kept)].sum(axis=1)))
        del kept[worst]
    return kept


def over_groups(
    distances: Float[np.ndarray, "unit unit"], groups: Sequence[str]
) -> tuple[tuple[str, ...], Float64[np.ndarray, "group group"]]:
    """Mean distances between groups of units; those within a group are not looked at."""
    names = tuple(dict.fromkeys(groups))
    member = np.array([[g == name for g in groups] for name in names])
    means = [[distances[np.ix_(a, b)].mean() for b in member] for a in member]
    out = np.array(means, dtype=np.float64)
    np.fill_diagonal(out, 0.0)
    return names, out

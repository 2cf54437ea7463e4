"""The best of many correlations with one target, judged by the best under permuted targets.

With many layers and components some correlation is always large. Here the target is permuted as one, the
best of all rows is taken anew for every permutation, and the observed best is compared with those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.stats.intervals import ALPHA

ENTRIES = 1 << 22
"""Of permuted targets held at a time: 32 MiB, whatever the number of permutations."""

Permute = Callable[
    [Float64[np.ndarray, " unit"], Int[np.ndarray, "draw label"]], Float64[np.ndarray, "draw unit"]
]
"""The target once per permutation of its labels."""


@dataclass(frozen=True)
class Search:
    """Correlations of all rows, and how large the best is under permuted targets."""

    values: Float64[np.ndarray, " row"]
    """NaN for a row that is not finite, or of which the held values leave nothing."""
    line: float
    """What the best row must exceed for a p of at most ``ALPHA``."""
    p: float
    """(1 + permutations whose best is at least the observed best) / (1 + permutations)."""


def basis(held: Float[np.ndarray, "held unit"]) -> Float64[np.ndarray, "unit direction"]:
    """Orthonormal directions of a constant and of the held rows; those that repeat others are left out.

    Example
    -------
    >>> basis(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])).shape
    (3, 2)
    """
    n = held.shape[1]
    rows = held - held.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    u, sizes, _ = np.linalg.svd(rows.T, full_matrices=False)
    return np.concatenate([np.full((n, 1), n**-0.5), u[:, sizes > 1e-9]], axis=1)


def residuals(
    rows: Float[np.ndarray, "*row unit"], directions: Float64[np.ndarray, "unit direction"]
) -> Float64[np.ndarray, "*row unit"]:
    """What least squares on the directions leaves of each row, of length 1; NaN where nothing is left.

    Products of such rows are correlations with the held values fixed.
    """
    left = rows - (rows @ directions) @ directions.T
    length = np.linalg.norm(left, axis=-1, keepdims=True)
    whole = np.linalg.norm(rows, axis=-1, keepdims=True)
    told = length > 1e-9 * np.maximum(whole, 1e-300)
    return np.divide(left, length, out=np.full_like(left, np.nan), where=told)


def search(
    rows: Float[np.ndarray, "row unit"],
    target: Float[np.ndarray, " unit"],
    directions: Float64[np.ndarray, "unit direction"],
    orders: Int[np.ndarray, "draw label"],
    permute: Permute,
    either_sign: bool,
) -> Search:
    """Correlation of every row with the target, the directions held fixed, and p of the best row.

    What the directions leave of the target is permuted (Freedman & Lane 1983), and freed of the
    directions again. Without held values that is a permutation of the target itself, and the test is
    exact. The p is of the best of all rows: nothing else has to be corrected for the row's choice.

    Parameters
    ----------
    rows, target
        Values of the same units.
    directions
        Of :func:`basis`.
    orders
        Permutations of the labels: the same for several searches compares them on the same draws.
    permute
        :func:`permuted_labels` where units are labels, :func:`permuted_pairs` where they are pairs.
    either_sign
        Whether the sign of a row is arbitrary, as of a component: then sizes are compared.

    Example
    -------
    >>> rng = np.random.default_rng(0)
    >>> target = rng.normal(size=20)
    >>> rows = np.stack([rng.normal(size=20), -target + rng.normal(size=20) / 2])
    >>> orders = rng.permuted(np.tile(np.arange(20), (199, 1)), axis=1)
    >>> found = search(rows, target, basis(rows[:0]), orders, permuted_labels, either_sign=True)
    >>> float(found.values[1]) < -0.7, found.p, 0.3 < found.line < 0.7
    (True, 0.005, True)
    """
    unit, wanted = residuals(rows, directions), residuals(target, directions)
    values = unit @ wanted
    usable = unit[np.isfinite(unit).all(axis=1)]
    if not len(usable) or not np.isfinite(wanted).all():
        return Search(values, float("nan"), float("nan"))
    size = max(1, ENTRIES // len(wanted))
    null = np.concatenate(
        [
            _best(usable @ residuals(permute(wanted, some), directions).T, either_sign)
            for some in (orders[i : i + size] for i in range(0, len(orders), size))
        ]
    )
    # A permutation that leaves the target as it is must count, whatever the last bit says.
    reached = int((null >= _best(values[:, None], either_sign)[0] - 1e-12).sum())
    allowed = max(int(ALPHA * (1 + len(orders))), 1)
    return Search(values, float(np.sort(null)[-allowed]), (1 + reached) / (1 + len(orders)))


def _best(
    values: Float64[np.ndarray, "row draw"], either_sign: bool
) -> Float64[np.ndarray, " draw"]:
    return np.nanmax(np.abs(values) if either_sign else values, axis=0)


def permuted_labels(
    target: Float64[np.ndarray, " label"], orders: Int[np.ndarray, "draw label"]
) -> Float64[np.ndarray, "draw label"]:
    """A value per label, in every order."""
    return target[orders]


def permuted_pairs(
    target: Float64[np.ndarray, " pair"], orders: Int[np.ndarray, "draw label"]
) -> Float64[np.ndarray, "draw pair"]:
    """A value per pair of labels, its rows and columns in every order (Mantel 1967)."""
    n = orders.shape[1]
    i, j = np.triu_indices(n, 1)
    place = np.zeros((n, n), dtype=np.int64)
    place[i, j] = place[j, i] = np.arange(len(i))
    return target[place[orders[:, i], orders[:, j]]]

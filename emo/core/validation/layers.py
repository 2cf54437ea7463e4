"""Whether the geometry is the same at several layers, on disjoint halves of the items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int
from scipy.special import stdtr

from emo.core.stats.correlation import standardised_ranks
from emo.core.stats.jackknife import estimates, standard_error
from emo.core.stats.resampling import half_splits
from emo.core.validation.components import cosines_of, fewer_dimensions

N_BLOCKS = 20
"""Most parts of the groups that the jackknife leaves out one at a time."""


@dataclass(frozen=True)
class LayerStability:
    """Agreement of the RDMs of layers."""

    layers: tuple[int, ...]
    """Those compared."""
    same: tuple[tuple[float, ...], ...]
    """Spearman of the RDMs of two layers on the same items."""
    disjoint: tuple[tuple[float, ...], ...]
    """The same where one half of the items makes one RDM and the other half the other."""
    first: int
    """From this layer on the number below is the mean."""
    same_mean: float
    """Mean over pairs of layers, same items: the published kind of comparison."""
    value: float
    """Mean over pairs of layers of disjoint rho over its ceiling, the root of the product of what each
    of the two agrees with itself; 1: one geometry."""
    low: float
    """Of the 95 % interval over situations, or over passages without one."""
    high: float
    p: float
    """Of a value above the margin."""


def layer_stability(
    activations: Float[np.ndarray, "layer item hidden"],
    layers: tuple[int, ...],
    emotions: Int[np.ndarray, " item"],
    groups: Int[np.ndarray, " item"],
    margin: float,
    n_splits: int,
    rng: np.random.Generator,
) -> LayerStability:
    """How alike the geometries of layers are, from a third of the depth on.

    On the same items two layers agree even where no emotion is in them, because they read the same
    texts; halves of the items do not share that. Difference-of-means vectors.
    """
    depth = np.array(layers) / max(layers[-1], 1)
    deep = np.flatnonzero(depth >= 1 / 3)
    firsts = half_splits(groups, emotions, n_splits, rng)
    whole = np.ones(len(emotions), dtype=bool)
    values = [fewer_dimensions(layer) for layer in activations]
    same, cross = _matrices(values, emotions, firsts, whole)
    value = _quotient(cross, deep)
    distinct = np.unique(groups)
    parts = np.array_split(rng.permutation(distinct), min(N_BLOCKS, len(distinct)))
    left_out = []
    for part in parts:
        kept = ~np.isin(groups, part)
        if len(np.unique(emotions[kept])) < len(np.unique(emotions)):
            continue
        left_out.append(_quotient(_matrices(values, emotions, firsts, kept)[1], deep))
    array = np.array(left_out)
    finite = bool(len(array)) and bool(np.isfinite(array).all()) and np.isfinite(value)
    low = high = p = float("nan")
    if finite and len(array) > 2:
        found = estimates(np.float64(value), array)
        low, high = float(found.low), float(found.high)
        error = float(standard_error(array))
        p = float(1 - stdtr(len(array) - 1, (value - margin) / max(error, 1e-12)))
    i, j = np.triu_indices(len(deep), 1)
    return LayerStability(
        layers=layers,
        same=_rows(same),
        disjoint=_rows(cross),
        first=int(layers[deep[0]]),
        same_mean=float(same[np.ix_(deep, deep)][i, j].mean()) if len(deep) > 1 else float("nan"),
        value=value,
        low=low,
        high=high,
        p=p,
    )


def _matrices(
    layers: Sequence[np.ndarray],
    emotions: np.ndarray,
    firsts: Bool[np.ndarray, "split item"],
    kept: Bool[np.ndarray, " item"],
) -> tuple[Float64[np.ndarray, "layer layer"], Float64[np.ndarray, "layer layer"]]:
    """Spearman between layers on the same items, and on disjoint halves, mean over splits."""
    all_items = kept[None].astype(np.float64)
    halves = [(f & kept).astype(np.float64) for f in (firsts, ~firsts)]
    wholes, one, two = [], [], []
    for values in layers:
        wholes.append(standardised_ranks(cosines_of(values, all_items, emotions))[0])
        for half, into in zip(halves, (one, two), strict=True):
            into.append(standardised_ranks(cosines_of(values, half, emotions)))
    whole = np.array(wholes)
    a, b = np.array(one), np.array(two)  # layer, split, pair
    cross = np.einsum("lsp,msp->lms", a, b)
    cross = np.nanmean(cross, axis=2) if np.isfinite(cross).any() else cross.mean(axis=2)
    return whole @ whole.T, (cross + cross.T) / 2


def _quotient(cross: np.ndarray, deep: np.ndarray) -> float:
    own = np.diag(cross)[deep]
    if len(deep) < 2 or not (np.isfinite(own).all() and (own > 0).all()):
        return float("nan")
    i, j = np.triu_indices(len(deep), 1)
    of = cross[np.ix_(deep, deep)][i, j]
    return float((of / np.sqrt(own[i] * own[j])).mean())


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(v) for v in row) for row in matrix)

"""Leading components of emotion vectors at one layer: their shares, and valence along the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from emo.core.geometry.components import principal_components
from emo.core.geometry.label_null import label_orders
from emo.core.stats.correlation import pearson
from emo.core.stats.intervals import expansion
from emo.core.stats.resampling import blocks, bootstrap_counts, strata
from emo.core.validation.permutations import p_of


@dataclass(frozen=True)
class Share:
    """Share of the variance of one component."""

    value: float
    low: float
    """Of the 95 % interval over situations, or over passages without one."""
    high: float
    p: float
    """Of a larger share: labels permuted."""
    null: float
    """Mean share under permuted labels."""


@dataclass(frozen=True)
class Components:
    """The first two components of the emotion vectors, each scaled to length 1."""

    shares: tuple[Share, Share]
    emotions: tuple[str, ...]
    first: tuple[float, ...]
    """Scores on the first component, by emotion; pleasant emotions are made positive."""
    valence: float
    """Size of Pearson's r of the first component with the poles: pleasant 1, unpleasant -1, else 0."""
    valence_low: float
    """Of the 95 % interval over emotions (Fisher's z)."""
    valence_high: float
    valence_p: float
    """Poles permuted over the emotions."""


def cosines_of(
    items: Float[np.ndarray, "item hidden"],
    weights: Float[np.ndarray, "draw item"],
    emotions: Int[np.ndarray, " item"],
) -> Float64[np.ndarray, "draw pair"]:
    """Cosines of all pairs of emotion vectors, centred over the emotions, once per draw of weights."""
    x, names = np.asarray(items, dtype=np.float64), np.unique(emotions)
    i, j = np.triu_indices(len(names), 1)
    out = np.empty((len(weights), len(i)))
    for some in blocks(len(weights), 8 * len(names) * x.shape[1]):
        means = np.stack([_means(x, weights[some], emotions == e) for e in names], axis=1)
        means = means - means.mean(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = means / np.linalg.norm(means, axis=-1, keepdims=True)
        out[some] = (means @ np.swapaxes(means, 1, 2))[:, i, j]
    return out


def _means(x: np.ndarray, weights: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Weighted means of some items, once per draw; NaN for a draw that has none of them."""
    w = weights[:, of]
    with np.errstate(invalid="ignore"):
        return (w @ x[of]) / w.sum(axis=1, keepdims=True)


def fewer_dimensions(items: Float[np.ndarray, "item hidden"]) -> Float64[np.ndarray, "item axis"]:
    """Items with the same products in as many dimensions as there are items, if these are fewer."""
    x = np.asarray(items, dtype=np.float64)
    if len(x) >= x.shape[1] or not np.isfinite(x).all():
        return x
    sizes, axes = np.linalg.eigh(x @ x.T)
    return axes * np.sqrt(np.clip(sizes, 0, None))


def components(
    items: Float[np.ndarray, "item hidden"],
    emotions: Int[np.ndarray, " item"],
    groups: Int[np.ndarray, " item"],
    names: Sequence[str],
    poles: Sequence[float],
    n_permutations: int,
    rng: np.random.Generator,
) -> Components:
    """Shares of the first two components of difference-of-means vectors, and valence along the first.

    Components are those of vectors scaled to length 1: of others the first is the longest vector.
    """
    items = fewer_dimensions(items)
    one = np.ones((1, len(emotions)))
    draws = min(n_permutations, 500)
    rdm = cosines_of(items, one, emotions)
    scores, shares = principal_components(rdm, 2)
    orders = label_orders(groups, emotions, draws, rng)
    null = np.array(
        [principal_components(cosines_of(items[order], one, emotions), 2)[1][0] for order in orders]
    )
    counts = bootstrap_counts(groups, emotions, draws, rng)
    resampled = principal_components(cosines_of(items, counts, emotions), 2)[1]
    units = np.unique(strata(groups, emotions), return_counts=True)[1]
    factor = expansion(units)
    spread = 1.96 * np.nanstd(resampled, axis=0) * (np.nan if factor is None else factor)
    pole = np.asarray(poles, dtype=np.float64)
    first = scores[0, 0]
    r = float(pearson(first, pole))
    permuted = rng.permuted(np.tile(pole, (n_permutations, 1)), axis=1)
    low, high = _fisher(abs(r), len(names))
    return Components(
        shares=(_share(0, shares, spread, null), _share(1, shares, spread, null)),
        emotions=tuple(names),
        first=tuple(float(v) for v in (first if r >= 0 else -first)),
        valence=abs(r),
        valence_low=low,
        valence_high=high,
        valence_p=p_of(abs(r), np.abs(np.asarray(pearson(first, permuted)))),
    )


def _share(k: int, shares: np.ndarray, spread: np.ndarray, null: np.ndarray) -> Share:
    value = float(shares[0, k])
    return Share(
        value=value,
        low=max(value - float(spread[k]), 0.0) if np.isfinite(spread[k]) else float("nan"),
        high=min(value + float(spread[k]), 1.0) if np.isfinite(spread[k]) else float("nan"),
        p=p_of(value, null[:, k]),
        null=float(np.nanmean(null[:, k])),
    )


def _fisher(r: float, n: int) -> tuple[float, float]:
    if n < 5 or not np.isfinite(r):
        return float("nan"), float("nan")
    z, reach = np.arctanh(min(r, 0.999999)), 1.96 / np.sqrt(n - 3)
    return float(np.tanh(z - reach)), float(np.tanh(z + reach))

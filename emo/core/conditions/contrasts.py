"""One condition of the four-layer table, and two conditions measured against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emo.core.compare.rdms import ItemComparison, mantel, over_emotions
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.core.geometry.cosines import paired_cosines
from emo.core.geometry.item_sets import ItemSet, common_emotions
from emo.core.geometry.vectors import post_centred
from emo.core.records import EmotionVectors
from emo.core.stats.intervals import Estimates
from emo.core.stats.resampling import Resampling


@dataclass(frozen=True)
class Condition:
    """One condition of one model: a run at its layer."""

    name: str
    run_id: str
    model: str
    precision: str
    items: ItemSet
    vectors: EmotionVectors
    """Of the one layer, [1 emotion hidden], with the recipe's own centring and norm."""
    layer: int
    n_effective: float
    """Texts a mean rests on, all repeats of one text counted once."""
    anisotropy: float | None = None
    """At the layer; None where the run has not logged it."""
    surfaces: tuple[ItemSet, ...] = ()
    """TF-IDF of the texts it has read; none where they are not known."""
    texts: str = ""
    """Digest of the token ids of the texts a model wrote; empty where they are not known."""

    @property
    def flagged(self) -> bool:
        """Whether the raw anisotropy is above the published bound [S 2.5]."""
        return self.anisotropy is not None and self.anisotropy > FLAGGED_ANISOTROPY


@dataclass(frozen=True)
class ContrastMeasures:
    """A contrast under one centring."""

    rho: Estimates
    """With the interval over items; no bounds where neither side has items to draw from."""
    over_emotions: Estimates
    p: float
    """One-sided Mantel p."""
    mean_cosine: float | None
    """Mean per-emotion cosine of the vectors; None where the hidden sizes differ."""

    @property
    def interval(self) -> tuple[float, float]:
        """Bounds of rho: over items where there are any, else over emotions."""
        e = self.rho if np.isfinite(self.rho.low) else self.over_emotions
        return float(e.low), float(e.high)


Compare = Callable[..., ItemComparison]
"""How two item sets are compared: :func:`compare_shared` or :func:`compare_independent`."""


def with_post_centring(
    a: Condition,
    b: Condition,
    compare: Compare,
    resampling: Resampling,
    n_bootstrap: int | None,
    permutations: int,
    rng: np.random.Generator,
) -> tuple[ContrastMeasures, ItemComparison]:
    """A contrast with the vectors of each side minus the mean of its full set."""
    sets = [post_centred_items(c) for c in (a, b)]
    emotions = common_emotions(*(s.emotions for s in sets))
    held = [s.rdm(emotions) for c in (a, b) for s in c.surfaces]
    comparison = compare(*sets, resampling, np.stack(held) if held else None, n_bootstrap)
    vectors = (post_centred(c.vectors, emotions).values[0] for c in (a, b))
    return _measures(sets, comparison, permutations, rng, _mean_cosine(*vectors)), comparison


def as_centred(
    a: Condition,
    b: Condition,
    compare: Compare,
    resampling: Resampling,
    n_bootstrap: int | None,
    permutations: int,
    rng: np.random.Generator,
) -> ContrastMeasures:
    """A contrast with the vectors as each condition centres them by itself."""
    sets = [_items_with(c, post_centred=False) for c in (a, b)]
    emotions = common_emotions(*(s.emotions for s in sets))
    # Halves are asked of the post-centred sets only.
    once = replace(resampling, n_splits=1, n_bootstrap=1, splits_per_replicate=1)
    draws = resampling.n_bootstrap if n_bootstrap is None else n_bootstrap
    comparison = compare(*sets, once, None, draws)
    vectors = (c.vectors.values[0, [c.vectors.emotions.index(e) for e in emotions]] for c in (a, b))
    return _measures(sets, comparison, permutations, rng, _mean_cosine(*vectors))


def post_centred_items(condition: Condition) -> ItemSet:
    """The items of a condition, its vectors centred on the mean of its own full set."""
    return _items_with(condition, post_centred=True)


def _items_with(condition: Condition, *, post_centred: bool) -> ItemSet:
    items = condition.items
    return replace(items, recipe=replace(items.recipe, post_centred=post_centred))


def _measures(
    sets: Sequence[ItemSet],
    comparison: ItemComparison,
    permutations: int,
    rng: np.random.Generator,
    mean_cosine: float | None,
) -> ContrastMeasures:
    a, b = (s.rdm(comparison.emotions) for s in sets)
    return ContrastMeasures(
        rho=comparison.rho,
        over_emotions=over_emotions(a, b),
        p=mantel(a, b, permutations, rng)[1],
        mean_cosine=mean_cosine,
    )


def _mean_cosine(a: np.ndarray, b: np.ndarray) -> float | None:
    """Mean over the emotions of the cosine of the two sides' vectors; None if their widths differ."""
    return float(paired_cosines(a, b).mean()) if a.shape == b.shape else None

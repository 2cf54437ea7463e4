"""What the descriptors are where the labels mean nothing: the same items, their labels permuted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int

from emo.core.choices import Criterion
from emo.core.geometry.criterion_rdm import CriterionRdm
from emo.core.geometry.halves import balance_of
from emo.core.geometry.resampled import ResampledLayer, centred_cosines, half_correlations
from emo.core.geometry.valence import VALENCE
from emo.core.records import LabelNull
from emo.core.stats.intervals import LEVEL, finite_mean
from emo.core.stats.reliability import full_length
from emo.core.stats.resampling import nested

TWO_SIDED = frozenset({Criterion.mean_cosine.value, "rdm_std"})
"""Descriptors that emotion can move either way; the others are greater with emotion.

Emotions in few directions make RDM std greater than noise of the same items does, emotions that all
differ from each other alike make it smaller.
"""


def label_orders(
    groups: Int[np.ndarray, " item"],
    emotions: Int[np.ndarray, " item"],
    n_draws: int,
    rng: np.random.Generator,
) -> Int[np.ndarray, "draw item"]:
    """Which item stands in the place of each item, with its label, in every draw.

    Items of a group that holds several emotions (a situation) are exchanged within the group. Groups
    of one emotion (passages without a situation) are exchanged whole, with groups of as many items.

    Example
    -------
    >>> groups, emotions = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> orders = label_orders(groups, emotions, 50, np.random.default_rng(0))
    >>> bool((groups[orders] == groups).all()), sorted(set(map(tuple, orders[:, :2].tolist())))
    (True, [(0, 1), (1, 0)])
    """
    orders = np.tile(np.arange(len(groups), dtype=np.int32), (n_draws, 1))
    sizes = np.bincount(groups)
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    alone = nested(groups, emotions)
    for places in (m for m, one in zip(members, alone, strict=True) if not one):
        orders[:, places] = rng.permuted(np.tile(places, (n_draws, 1)), axis=1)
    whole = [m for m, one in zip(members, alone, strict=True) if one]
    for size in sorted({len(m) for m in whole}):
        places = np.array([m for m in whole if len(m) == size])
        for order in orders:
            order[places] = places[rng.permutation(len(places))]
    return orders


@dataclass(frozen=True)
class LayerStatistics:
    """The descriptors of one layer that hang on the labels, as functions of its items alone.

    Reliability takes the same few divisions for the labels as they are and for every permutation of
    them, so that the two differ in nothing else.
    """

    halves: Bool[np.ndarray, "split cell"]
    valence: CriterionRdm | None = None

    def of(self, layer: ResampledLayer) -> dict[str, float]:
        """Every descriptor's value; NaN where there are too few items."""
        cells = layer.cells
        cosines = centred_cosines(layer, cells.everything)[0]
        ones = np.ones(self.halves.shape)
        half = float(finite_mean(half_correlations(layer, ones, self.halves), axis=0))
        return {
            "mean_cosine": float(finite_mean(cosines, axis=0)),
            "rdm_std": float(np.nanstd(cosines)) if np.isfinite(cosines).any() else float("nan"),
            "reliability": full_length(half, balance_of(cells.emotion, self.halves)),
            "accuracy": float(layer.left_out_accuracy(cells.everything)[0]),
            **({VALENCE: float(self.valence.rho(cosines[None])[0])} if self.valence else {}),
        }


def label_null(
    observed: Float64[np.ndarray, " layer"],
    drawn: Float64[np.ndarray, "draw layer"],
    two_sided: bool = False,
) -> LabelNull:
    """Mean and central 95 % of the draws per layer, and p = (1 + #{draw >= observed}) / (1 + draws).

    A two-sided p is twice the smaller of the two tails. The correction of 1 is Phipson & Smyth's
    (2010): the labels as they are count as one of their permutations. NaN where there is no value.

    Example
    -------
    >>> null = label_null(np.array([0.9]), np.arange(0.0, 0.99, 0.01)[:, None])
    >>> float(null.p[0]), round(float(null.mean[0]), 2)
    (0.1, 0.49)
    """
    there = np.isfinite(observed) & np.isfinite(drawn).all(axis=0) & (len(drawn) > 0)
    n = 1 + len(drawn)
    above = (1 + (drawn >= observed).sum(axis=0)) / n
    below = (1 + (drawn <= observed).sum(axis=0)) / n
    p = np.minimum(2 * np.minimum(above, below), 1) if two_sided else above
    if not there.any():
        nothing = np.full(len(observed), np.nan)
        return LabelNull(nothing, nothing, nothing, nothing)
    safe = np.where(there, drawn, 0)
    low, high = np.percentile(safe, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=0)
    return LabelNull(*(np.where(there, x, np.nan) for x in (safe.mean(axis=0), low, high, p)))

"""How much of emotion vectors, of their RDM and of their axes is predicted from the text alone.

The items are divided into random halves. In each half, every item's activation is predicted from its
text by linear maps that learn from other situations of that half (:mod:`emo.core.compare.text_maps`).
Means of observed and of predicted activations give the half's observed vectors v and predicted vectors
p. All products are between the two halves (:mod:`emo.core.compare.text_products`).

- Vectors: (2 p.v - p.p) / v.v, summed over emotions. Without noise that is 1 - |v - p|^2 / |v|^2: the
  share of the reliable differences between emotions that is predicted. It is negative where predicting
  is worse than not predicting.
- An axis: the same of one contrast of emotions, the k-th eigenvector of v.v.
- RDM: the squared disattenuated rho, with its sign. r|r| / (rel p x rel v), with r the disjoint
  correlation of predicted and observed RDM and rel that of each with itself, is taken of the r that
  normal variables of these rho have, since noise takes a factor off r only; then r becomes rho again.

What maps learn within emotions explains of differences between emotions is the decomposition of
Oaxaca 1973 and Blinder 1973. The rest is this project's. See docs/summary.md, "In the text alone".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from emo.core.compare.text_maps import Learning, text_kernel
from emo.core.compare.text_products import HalvesOfTexts
from emo.core.geometry.means import prepare
from emo.core.records import Activations, LabelMismatch
from emo.core.stats.correlation import ranks_from_normal
from emo.core.stats.intervals import Estimates
from emo.core.stats.quotients import fieller, jackknife
from emo.core.stats.resampling import Resampling, index, stream

LEAST_GROUPS = 6
"""Situations of each emotion that are needed, or items where there are none: three in each half."""
MOST_ITEMS = 600
"""Of more items about so many are used, a random choice: the cost grows with their cube."""
UNKNOWN = Estimates(*(np.full((), np.nan) for _ in range(3)))


@dataclass(frozen=True)
class TextShare:
    """What of one model's geometry one kind of text features predicts; intervals are over items."""

    model: str
    text: str
    learning: Learning
    vectors: Estimates
    """Share of the reliable differences between emotion vectors."""
    rdm: Estimates
    """Share of the RDM's reliable ranks; NaN where the predicted RDM does not agree with itself."""
    axes: tuple[Estimates, ...]
    """Share of each of the leading axes, largest first."""


def text_shares(
    text: str,
    blocks: Sequence[Activations],
    models: Mapping[str, Activations],
    resampling: Resampling,
    remove: str = "none",
) -> list[TextShare]:
    """How much of each model's geometry one kind of text features predicts, by each way of learning.

    Parameters
    ----------
    text
        Name of the features.
    blocks
        One-layer features of the items; several are used together.
    models
        One-layer activations of the same items, by the name of the model.
    resampling
        Number of divisions (at most ``SPLITS`` are used) and the seed.
    remove
        A :class:`emo.core.choices.Removal`: what is subtracted from features and activations first.

    Raises
    ------
    LabelMismatch
        If features and models are not of the same items.
    ValueError
        If an emotion has fewer than ``LEAST_GROUPS`` situations, or items where there are none.
    """
    first = next(iter(models.values()))
    chosen = _some(first, stream(resampling.seed, "text share, items"))
    keys = [_keys(first)[i] for i in chosen]
    emotions, groups = (index(labels)[1] for labels in list(zip(*keys, strict=True))[:2])
    pairs = np.unique(np.stack([emotions, groups]), axis=1)
    least = int(np.bincount(pairs[0]).min())
    if least < LEAST_GROUPS:
        raise ValueError(
            f"they need {LEAST_GROUPS} situations (or texts, where there are none) of each emotion; "
            f"one has {least}"
        )
    every = set(_keys(first))
    rows = [_aligned(a, keys, every, remove) for a in (*blocks, *models.values())]
    kernel = text_kernel(rows[: len(blocks)])
    inner = [(y := x - x.mean(axis=0)) @ y.T for x in rows[len(blocks) :]]
    design = HalvesOfTexts.make(emotions, groups, resampling)
    return [
        TextShare(name, text, learning, *made)
        for learning in Learning
        for name, made in zip(models, _estimates(design, kernel, inner, learning), strict=True)
    ]


def _estimates(
    design: HalvesOfTexts, kernel: np.ndarray, models: Sequence[np.ndarray], learning: Learning
) -> list[tuple[Estimates, Estimates, tuple[Estimates, ...]]]:
    """Shares of the vectors, of the RDM and of the axes, for each model."""
    whole = design.products(kernel, models, learning)
    blocks = range(int(design.block.max()) + 1)
    without = [design.products(kernel, models, learning, left_out=b) for b in blocks]
    made = []
    for i, all_items in enumerate(whole):
        axes = all_items.axes
        top, bottom = all_items.parts(axes).T
        left_out = np.stack([w[i].parts(axes) for w in without])
        share = fieller(top, bottom, jackknife(left_out, np.zeros(len(left_out), dtype=np.int64)))
        rdm = rank_share(share[1]) if np.isfinite(share.low[1]) else UNKNOWN
        made.append((share[0], rdm, tuple(share[k] for k in range(2, len(top)))))
    return made


def rank_share(share: Estimates) -> Estimates:
    """The squared rho of a squared r, each with its sign."""

    def squared(value: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        root = ranks_from_normal(np.sign(value) * np.sqrt(np.abs(value)))
        return np.asarray(root * np.abs(root))

    return Estimates(squared(share.value), squared(share.low), squared(share.high))


def _some(items: Activations, rng: np.random.Generator) -> Int[np.ndarray, " chosen"]:
    """All items, or about ``MOST_ITEMS``: one of each emotion and situation, then a second, and so on.

    They are taken by whole situations where there are any, in random order.
    """
    groups, emotions = index(items.groups)[1], index(items.emotions)[1]
    if len(groups) <= MOST_ITEMS:
        return np.arange(len(groups))
    n_groups, turn = int(groups.max()) + 1, np.empty(len(groups), dtype=np.int64)
    taken: dict[tuple[int, int], int] = {}
    for i in rng.permutation(len(groups)):
        cell = (int(groups[i]), int(emotions[i]))
        turn[i] = taken[cell] = taken.get(cell, -1) + 1
    unit = turn * n_groups + rng.permutation(n_groups)[groups]
    return np.flatnonzero(unit < np.sort(unit)[MOST_ITEMS])


def _keys(items: Activations) -> list[tuple[str, str, str]]:
    return list(zip(items.emotions, items.groups, items.item_ids, strict=True))


def _aligned(
    items: Activations,
    keys: Sequence[tuple[str, str, str]],
    every: set[tuple[str, str, str]],
    remove: str,
) -> Float64[np.ndarray, "item hidden"]:
    """The rows of the keys, of a record that has all of ``every``."""
    where = {key: i for i, key in enumerate(_keys(items))}
    if set(where) != every:
        raise LabelMismatch("text features and activations are not of the same items")
    return prepare(items, remove)[0][[where[key] for key in keys]].astype(np.float64)

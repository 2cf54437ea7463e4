"""What the descriptors of written texts are where the labels mean nothing.

Repeated texts hold no noise of their own, so texts are not exchanged one by one: within a prompt,
whole emotions are, each with all of its texts. With a single prompt that would change nothing but names,
so there texts are exchanged, if all of them differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from emo.core.geometry.halves import balance, disjoint_agreement
from emo.core.geometry.item_sets import ItemSet, Recipe, own_design
from emo.core.geometry.label_null import TWO_SIDED, label_null, label_orders
from emo.core.records import Activations, LabelNull
from emo.core.stats.intervals import finite_mean
from emo.core.stats.reliability import full_length
from emo.core.stats.resampling import Resampling, index, nested, stream

ACCURACY = "accuracy"
STATISTICS = ("mean_cosine", "rdm_std", "reliability", ACCURACY)


def exchanged_texts(
    prompts: Int[np.ndarray, " text"],
    emotions: Int[np.ndarray, " text"],
    repeats: bool,
    n_draws: int,
    rng: np.random.Generator,
) -> Int[np.ndarray, "draw text"]:
    """Which text stands in the place of each text, with its label, in every draw.

    Parameters
    ----------
    prompts, emotions
        Of each text, numbered from 0; with a single prompt the texts are numbered instead.
    repeats
        Whether some texts are the same.

    Returns
    -------
    ndarray
        No draw where there is nothing to exchange: one prompt only, and repeated texts.

    Example
    -------
    >>> prompts, emotions = np.repeat([0, 1], 4), np.tile([0, 0, 1, 1], 2)
    >>> orders = exchanged_texts(prompts, emotions, True, 20, np.random.default_rng(0))
    >>> sorted(set(map(tuple, orders[:, :4].tolist())))
    [(0, 1, 2, 3), (2, 3, 0, 1)]
    """
    everything = np.arange(len(prompts))
    if nested(prompts, emotions).all():  # a single prompt: every text is a group of its own
        return label_orders(prompts, emotions, 0 if repeats else n_draws, rng)
    pairs, cell = np.unique(np.stack([prompts, emotions]), axis=1, return_inverse=True)
    cell = cell.reshape(-1)
    sizes = np.bincount(cell)
    # Emotions with as many texts at a prompt can stand for each other there.
    alike = np.unique(np.stack([pairs[0], sizes]), axis=1, return_inverse=True)[1].reshape(-1)
    members = np.split(np.argsort(cell, kind="stable"), np.cumsum(sizes)[:-1])
    orders = np.tile(everything, (n_draws, 1))
    for order, of_cells in zip(orders, _within(alike, n_draws, rng), strict=True):
        for place, other in enumerate(of_cells):
            order[members[place]] = members[other]
    return orders


def _within(
    group: Int[np.ndarray, " cell"], n_draws: int, rng: np.random.Generator
) -> Int[np.ndarray, "draw cell"]:
    """Permutations of the cells of each group."""
    orders = np.tile(np.arange(len(group)), (n_draws, 1))
    for number in range(int(group.max()) + 1):
        places = np.flatnonzero(group == number)
        orders[:, places] = rng.permuted(np.tile(places, (n_draws, 1)), axis=1)
    return orders


def permuted_stories(
    activations: Activations,
    baselines: Mapping[int, Float[np.ndarray, " hidden"] | None],
    recipe: Recipe,
    repeats: bool,
    resampling: Resampling,
    *,
    accuracy: bool = False,
) -> dict[str, LabelNull]:
    """Descriptors of every layer beside what they are where the labels mean nothing, by name.

    Parameters
    ----------
    activations
        Of the emotions' texts; groups are prompts.
    baselines
        By finite layer, the vector of the neutral stories; None where they are not the centre.
    recipe
        From texts to vectors.
    repeats
        Whether some texts are the same.
    resampling
        ``n_permutations`` draws; reliability is of ``splits_per_replicate`` halvings, the same ones for
        the labels as they are and for every draw.
    accuracy
        Whether left-out accuracy is among the descriptors.
    """
    _, prompts = index(activations.groups)
    _, emotions = index(activations.emotions)
    rng = stream(resampling.seed, "labels")
    orders = exchanged_texts(prompts, emotions, repeats, resampling.n_permutations, rng)
    if not len(orders):
        return {}
    shape = 1 + len(orders), activations.n_layers
    values = {name: np.full(shape, np.nan) for name in STATISTICS}
    for layer, baseline in baselines.items():
        one = _layer(activations, layer)
        for row, order in enumerate([np.arange(len(prompts)), *orders]):
            exchanged = replace(one, values=one.values[:, order])
            items = ItemSet.make(exchanged, 0, recipe, baseline)
            for name, value in descriptors_of(items, resampling, accuracy=accuracy).items():
                values[name][row, layer] = value
    return {
        name: label_null(drawn[0], drawn[1:], name in TWO_SIDED)
        for name, drawn in values.items()
        if np.isfinite(drawn).any()
    }


def _layer(activations: Activations, layer: int) -> Activations:
    one = slice(layer, layer + 1)
    return replace(activations, values=activations.values[one], neutral=activations.neutral[one])


def descriptors_of(
    items: ItemSet, resampling: Resampling, *, accuracy: bool = False
) -> dict[str, float]:
    """The descriptors of one layer that hang on the labels; reliability by few halvings."""
    design, rdm = own_design(items), items.rdm(items.emotions)
    first = design.halves(resampling.splits_per_replicate, stream(resampling.seed, "halves"))
    disjoint = disjoint_agreement([items], design, items.emotions, first)
    half = float(finite_mean(disjoint, axis=-1)[0, 0])
    return {
        "mean_cosine": float(finite_mean(rdm, axis=0)),
        "rdm_std": float(np.nanstd(rdm)) if np.isfinite(rdm).any() else float("nan"),
        "reliability": full_length(half, balance(design, first)),
        **({ACCURACY: items.left_out_accuracy()} if accuracy else {}),
    }

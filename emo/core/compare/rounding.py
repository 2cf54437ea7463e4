"""Whether a precision changes more than its own rounding does.

A precision whose arithmetic is discontinuous (INT8) amplifies the last bits of its inputs. So its
distance from a reference is set beside the distance of two readings of its own that differ in nothing
but the last bits of their inputs. The rule is this project's own; the interval is a delete-a-group
jackknife (Kott 2001) with Student's t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float64, Int

from emo.core.choices import DEFAULT_ESTIMATOR
from emo.core.geometry.cosines import cosine_matrix, finite_layers, paired_cosines, upper
from emo.core.geometry.item_sets import ItemSet, common_emotions
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Activations
from emo.core.stats.correlation import spearman
from emo.core.stats.intervals import LEVEL, Estimates
from emo.core.stats.jackknife import reach, standard_error
from emo.core.stats.resampling import index

BLOCKS = 10
"""Most groups of situations that are left out in turn."""

RULE = (
    "Farther than from its replicate: the distance from the reference is larger than that from the "
    f"replicate, and the {LEVEL:.0%} interval of the difference, over situations, lies above 0. Only "
    "there is a change called the weights' own."
)
"""The rule of :class:`Excess` in words.

It is strict. Two readings of one precision carry its rounding twice, a reading and a reference that does
not round carry it once; so what the weights change must exceed the rounding to be called theirs.
"""

KINDS = {"items": "activations", "vectors": "emotion vectors", "rdm": "RDMs"}
"""What is compared: the fields of :class:`Excess`, in words."""

Pair = tuple[Activations, Activations]


@dataclass(frozen=True)
class Excess:
    """How much farther apart one pair of readings is than another, per layer.

    In units of 1 - cosine (1 - rho for RDMs). NaN where a reading is not finite; NaN bounds where there
    are fewer than two situations.
    """

    items: Estimates
    """Of the activations of single items."""
    vectors: Estimates
    """Of the emotion vectors."""
    rdm: Estimates
    """Of their RDMs."""

    def beyond(self) -> dict[str, Bool[np.ndarray, " layer"]]:
        """Where the interval lies above 0, by kind: the first pair is farther apart than the second."""
        return {f.name: getattr(self, f.name).low > 0 for f in fields(self)}

    def curves(self) -> dict[str, Float64[np.ndarray, " layer"]]:
        """Values and lower bounds by name, such as ``excess_rdm`` and ``excess_rdm_low``."""
        named = {}
        for f in fields(self):
            estimates = getattr(self, f.name)
            named |= {f"excess_{f.name}": estimates.value, f"excess_{f.name}_low": estimates.low}
        return named


def excess(
    effect: Pair, rounding: Pair, remove: str = "none", estimator: str = DEFAULT_ESTIMATOR
) -> Excess:
    """How much farther the readings of ``effect`` are apart than those of ``rounding``.

    Parameters
    ----------
    effect
        A precision and its reference, the same items in the same order.
    rounding
        The precision with moved inputs and without, the same items again.
    remove, estimator
        As in :func:`emo.core.geometry.vectors.emotion_vectors`.
    """
    block = _blocks(effect[0])
    everything = np.ones(len(block), bool)
    whole = _differences(effect, rounding, everything, remove, estimator)
    n = int(block.max()) + 1
    if n < 2:
        nothing = np.full_like(whole, np.nan)
        return _named(whole, nothing, nothing)
    without = np.stack(
        [_differences(effect, rounding, block != b, remove, estimator) for b in range(n)]
    )
    error = reach(standard_error(without), n)
    return _named(whole, whole - error, whole + error)


def rho_excess(a: ItemSet, b: ItemSet, replicate: ItemSet) -> Estimates:
    """How much less two sets agree than the second does with its replicate: rho lost beyond rounding.

    For the four-layer table, whose sides may have read other texts: ``a`` is C, ``b`` D, the replicate
    D'. Above 0 where the precision changes more than its rounding (and the texts that follow from it).

    Parameters
    ----------
    a, b, replicate
        Sets with the same names of groups (prompts). The interval leaves out each group in turn; it has
        no bounds where there are fewer than two.
    """
    sets = (a, b, replicate)
    emotions = common_emotions(*(s.emotions for s in sets))
    groups = [g for g in b.groups if all(g in s.groups for s in sets)]

    def lost(left_out: str | None) -> float:
        x, y, z = (_rdm_without(s, left_out, emotions) for s in sets)
        return float(spearman(y, z) - spearman(x, y))

    whole = np.array(lost(None))
    if len(groups) < 2:
        nothing = np.array(np.nan)
        return Estimates(whole, nothing, nothing)
    error = reach(standard_error(np.array([lost(g) for g in groups])), len(groups))
    return Estimates(whole, np.asarray(whole - error), np.asarray(whole + error))


def _rdm_without(
    items: ItemSet, left_out: str | None, emotions: Sequence[str]
) -> Float64[np.ndarray, " pair"]:
    kept = np.array([group != left_out for _, group in items.cells])
    return items.rdms(items.layer.cells.everything * kept, emotions)[0]


def _blocks(activations: Activations) -> Int[np.ndarray, " item"]:
    """The group of each item that is left out as a whole.

    Situations take turns; without situations the passages of each emotion do.
    """
    if activations.situations is not None:
        return index(activations.situations)[1] % BLOCKS
    _, emotion = index(activations.emotions)
    rank = np.zeros(len(emotion), dtype=np.int64)
    for e in range(int(emotion.max()) + 1):
        rank[emotion == e] = np.arange((emotion == e).sum())
    return rank % BLOCKS


def _differences(
    effect: Pair, rounding: Pair, kept: Bool[np.ndarray, " item"], remove: str, estimator: str
) -> Float64[np.ndarray, "kind layer"]:
    """Similarity within ``rounding`` minus similarity within ``effect``, of the items kept."""
    similar = [_similarities(pair, kept, remove, estimator) for pair in (rounding, effect)]
    return similar[0] - similar[1]


def _similarities(
    pair: Pair, kept: Bool[np.ndarray, " item"], remove: str, estimator: str
) -> Float64[np.ndarray, "kind layer"]:
    """Mean cosine of items and of emotion vectors, and rho of the RDMs."""
    a, b = (_subset(x, kept) for x in pair)
    va, vb = (emotion_vectors(x, "global", remove, estimator=estimator).values for x in (a, b))
    out = np.full((3, len(va)), np.nan)
    for layer in finite_layers(a.values, b.values, a.neutral, b.neutral):
        rdms = (upper(cosine_matrix(v[layer])) for v in (va, vb))
        out[:, layer] = (
            paired_cosines(a.values[layer], b.values[layer]).mean(),
            paired_cosines(va[layer], vb[layer]).mean(),
            spearman(*rdms),
        )
    return out


def _subset(activations: Activations, kept: Bool[np.ndarray, " item"]) -> Activations:
    def of(labels: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(label for label, keep in zip(labels, kept, strict=True) if keep)

    situations = activations.situations
    return replace(
        activations,
        values=activations.values[:, kept],
        item_ids=of(activations.item_ids),
        emotions=of(activations.emotions),
        situations=None if situations is None else of(situations),
    )


def _named(*estimates: Float64[np.ndarray, "kind layer"]) -> Excess:
    return Excess(*(Estimates(*kind) for kind in zip(*estimates, strict=True)))

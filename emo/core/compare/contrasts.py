"""Differences with intervals of their own: between groups of models, and between two versions of one.

Also which emotion carries an agreement. See docs/between_models.md, "Contrasts".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from emo.core.compare.leaving_out import (
    LeavingOut,
    disattenuated_matrix,
    jackknifed,
    left_out_units,
    mean_over_pairs,
    over_ceiling,
)
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.geometry.halves import balance
from emo.core.geometry.item_sets import Design, ItemSet
from emo.core.stats.intervals import Estimates
from emo.core.stats.reliability import full_length
from emo.core.stats.resampling import Resampling, stream

UNKNOWN = "unknown"
"""The family of a model that names none; such models are of no family."""


@dataclass(frozen=True)
class GroupContrast:
    """Mean agreement of one kind of pairs of models less that of another kind."""

    name: str
    n_pairs: tuple[int, int]
    disjoint: Estimates
    """Difference of disjoint rho, with the interval over items and emotions, for these models."""
    disattenuated: Estimates
    """Difference of disattenuated rho, likewise."""


@dataclass(frozen=True)
class Influence:
    """What the mean agreement of the pairs of models owes to one emotion."""

    emotion: str
    disjoint: float
    """Mean disjoint rho without the emotion less that with it."""
    over_ceiling: float
    """The same of disjoint rho over its ceiling."""
    largest: float
    """The change of disjoint rho of the pair that it changes most."""
    pair: tuple[int, int]
    """That pair."""


@dataclass(frozen=True)
class VersionContrast:
    """Descriptors of an instruct model less its base model's, each at its published best layer."""

    base: int
    instruct: int
    anisotropy: Estimates
    """With the interval over neutral sentences."""
    rdm_std: Estimates
    """This and those below with the interval over items."""
    reliability: Estimates
    accuracy: Estimates


def within_minus_across(got: LeavingOut, lineages: Sequence[str]) -> GroupContrast | None:
    """Agreement within families less agreement across; None where one kind of pairs is missing."""
    i, j = np.triu_indices(len(lineages), 1)
    names = np.array(lineages)
    within = (names[i] == names[j]) & (names[i] != UNKNOWN)
    across = names[i] != names[j]
    if not (within.any() and across.any()):
        return None

    def difference(matrix: np.ndarray) -> np.ndarray:
        rho = matrix[..., i, j]
        return np.asarray(rho[..., within].mean(axis=-1) - rho[..., across].mean(axis=-1))

    return GroupContrast(
        name="within less across families",
        n_pairs=(int(within.sum()), int(across.sum())),
        disjoint=got.over_both(difference),
        disattenuated=got.over_both(lambda d: difference(disattenuated_matrix(d))),
    )


def influences(got: LeavingOut) -> list[Influence]:
    """What each emotion contributes to the agreement; the most influential first."""
    i, j = np.triu_indices(len(got.whole), 1)
    change = (got.without_emotion - got.whole)[:, i, j]
    if not np.isfinite(change).all():
        return []
    mean = mean_over_pairs(got.without_emotion) - mean_over_pairs(got.whole)
    corrected = over_ceiling(got.without_emotion) - over_ceiling(got.whole)
    most = np.abs(change).argmax(axis=1)
    by_emotion = [
        Influence(
            emotion=name,
            disjoint=float(mean[k]),
            over_ceiling=float(corrected[k]),
            largest=float(change[k, most[k]]),
            pair=(int(i[most[k]]), int(j[most[k]])),
        )
        for k, name in enumerate(got.emotions)
    ]
    return sorted(by_emotion, key=lambda f: -abs(f.disjoint))


def version_contrast(
    pair: tuple[int, int],
    sets: tuple[ItemSet, ItemSet],
    neutral: tuple[Float[np.ndarray, "sentence a"], Float[np.ndarray, "sentence b"]],
    design: Design,
    got: LeavingOut,
    resampling: Resampling,
) -> VersionContrast:
    """An instruct model less its base model.

    Parameters
    ----------
    pair
        Where the base and the instruct model stand among the models of ``got`` and ``design``.
    sets, neutral
        Items and neutral sentences of the two, each at its own published best layer.
    design, got
        Of all models at those layers.
    """
    units, stratum = left_out_units(design, resampling.seed)
    weights = np.concatenate([np.ones((1, len(design.emotion))), (~units).astype(np.float64)])
    cells = [design.of_set[k] for k in pair]
    emotions = got.emotions
    std, accuracy = (
        np.array([measure(s, weights[:, c], emotions) for s, c in zip(sets, cells, strict=True)])
        for measure in (_rdm_std, _accuracy)
    )
    evenness = balance(design, design.halves(50, stream(resampling.seed, "halves")))
    stepped = np.vectorize(lambda r: full_length(float(r), evenness), otypes=[np.float64])

    def reliability(matrix: np.ndarray) -> np.ndarray:
        return np.asarray(
            stepped(matrix[..., pair[1], pair[1]]) - stepped(matrix[..., pair[0], pair[0]])
        )

    tilt = [_anisotropies(x) for x in neutral]
    return VersionContrast(
        base=pair[0],
        instruct=pair[1],
        anisotropy=_difference(tilt[0], tilt[1], np.zeros(len(tilt[0]) - 1, dtype=np.int64)),
        rdm_std=_difference(std[0], std[1], stratum),
        reliability=got.over_items(reliability),
        accuracy=_difference(accuracy[0], accuracy[1], stratum),
    )


def _difference(a: np.ndarray, b: np.ndarray, stratum: np.ndarray) -> Estimates:
    """The second's value less the first's; of both the whole stands before the left-out ones."""
    change = b - a
    return jackknifed(float(change[0]), change[1:], stratum)


def _rdm_std(items: ItemSet, weights: np.ndarray, emotions: Sequence[str]) -> np.ndarray:
    return items.rdms(weights, emotions).std(axis=1)


def _accuracy(items: ItemSet, weights: np.ndarray, _emotions: Sequence[str]) -> np.ndarray:
    return items.layer.left_out_accuracy(weights)


def _anisotropies(
    neutral: Float[np.ndarray, "sentence hidden"],
) -> Float64[np.ndarray, " left_out"]:
    """Mean pairwise cosine of the sentences, of all and without each."""
    cosine = cosine_matrix(neutral.astype(np.float64))
    keep = [np.arange(len(neutral))] + [
        np.delete(np.arange(len(neutral)), k) for k in range(len(neutral))
    ]
    return np.array([upper(cosine[np.ix_(rows, rows)]).mean() for rows in keep])

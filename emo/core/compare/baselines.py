"""How much of a geometry, and of an agreement between models, needs no model at all.

A baseline is a geometry of the texts themselves (style, words, a sentence embedder), of a model's
embedding layer, or of the words for the emotions. It is as noisy as any geometry. A partial correlation
with a noisy baseline held fixed keeps most of what the baseline explains (Westfall & Yarkoni 2016), so
everything here is made of disattenuated rho. See docs/between_models.md, "Baselines".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float64, Int

from emo.core.compare.leaving_out import LeavingOut, disattenuated_matrix, leaving_out
from emo.core.geometry.item_sets import ItemSet, common_emotions
from emo.core.stats.correlation import spearman
from emo.core.stats.intervals import Estimates
from emo.core.stats.resampling import Resampling

LEAST_AXIS = 0.1
"""Axes of the held baselines with less of the largest one's variance are noise and are left out."""
LEAST_REST = 0.1
"""Where a baseline leaves less of a model's geometry than this share, no partial rho is formed."""
ALL = "all of these"
"""The name under which every baseline is held fixed at once."""


@dataclass(frozen=True)
class Baseline:
    """One baseline, common to all models or one for each."""

    name: str
    items: tuple[ItemSet | None, ...] = ()
    """One set for all models, or one per model (None where a model has none)."""
    rdm: Float64[np.ndarray, " pair"] | None = None
    """An RDM of the models' emotions that comes from no items; then there are no sets."""

    def of(self, model: int) -> ItemSet | None:
        """The set that stands beside a model."""
        return self.items[0] if len(self.items) == 1 else self.items[model] if self.items else None


@dataclass(frozen=True)
class Beside:
    """A model's geometry beside a baseline's."""

    model: str
    baseline: str
    same: float
    """Spearman on all items."""
    reliability: float
    """Of the baseline: correlation of its halves. 1 for one that comes from no items."""
    disjoint: Estimates
    """With the interval over items and emotions."""
    disattenuated: Estimates
    """With the interval over items."""


@dataclass(frozen=True)
class Beyond:
    """What of two models' agreement a baseline does not explain; intervals are over items."""

    a: str
    b: str
    baseline: str
    disattenuated: Estimates
    """Of the two models."""
    unexplained: Estimates
    """That less what both models share with the baseline: 0 if the baseline is all they share."""
    partial: Estimates
    """That in units of what the baseline leaves of both models; NaN where it leaves nearly nothing."""


@dataclass(frozen=True)
class Baselines:
    """Every model beside every baseline, and every pair of models beyond every baseline."""

    beside: tuple[Beside, ...]
    beyond: tuple[Beyond, ...]


def beside_baselines(
    models: Mapping[str, ItemSet],
    baselines: Sequence[Baseline],
    resampling: Resampling,
) -> Baselines:
    """Models beside baselines of the items that they have read.

    Raises
    ------
    LabelMismatch
        If models or baselines have not read the same items, or share fewer than three emotions.
    """
    sets = list(models.values())
    fixed = [b.rdm for b in baselines if b.rdm is not None]
    emotions = common_emotions(*(s.emotions for s in sets))
    baseline_sets, n = [i for b in baselines for i in b.items if i is not None], len(sets)
    got = leaving_out([*sets, *baseline_sets], resampling, np.stack(fixed) if fixed else None)
    where = _places(baselines, n, len(baseline_sets))
    rho, corrected = got.rho(), got.disattenuated()
    beside = []
    for name, at in where.items():
        for i, model in enumerate(models):
            if at[i] < 0:
                continue
            k = int(at[i])
            held = (
                baseline_sets[k - n].rdm(emotions)
                if k < n + len(baseline_sets)
                else fixed[k - n - len(baseline_sets)]
            )
            beside.append(
                Beside(
                    model=model,
                    baseline=name,
                    same=float(spearman(sets[i].rdm(emotions), held)),
                    reliability=float(got.whole[k, k]),
                    disjoint=rho[i, k],
                    disattenuated=corrected[i, k],
                )
            )
    return Baselines(tuple(beside), tuple(_pairs(list(models), where, got)))


def unexplained(
    disattenuated: Float64[np.ndarray, "*row set set"], i: int, j: int, held: Sequence[int]
) -> tuple[Float64[np.ndarray, "*row"], Float64[np.ndarray, "*row"]]:
    """What is left of the agreement of i and j beyond the held sets, and that as a partial correlation.

    The first is r_ij minus what regression on the held sets predicts of it; the second divides it by the
    roots of what regression leaves of i and of j. Axes of the held sets that are noise are not used.
    """
    given = disattenuated[..., list(held), :][..., list(held)]
    to = disattenuated[..., [i, j], :][..., list(held)]
    whole = np.isfinite(np.concatenate([given, to], axis=-2)).all(axis=(-2, -1))
    inverse = np.linalg.pinv(
        np.where(np.expand_dims(whole, (-2, -1)), given, np.eye(len(held))),
        rcond=LEAST_AXIS,
        hermitian=True,
    )
    explained = to @ inverse @ np.swapaxes(to, -2, -1)
    remaining = np.where(whole, disattenuated[..., i, j] - explained[..., 0, 1], np.nan)
    rest = 1 - np.diagonal(explained, axis1=-2, axis2=-1)
    enough = rest.min(axis=-1) > LEAST_REST
    with np.errstate(invalid="ignore"):
        scale = np.sqrt(np.where(enough, rest.prod(axis=-1), np.nan))
    return np.asarray(remaining), np.asarray(remaining / scale)


def _places(
    baselines: Sequence[Baseline], n: int, n_own: int
) -> dict[str, Int[np.ndarray, " model"]]:
    """For each baseline, where its set stands among all sets beside each model; -1 for none."""
    next_set, next_fixed, places = n, n + n_own, {}
    for b in baselines:
        numbers = np.full(n, -1)
        if b.rdm is not None:
            numbers[:], next_fixed = next_fixed, next_fixed + 1
        elif len(b.items) == 1 and b.items[0] is not None:
            numbers[:], next_set = next_set, next_set + 1
        else:
            for i, items in enumerate(b.items):
                if items is not None:
                    numbers[i], next_set = next_set, next_set + 1
        places[b.name] = numbers
    return places


def _pairs(
    names: Sequence[str], where: Mapping[str, Int[np.ndarray, " model"]], got: LeavingOut
) -> list[Beyond]:
    between = got.disattenuated()
    out = []
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            held = {
                name: sorted({int(at[i]), int(at[j])})
                for name, at in where.items()
                if min(at[i], at[j]) >= 0
            }
            if len(held) > 1:
                held[ALL] = sorted({k for each in held.values() for k in each})
            for name, sets in held.items():
                parts = (partial(_left, i=i, j=j, held=sets, part=part) for part in (0, 1))
                remaining, correlation = map(got.over_items, parts)
                out.append(Beyond(names[i], names[j], name, between[i, j], remaining, correlation))
    return out


def _left(disjoint: np.ndarray, i: int, j: int, held: Sequence[int], part: int) -> np.ndarray:
    return unexplained(disattenuated_matrix(disjoint), i, j, held)[part]

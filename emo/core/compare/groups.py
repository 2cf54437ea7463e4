"""Agreement within groups of models, and under other projections of their activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from emo.core.choices import Variant
from emo.core.compare.agreement import disjoint_rho
from emo.core.geometry.item_sets import ItemSet, common_emotions
from emo.core.geometry.projections import linear_maps
from emo.core.stats.correlation import spearman, standardised, standardised_ranks
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.resampling import Resampling


@dataclass(frozen=True)
class Block:
    """Agreement within a group of models."""

    name: str
    n_models: int
    n_pairs: int
    same: tuple[float, float, float]
    """Minimum, mean and maximum of rho over the pairs, same items."""
    disjoint: tuple[float, float, float]


@dataclass(frozen=True)
class Projected:
    """Agreement of the models under another projection of the activations."""

    projection: str
    same: float
    """Mean rho over the pairs of models, all items."""
    disjoint: float
    rho_with_raw: tuple[float, ...]
    """Each model's RDM with its own unprojected one."""


def blocks(
    variants: Sequence[str],
    same: Float[np.ndarray, "model model"],
    disjoint: Float[np.ndarray, "model model"],
) -> tuple[Block, ...]:
    """Agreement within all models, within each variant, and between the variants."""
    variant_of, (i, j) = np.array(variants), np.triu_indices(len(variants), 1)
    kinds = {
        "all": np.ones(len(i), dtype=bool),
        "instruct": (variant_of[i] == Variant.instruct) & (variant_of[j] == Variant.instruct),
        "base": (variant_of[i] == Variant.base) & (variant_of[j] == Variant.base),
        "instruct with base": variant_of[i] != variant_of[j],
    }
    groups = []
    for name, keep in kinds.items():
        if keep.any():
            a, b = same[i[keep], j[keep]], disjoint[i[keep], j[keep]]
            ranges = [(float(x.min()), float(x.mean()), float(x.max())) for x in (a, b)]
            n = len(set(i[keep]) | set(j[keep]))
            groups.append(Block(name, n, int(keep.sum()), *ranges))
    return tuple(groups)


def projected(
    projection: str, raw: Sequence[ItemSet], sets: Sequence[ItemSet], resampling: Resampling
) -> Projected:
    """Agreement of the projected ``sets``, and of each with the same model's ``raw`` one."""
    names = common_emotions(*(s.emotions for s in sets))
    rdms = np.stack([s.rdm(names) for s in sets])
    i, j = np.triu_indices(len(sets), 1)
    disjoint = disjoint_rho(sets, resampling)
    return Projected(
        projection=projection,
        same=float(spearman_matrix(rdms[:, None], rdms[:, None])[i, j].mean()),
        disjoint=float(disjoint[i, j].mean()),
        rho_with_raw=tuple(
            float(spearman(a.rdm(names), b)) for a, b in zip(raw, rdms, strict=True)
        ),
    )


def largest_effect(rdms: Float64[np.ndarray, "model pair"]) -> float:
    """Largest change of any pair's Spearman or Pearson under any linear normalisation."""
    i, j = np.triu_indices(len(rdms), 1)
    if not len(i):
        return 0.0
    maps = [linear_maps(rdm) for rdm in rdms]
    changes = []
    for unit in (standardised_ranks, standardised):
        second, plain = unit(rdms).T, None
        for name in maps[0]:
            shift, scale = np.array([each[name] for each in maps]).T[..., None]
            moved = (unit((rdms - shift) / scale) @ second)[i, j]
            plain = moved if plain is None else plain
            changes.append(np.abs(moved - plain).max())
    return float(max(changes))

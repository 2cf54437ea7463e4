"""Agreement of two models over all pairs of layers, and what the rule that chooses layers decides.

See docs/between_models.md, "Layers".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64

from emo.core.choices import LayerRule
from emo.core.compare.leaving_out import LeavingOut, ceilings, mean_over_pairs
from emo.core.compare.likeness import likeness
from emo.core.geometry.cosines import finite_layers
from emo.core.geometry.item_sets import ItemSet, Recipe, own_design
from emo.core.geometry.projections import project
from emo.core.records import Activations, require_same_labels
from emo.core.stats.correlation import standardised_ranks
from emo.core.stats.effort import LEAST_SHARED, MOST, affordable
from emo.core.stats.intervals import Estimates, finite_mean
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.resampling import Resampling, index, stream

SPLITS = 30
"""Divisions into halves for the matrix of layers; it has no intervals."""
MOST_OF_A_MODEL = MOST // 20
"""Numbers that are kept of all layers of one model, at most: 12 MB, and 0.7 GB of sixty models."""


@dataclass(frozen=True)
class Chosen:
    """A layer that a rule chooses, with its item set."""

    layer: int
    items: ItemSet


@dataclass(frozen=True)
class Depth:
    """What comparisons over layers need of a run, a small part of its activations."""

    emotions: tuple[str, ...]
    halves: Float32[np.ndarray, "half split layer pair"]
    """Standardised ranks of the RDM of each half; NaN where a layer is not finite."""
    rules: Mapping[str, Chosen]
    """By the name of the rule; one that could not choose is absent."""
    neutral: Float32[np.ndarray, "sentence hidden"]
    """The neutral sentences at the layer of the published rule, not projected."""

    @classmethod
    def make(
        cls,
        activations: Activations,
        rules: Mapping[str, int],
        recipe: Recipe,
        projection: str,
        resampling: Resampling,
    ) -> Depth:
        """What is kept of all layers.

        Parameters
        ----------
        activations
            All layers of a run.
        rules
            The layer by each rule, among them the published one.
        recipe, projection
            How item sets are made of the activations.
        resampling
            Number of divisions (at most ``SPLITS`` are used, fewer of large RDMs) and the seed.
        """
        sets = [
            _layer_set(activations, layer, recipe, projection)
            for layer in range(activations.n_layers)
        ]
        emotions = index(activations.emotions)[0]
        n_pairs = len(emotions) * (len(emotions) - 1) // 2
        n_splits = affordable(
            min(resampling.n_splits, SPLITS), 2 * n_pairs * len(sets), LEAST_SHARED, MOST_OF_A_MODEL
        )
        halves = [_layer_halves(s, n_pairs, n_splits, resampling.seed) for s in sets]
        chosen = {rule: (layer, sets[layer]) for rule, layer in rules.items()}
        return cls(
            emotions=emotions,
            halves=np.stack(halves, axis=2),
            rules={rule: Chosen(layer, s) for rule, (layer, s) in chosen.items() if s is not None},
            neutral=activations.neutral[rules[LayerRule.published]].copy(),
        )


@dataclass(frozen=True)
class LayerPairs:
    """Disjoint rho of every layer of one model with every layer of another."""

    a: str
    b: str
    rho: Float64[np.ndarray, "layer_a layer_b"]
    compared: tuple[int, int]
    """The layers at which the two are compared."""

    @property
    def best(self) -> tuple[int, int]:
        """The layers of the highest rho, chosen on these very passages."""
        i, j = np.unravel_index(np.nanargmax(self.rho), self.rho.shape)
        return int(i), int(j)

    @property
    def higher(self) -> float:
        """Share of the layer pairs whose rho is above that of the compared ones."""
        known = self.rho[np.isfinite(self.rho)]
        return float((known > self.rho[self.compared]).mean())


@dataclass(frozen=True)
class RuleResult:
    """What models agree in at the layers that one rule chooses."""

    rule: str
    layers: tuple[int, ...]
    same: float
    """Mean rho over the pairs of models, all items."""
    disjoint: Estimates
    """Mean disjoint rho over the pairs, with the interval over items and emotions."""
    ceiling: float
    """Mean ceiling of the pairs."""
    over_ceiling: Estimates
    """Mean disjoint rho over mean ceiling, with the interval over items."""


def _layer_set(
    activations: Activations, layer: int, recipe: Recipe, projection: str
) -> ItemSet | None:
    """The item set of one layer; None where the layer is not finite."""
    one = slice(layer, layer + 1)
    only = replace(activations, values=activations.values[one], neutral=activations.neutral[one])
    if not finite_layers(only.values, only.neutral):
        return None
    return ItemSet.make(project(only, projection), 0, recipe)


def _layer_halves(
    items: ItemSet | None, n_pairs: int, n_splits: int, seed: int
) -> Float32[np.ndarray, "half split pair"]:
    """Standardised ranks of one layer's RDMs on halves of the items; NaN for a layer that is none."""
    if items is None:
        return np.full((2, n_splits, n_pairs), np.nan, dtype=np.float32)
    first = own_design(items).halves(n_splits, stream(seed, "halves"))
    rdms = [items.rdms(half.astype(np.float64), items.emotions) for half in (first, ~first)]
    return standardised_ranks(np.stack(rdms)).astype(np.float32)


def layer_pairs(
    names: tuple[str, str], depths: tuple[Depth, Depth], compared: tuple[int, int]
) -> LayerPairs:
    """Disjoint rho of all layers of two models that have read the same items.

    Raises
    ------
    LabelMismatch
        If their emotions differ in content or order.
    """
    first, second = depths
    require_same_labels(first.emotions, second.emotions, "emotions")
    across = [
        np.matmul(first.halves[i], second.halves[1 - i].transpose(0, 2, 1)).astype(np.float64)
        for i in (0, 1)
    ]
    rho = np.asarray(finite_mean(np.concatenate(across), axis=0))
    return LayerPairs(*names, rho=rho, compared=compared)


def rule_result(
    rule: str, chosen: Sequence[Chosen], emotions: Sequence[str], got: LeavingOut
) -> RuleResult:
    """What models agree in at the chosen layers; ``got`` is their disjoint rho there."""
    rdms = np.stack([c.items.rdm(emotions) for c in chosen])[:, None]
    return RuleResult(
        rule=rule,
        layers=tuple(c.layer for c in chosen),
        same=float(mean_over_pairs(spearman_matrix(rdms, rdms)[..., 0])),
        disjoint=got.over_both(mean_over_pairs),
        ceiling=float(mean_over_pairs(ceilings(got.whole))),
        over_ceiling=got.over_ceiling(),
    )


def rule_sentence(results: Sequence[RuleResult], margin: float) -> str:
    """One sentence where the rule that chooses layers changes the verdict; else empty."""
    rules: dict[str, list[str]] = {}
    for r in results:
        rules.setdefault(likeness(r.over_ceiling, margin).value, []).append(r.rule)
    if len(rules) < 2:
        return ""
    by = "; ".join(f"{verdict} by {' and '.join(names)}" for verdict, names in rules.items())
    return f"The rule that chooses the layers decides the verdict: {by}."

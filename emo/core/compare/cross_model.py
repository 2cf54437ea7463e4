"""Do models share an emotion geometry? Every model with every other.

See docs/between_models.md.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from emo.core.choices import LayerRule, Projection, Variant
from emo.core.compare.agreement import Halves, disjoint_items, with_interval
from emo.core.compare.contrasts import (
    UNKNOWN,
    GroupContrast,
    Influence,
    VersionContrast,
    influences,
    version_contrast,
    within_minus_across,
)
from emo.core.compare.depth import Chosen, Depth, LayerPairs, RuleResult, layer_pairs, rule_result
from emo.core.compare.groups import Block, Projected, blocks, largest_effect, projected
from emo.core.compare.leaving_out import LeavingOut, leaving_out
from emo.core.compare.sizes import SizeCorrelation, size_correlations
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.geometry.halves import replicate_rdms
from emo.core.geometry.item_sets import ItemSet, Recipe, common_emotions, shared_design
from emo.core.geometry.projections import Normalisation, linear_normalisations, project
from emo.core.records import Activations, Descriptors, EmotionVectors, LabelMismatch
from emo.core.stats.corrections import holm_of_pairs
from emo.core.stats.effort import LEAST_REPLICATES, affordable
from emo.core.stats.hierarchical import over_items_and_emotions
from emo.core.stats.intervals import Estimates, percentile_interval
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.reliability import noise_ceiling
from emo.core.stats.resampling import Resampling, stream


@dataclass(frozen=True)
class ModelRun:
    """One model's logged comprehension run, at the layer it is compared at."""

    name: str
    run_id: str
    model_id: str
    family: str
    variant: str
    """A :class:`emo.core.choices.Variant`."""
    precision: str
    size_b: float | None
    activations: Activations
    """Of the one layer."""
    layer: int
    descriptors: Descriptors
    """Of all layers."""
    recipe: Recipe
    projection: str = "none"
    embedding: Activations | None = None
    """The passages in the model's embedding layer; None where the run has not logged it."""
    depth: Depth | None = None
    """What comparisons over layers need; None where they are not wanted."""
    span: EmotionVectors | None = None
    """The vectors of all layers, in coordinates of their span; None where they are not wanted."""

    @property
    def d_model(self) -> int:
        return self.activations.values.shape[2]

    @property
    def anisotropy(self) -> float:
        """Mean pairwise cosine of the neutral sentences at the layer, not centred or projected."""
        return float(upper(cosine_matrix(self.activations.neutral[0])).mean())

    @property
    def flagged(self) -> bool:
        """Whether the raw anisotropy is above the published bound [S 2.5]."""
        return self.anisotropy > FLAGGED_ANISOTROPY

    @property
    def lineage(self) -> str:
        """The family without its version: Llama 3.1 and Llama 3.2 differ in size, too [S 3]."""
        return lineage(self.family)

    def items(self, projection: str | None = None) -> ItemSet:
        """The item set, under the run's own projection or another."""
        projected = project(self.activations, projection or self.projection)
        return ItemSet.make(projected, 0, self.recipe)


def lineage(family: str) -> str:
    """A family's name without its version and size.

    Example
    -------
    >>> lineage("Llama 3.1"), lineage("Mistral 7B")
    ('Llama', 'Mistral')
    """
    return re.sub(r"[\s\d.-]+B?$", "", family) or family


@dataclass(frozen=True)
class Universality:
    """Every model beside every other; matrices are [model model] in the order of ``models``."""

    models: tuple[ModelRun, ...]
    emotions: tuple[str, ...]
    rdms: Float64[np.ndarray, "model pair"]
    rho: Estimates
    """Spearman on all items, with intervals over items."""
    rho_both: Estimates
    """The same with intervals over items and emotions."""
    halves: Halves
    blocks: tuple[Block, ...]
    noise_ceiling: tuple[float, float] | None
    """Of the RDMs on all items; None for two models, where the lower bound is their own rho."""
    left_out: LeavingOut
    """Disjoint rho, and how it changes when an item or an emotion is left out."""
    p: Float64[np.ndarray, "model model"]
    """One-sided p of disjoint rho over items and emotions; not corrected over pairs."""
    p_holm: Float64[np.ndarray, "model model"]
    """The same, corrected over all pairs of models (Holm 1979)."""
    layers: tuple[LayerPairs, ...]
    """For every pair of models, all their layers; empty where the runs' depths are not known."""
    rules: tuple[RuleResult, ...]
    """What the models agree in by each rule of choosing layers, where all of them have one."""
    families: GroupContrast | None
    """Agreement within less across families; None where one kind of pairs is missing."""
    influences: tuple[Influence, ...]
    versions: tuple[VersionContrast, ...]
    """Instruct less base model, for every such pair whose depth is known."""
    sizes: tuple[SizeCorrelation, ...]
    rdm_std: Estimates
    """Standard deviation of each RDM's entries, with intervals over items."""
    projections: tuple[Projected, ...]
    normalisations: tuple[Normalisation, ...]
    """Of the first model's RDM against the second's."""
    largest_effect: float
    """Largest change of any pair's Spearman or Pearson under any linear normalisation."""

    def flagged(self, i: int, j: int) -> bool:
        """Whether the raw anisotropy of a model of the pair is above the published bound."""
        return self.models[i].flagged or self.models[j].flagged

    def base_instruct(self) -> list[tuple[int, int]]:
        """Base and instruct model of one family and size."""
        return base_instruct(self.models)

    def across_scale(self) -> list[tuple[int, int]]:
        """Models of one lineage and variant, smaller first, of different sizes."""
        return [
            (i, j)
            for i, a in enumerate(self.models)
            for j, b in enumerate(self.models)
            if (a.lineage, a.variant) == (b.lineage, b.variant)
            and a.lineage != UNKNOWN
            and a.size_b is not None
            and b.size_b is not None
            and a.size_b < b.size_b
        ]


def universality(
    models: Sequence[ModelRun], resampling: Resampling, n_bootstrap: int, permutations: int
) -> Universality:
    """Agreement of every model with every other, on the same and on disjoint items.

    ``n_bootstrap`` replicates are drawn for intervals on the same items, ``resampling`` is for the
    halves, ``permutations`` are of families where sizes are correlated.

    Raises
    ------
    LabelMismatch
        If there are fewer than two models, or they have not read the same items.
    """
    if len(models) < 2:
        raise LabelMismatch(f"a cross-model study needs at least 2 models, there are {len(models)}")
    sets = [m.items() for m in models]
    design, emotions = shared_design(sets), common_emotions(*(s.emotions for s in sets))
    rdms = np.stack([s.rdm(emotions) for s in sets])
    n_bootstrap = affordable(n_bootstrap, rdms.size, LEAST_REPLICATES)
    draws = replace(resampling, n_bootstrap=n_bootstrap)
    replicates = replicate_rdms(sets, design, emotions, draws, "bootstrap")
    rho = spearman_matrix(rdms[:, None], rdms[:, None])[..., 0]
    drawn = np.moveaxis(spearman_matrix(replicates, replicates), -1, 0)
    halves, left_out = disjoint_items(sets, resampling), leaving_out(sets, resampling)
    p = left_out.p()
    at_rule = {
        rule: left_out if _compared(models, chosen) else leaving_out(_items(chosen), resampling)
        for rule, chosen in _chosen(models).items()
    }
    return Universality(
        models=tuple(models),
        emotions=emotions,
        rdms=rdms,
        rho=with_interval(rho, drawn, design.expansion),
        rho_both=over_items_and_emotions(
            rdms,
            replicates,
            [design.expansion],
            stream(resampling.seed, "bootstrap emotions"),
            drawn,
        ),
        halves=halves,
        blocks=blocks([m.variant for m in models], rho, halves.disjoint.value),
        noise_ceiling=noise_ceiling(rdms) if len(models) > 2 else None,
        left_out=left_out,
        p=p,
        p_holm=holm_of_pairs(p),
        layers=_layers(models),
        rules=tuple(
            rule_result(rule, _chosen(models)[rule], emotions, got) for rule, got in at_rule.items()
        ),
        families=within_minus_across(left_out, [m.lineage for m in models]),
        influences=tuple(influences(left_out)),
        versions=_versions(models, at_rule.get(LayerRule.published), resampling),
        sizes=size_correlations(
            columns(models),
            [m.name if m.lineage == UNKNOWN else m.lineage for m in models],
            permutations,
            resampling.seed,
        ),
        rdm_std=_spread(rdms, replicates, design.expansion),
        projections=_projections(models, sets, resampling),
        normalisations=linear_normalisations(rdms[0], rdms[1]),
        largest_effect=largest_effect(rdms),
    )


def _projections(
    models: Sequence[ModelRun], sets: Sequence[ItemSet], resampling: Resampling
) -> tuple[Projected, ...]:
    """The models' agreement under every projection; ``sets`` are those under their own."""
    own = {m.projection for m in models}
    made = {
        name: list(sets) if own == {name.value} else [m.items(name) for m in models]
        for name in Projection
    }
    return tuple(
        projected(name.value, made[Projection.none], under, resampling)
        for name, under in made.items()
    )


def _chosen(models: Sequence[ModelRun]) -> dict[str, list[Chosen]]:
    """The models' layers by each rule that all of them have."""
    depths = [m.depth for m in models]
    known = [d.rules for d in depths if d is not None]
    if len(known) < len(models):
        return {}
    rules = [rule for rule in known[0] if all(rule in other for other in known)]
    return {rule: [each[rule] for each in known] for rule in rules}


def _items(chosen: Sequence[Chosen]) -> list[ItemSet]:
    return [c.items for c in chosen]


def _compared(models: Sequence[ModelRun], chosen: Sequence[Chosen]) -> bool:
    """Whether a rule chooses the layers at which the models are compared anyway."""
    return all(m.layer == c.layer for m, c in zip(models, chosen, strict=True))


def _layers(models: Sequence[ModelRun]) -> tuple[LayerPairs, ...]:
    return tuple(
        layer_pairs((a.name, b.name), (a.depth, b.depth), (a.layer, b.layer))
        for a, b in itertools.combinations(models, 2)
        if a.depth is not None and b.depth is not None
    )


def _versions(
    models: Sequence[ModelRun], got: LeavingOut | None, resampling: Resampling
) -> tuple[VersionContrast, ...]:
    """Instruct less base model at the published layers; ``got`` is of all models there."""
    depths = [m.depth for m in models if m.depth is not None]
    if got is None or len(depths) < len(models):
        return ()
    sets = [d.rules[LayerRule.published].items for d in depths]
    design = shared_design(sets)
    return tuple(
        version_contrast(
            (i, j),
            (sets[i], sets[j]),
            (depths[i].neutral, depths[j].neutral),
            design,
            got,
            resampling,
        )
        for i, j in base_instruct(models)
    )


def base_instruct(models: Sequence[ModelRun]) -> list[tuple[int, int]]:
    """Base and instruct model of one family and size."""
    return [
        (i, j)
        for i, a in enumerate(models)
        for j, b in enumerate(models)
        if (a.variant, b.variant) == (Variant.base, Variant.instruct)
        and (a.family, a.size_b) == (b.family, b.size_b)
        and a.size_b is not None
    ]


def columns(models: Sequence[ModelRun]) -> dict[str, list[float | None]]:
    """Sizes and descriptors, one value per model, as :func:`size_correlations` takes them."""
    return {
        "d_model": [float(m.d_model) for m in models],
        "size_b": [m.size_b for m in models],
        "anisotropy": [m.descriptors.anisotropy for m in models],
        "rdm_std": [m.descriptors.rdm_std for m in models],
        "best_layer_pct": [m.descriptors.best_layer_pct for m in models],
    }


def _spread(
    rdms: Float64[np.ndarray, "model pair"],
    replicates: Float64[np.ndarray, "model replicate pair"],
    factor: float | None,
) -> Estimates:
    """RDM std with intervals: the replicates' relative scatter about their own mean, on a log scale."""
    value, drawn = rdms.std(axis=1), np.log(np.nanstd(replicates, axis=2).T)
    if factor is None:
        drawn = np.full_like(drawn, np.nan)
    # A bootstrap RDM is noisier than the RDM; only its scatter is taken, as for correlations.
    scatter = (factor or 1.0) * (drawn - drawn.mean(axis=0))
    low, high = percentile_interval(np.exp(scatter) * value)
    return Estimates(value, low, high)

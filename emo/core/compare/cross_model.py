"""Do models share an emotion geometry? Every model with every other.

See docs/summary.md, "Same passages, other passages" and "What can change an RDM".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float64

from emo.core.choices import Projection, Variant
from emo.core.compare.agreement import Halves, disjoint_items, with_interval
from emo.core.compare.rdms import mantel_matrix
from emo.core.compare.sizes import SizeCorrelation, size_correlations
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.geometry.halves import replicate_rdms
from emo.core.geometry.item_sets import ItemSet, Recipe, common_emotions, shared_design
from emo.core.geometry.projections import Normalisation, linear_normalisations, project
from emo.core.records import Activations, Descriptors, LabelMismatch
from emo.core.stats.correlation import (
    partial_spearman,
    partial_spearman_matrix,
    spearman,
    spearman_matrix,
)
from emo.core.stats.hierarchical import over_items_and_emotions
from emo.core.stats.intervals import Estimates, percentile_interval
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
        return re.sub(r"[\s\d.-]+B?$", "", self.family) or self.family

    def items(self, projection: str | None = None) -> ItemSet:
        """The item set, under the run's own projection or another."""
        projected = project(self.activations, projection or self.projection)
        return ItemSet.make(projected, 0, self.recipe)


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
    p: Float64[np.ndarray, "model model"]
    """One-sided Mantel p of ``rho``."""
    partial: Estimates | None
    """``rho`` with the surface baselines' RDMs held fixed."""
    baselines: dict[str, Float64[np.ndarray, " model"]]
    """Spearman of every model's RDM with each surface baseline's; the embedding layer is its own."""
    partial_embedding: Float64[np.ndarray, "model model"]
    """``rho`` with the surface baselines' and both models' embedding layers held fixed; NaN without."""
    halves: Halves
    blocks: tuple[Block, ...]
    noise_ceiling: tuple[float, float]
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
        return [
            (i, j)
            for i, a in enumerate(self.models)
            for j, b in enumerate(self.models)
            if (a.variant, b.variant) == (Variant.base, Variant.instruct)
            and (a.family, a.size_b) == (b.family, b.size_b)
            and a.size_b is not None
        ]

    def across_scale(self) -> list[tuple[int, int]]:
        """Models of one lineage and variant, smaller first, of different sizes."""
        return [
            (i, j)
            for i, a in enumerate(self.models)
            for j, b in enumerate(self.models)
            if (a.lineage, a.variant) == (b.lineage, b.variant)
            and a.lineage != "unknown"
            and a.size_b is not None
            and b.size_b is not None
            and a.size_b < b.size_b
        ]


def universality(
    models: Sequence[ModelRun],
    surfaces: Mapping[str, Activations],
    resampling: Resampling,
    n_bootstrap: int,
    permutations: int,
) -> Universality:
    """Agreement of every model with every other, on the same and on disjoint items.

    ``n_bootstrap`` replicates are drawn for intervals on the same items, ``resampling`` is for the
    halves. ``surfaces`` are the surface baselines of the passages all models have read.

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
    draws = replace(resampling, n_bootstrap=n_bootstrap)
    replicates = replicate_rdms(sets, design, emotions, draws, "bootstrap")

    def estimates(matrix: np.ndarray, drawn: np.ndarray) -> Estimates:
        return with_interval(matrix[..., 0], np.moveaxis(drawn, -1, 0), design.expansion)

    held = {
        name: ItemSet.make(a, 0, models[0].recipe).rdm(emotions) for name, a in surfaces.items()
    }
    partial, given = None, np.zeros((0, rdms.shape[1]))
    if held:
        given = np.stack(list(held.values()))
        partial = estimates(
            partial_spearman_matrix(rdms[:, None], given),
            partial_spearman_matrix(replicates, given),
        )
    embedding = _embedding_rdms(models, emotions, rdms.shape[1])
    rho, p = mantel_matrix(rdms, permutations, stream(resampling.seed, "mantel"))
    halves = disjoint_items(sets, resampling)
    return Universality(
        models=tuple(models),
        emotions=emotions,
        rdms=rdms,
        rho=estimates(rho[..., None], spearman_matrix(replicates, replicates)),
        rho_both=over_items_and_emotions(
            rdms, replicates, [design.expansion], stream(resampling.seed, "bootstrap emotions")
        ),
        p=p,
        partial=partial,
        baselines={name: spearman(rdms, x) for name, x in held.items()}
        | {"embedding_layer": spearman(rdms, embedding)},
        partial_embedding=_partial_embedding(rdms, given, embedding),
        halves=halves,
        blocks=_blocks(models, rho, halves.disjoint.value),
        noise_ceiling=noise_ceiling(rdms),
        sizes=size_correlations(columns(models), permutations, resampling.seed),
        rdm_std=_spread(rdms, replicates, design.expansion),
        projections=tuple(_projected(models, name.value, resampling) for name in Projection),
        normalisations=linear_normalisations(rdms[0], rdms[1]),
        largest_effect=_largest_effect(rdms),
    )


def columns(models: Sequence[ModelRun]) -> dict[str, list[float | None]]:
    """Sizes and descriptors, one value per model, as :func:`size_correlations` takes them."""
    return {
        "d_model": [float(m.d_model) for m in models],
        "size_b": [m.size_b for m in models],
        "anisotropy": [m.descriptors.anisotropy for m in models],
        "rdm_std": [m.descriptors.rdm_std for m in models],
        "best_layer_pct": [m.descriptors.best_layer_pct for m in models],
    }


def _blocks(
    models: Sequence[ModelRun],
    same: Float[np.ndarray, "model model"],
    disjoint: Float[np.ndarray, "model model"],
) -> tuple[Block, ...]:
    """Agreement within all models, within each variant, and between the variants."""
    variants = np.array([m.variant for m in models])
    i, j = np.triu_indices(len(models), 1)
    kinds = {
        "all": np.ones(len(i), dtype=bool),
        "instruct": (variants[i] == Variant.instruct) & (variants[j] == Variant.instruct),
        "base": (variants[i] == Variant.base) & (variants[j] == Variant.base),
        "instruct with base": variants[i] != variants[j],
    }
    blocks = []
    for name, keep in kinds.items():
        if keep.any():
            a, b = same[i[keep], j[keep]], disjoint[i[keep], j[keep]]
            ranges = [(float(x.min()), float(x.mean()), float(x.max())) for x in (a, b)]
            n = len(set(i[keep]) | set(j[keep]))
            blocks.append(Block(name, n, int(keep.sum()), *ranges))
    return tuple(blocks)


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


def _embedding_rdms(
    models: Sequence[ModelRun], emotions: tuple[str, ...], n_pairs: int
) -> Float64[np.ndarray, "model pair"]:
    """RDM of every model's embedding layer; NaN for a model whose run has none."""
    rdms = np.full((len(models), n_pairs), np.nan)
    for row, m in zip(rdms, models, strict=True):
        if m.embedding is not None:
            row[:] = ItemSet.make(m.embedding, 0, m.recipe).rdm(emotions)
    return rdms


def _partial_embedding(
    rdms: Float64[np.ndarray, "model pair"],
    given: Float64[np.ndarray, "held pair"],
    embedding: Float64[np.ndarray, "model pair"],
) -> Float64[np.ndarray, "model model"]:
    out = np.full((len(rdms), len(rdms)), np.nan)
    for i, j in itertools.combinations(range(len(rdms)), 2):
        if np.isfinite(embedding[[i, j]]).all():
            held = np.concatenate([given, embedding[[i, j]]])
            out[i, j] = out[j, i] = partial_spearman(rdms[i], rdms[j], held)
    return out


def _projected(models: Sequence[ModelRun], projection: str, resampling: Resampling) -> Projected:
    raw, sets = [m.items("none") for m in models], [m.items(projection) for m in models]
    names = common_emotions(*(s.emotions for s in sets))
    rdms = np.stack([s.rdm(names) for s in sets])
    i, j = np.triu_indices(len(models), 1)
    few = replace(resampling, n_bootstrap=1, splits_per_replicate=1)  # no intervals wanted here
    disjoint = disjoint_items(sets, few).disjoint.value
    return Projected(
        projection=projection,
        same=float(spearman(rdms[i], rdms[j]).mean()),
        disjoint=float(disjoint[i, j].mean()),
        rho_with_raw=tuple(
            float(spearman(a.rdm(names), b)) for a, b in zip(raw, rdms, strict=True)
        ),
    )


def _largest_effect(rdms: Float64[np.ndarray, "model pair"]) -> float:
    changes = [0.0]
    for i, a in enumerate(rdms):
        for b in rdms[i + 1 :]:
            plain, *others = linear_normalisations(a, b)
            changes += [abs(o.spearman - plain.spearman) for o in others]
            changes += [abs(o.pearson - plain.pearson) for o in others]
    return max(changes)

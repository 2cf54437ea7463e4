"""Geometry of a generation run: vectors by its recipe, descriptors at its layer, curves over depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from emo.core.choices import Centring
from emo.core.criterion_search import CriterionSearch
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.core.geometry.comprehension import GeometryError, extreme_pairs, layer_curves
from emo.core.geometry.cosines import finite_layers, mean_pairwise_cosine
from emo.core.geometry.halves import split_half
from emo.core.geometry.item_sets import ItemSet, Recipe
from emo.core.geometry.nested_layers import random_halves
from emo.core.geometry.story_null import ACCURACY, permuted_stories
from emo.core.geometry.valence import VALENCE, everything_and_halves, valence_criterion
from emo.core.geometry.vectors import NEUTRAL, emotion_vectors
from emo.core.records import Activations, EmotionVectors, LabelNull, headline_text
from emo.core.stats.resampling import Resampling, stream


@dataclass(frozen=True)
class StoryDescriptors:
    """The numbers of one generation run. Source: [S 2.3, S 2.5]; reliability is this project's.

    Curves have one entry per layer, NaN where the layer is not finite.
    """

    n_layers: int
    finite_layers: tuple[int, ...]
    layer: int
    layer_source: str
    """How the layer was chosen, in words."""
    centring: str
    unit_norm: bool
    anisotropy: float
    anisotropy_flag: bool
    rdm_std: float
    reliability: float | None
    """Split-half, stepped up; None where there is one prompt and one text per emotion."""
    split_unit: str
    n_nominal: float
    """Texts per emotion, mean over emotions."""
    n_distinct: float
    n_effective: float
    n_short: int
    """Distinct texts too short for the position, read elsewhere."""
    nearest: tuple[str, str, float]
    farthest: tuple[str, str, float]
    n_neutral: int | None = None
    """Neutral texts that are subtracted, or whose components are; None if there are none, or of runs
    logged before."""
    n_neutral_distinct: int | None = None
    leaks: dict[str, int] = field(default_factory=dict)
    """Texts that name their emotion, per emotion that has one; looked for in texts about topics only."""
    written: dict[str, int] = field(default_factory=dict)
    """Texts that were written, per emotion; empty where leaks were not looked for."""
    curves: dict[str, Float64[np.ndarray, " layer"]] = field(default_factory=dict)
    valence: CriterionSearch | None = None
    """None where the emotions' poles give none, and for runs logged before there was any."""
    nulls: dict[str, LabelNull] = field(default_factory=dict)
    """By descriptor, what permuted labels give at every layer; empty where they change nothing."""

    def __repr__(self) -> str:
        return f"StoryDescriptors({self.n_layers} layers; {headline_text(self.headline())})"

    def p(self, name: str) -> float | None:
        """p of a descriptor at the run's layer under permuted labels; None where there is no null."""
        null = self.nulls.get(name)
        value = float(null.p[self.layer]) if null is not None else np.nan
        return value if np.isfinite(value) else None

    def headline(self) -> dict[str, Any]:
        """The few numbers shown first."""
        return {
            "layer": self.layer,
            "anisotropy": self.anisotropy,
            "rdm_std": self.rdm_std,
            "reliability": self.reliability,
            "n_nominal": self.n_nominal,
            "n_distinct": self.n_distinct,
            "n_effective": self.n_effective,
            "n_short": self.n_short,
            "n_neutral": self.n_neutral,
            "n_neutral_distinct": self.n_neutral_distinct,
            "valence": self.valence_at_layer,
            **({"accuracy": self.accuracy, "n_leaked": self.n_leaked} if self.written else {}),
        }

    @property
    def accuracy(self) -> float | None:
        """Share of the texts at the run's layer that are read as their emotion by the others' topics."""
        value = float(self.curves[ACCURACY][self.layer]) if ACCURACY in self.curves else np.nan
        return value if np.isfinite(value) else None

    @property
    def n_leaked(self) -> int:
        """Texts that name their emotion, neutral ones not counted."""
        return sum(n for emotion, n in self.leaks.items() if emotion != NEUTRAL)

    @property
    def valence_at_layer(self) -> float | None:
        """rho with the emotions' poles at the run's layer; None where there is none."""
        value = float(self.curves[VALENCE][self.layer]) if VALENCE in self.curves else np.nan
        return value if np.isfinite(value) else None


@dataclass(frozen=True)
class TextCounts:
    """Means over emotions of how many texts there are, and how many were read elsewhere."""

    nominal: float
    distinct: float
    effective: float
    short: int
    neutral: int | None = None
    """Neutral stories, no mean; None where there are none."""
    neutral_distinct: int | None = None
    leaks: Mapping[str, int] = field(default_factory=dict)
    """As :attr:`StoryDescriptors.leaks`, no mean."""
    written: Mapping[str, int] = field(default_factory=dict)


def story_set(activations: Activations, layer: int, recipe: Recipe) -> ItemSet:
    """One layer of the emotions' items; the neutral stories among them are the baseline, if anything.

    Raises
    ------
    ValueError
        If the layer is not finite, or the centre is neutral and no item is.
    """
    told = np.array([e != NEUTRAL for e in activations.emotions])
    baseline = _baseline(activations, layer, recipe)
    return ItemSet.make(select(activations, told), layer, recipe, baseline)


def _baseline(
    activations: Activations, layer: int, recipe: Recipe
) -> Float64[np.ndarray, " hidden"] | None:
    """The mean of the neutral stories, where these are the centre."""
    if recipe.centring != Centring.neutral:
        return None
    neutral = np.array([e == NEUTRAL for e in activations.emotions])
    if not neutral.any():
        raise ValueError("neutral centring needs items labelled neutral")
    baseline = activations.values[layer, neutral].astype(np.float64).mean(axis=0)
    if not np.isfinite(baseline).all():
        raise ValueError(f"layer {layer} has activations that are not finite")
    return baseline


def select(activations: Activations, keep: np.ndarray) -> Activations:
    """The items under a mask."""

    def kept(labels: Sequence[str]) -> tuple[str, ...]:
        return tuple(x for x, k in zip(labels, keep, strict=True) if k)

    situations = activations.situations
    return replace(
        activations,
        values=activations.values[:, keep],
        item_ids=kept(activations.item_ids),
        emotions=kept(activations.emotions),
        situations=None if situations is None else kept(situations),
    )


def describe_stories(
    activations: Activations,
    layer: int,
    layer_source: str,
    recipe: Recipe,
    counts: TextCounts,
    resampling: Resampling,
    poles: Mapping[str, float] | None = None,
) -> tuple[EmotionVectors, StoryDescriptors]:
    """Emotion vectors of every layer, and what they show at the run's layer.

    ``poles`` are those of :func:`emo.core.geometry.comprehension.describe`. Of texts about topics
    (``counts.written``) there is the accuracy with each topic left out, too.

    Raises
    ------
    GeometryError
        If there are fewer than three emotions, or the layer is not finite.
    """
    vectors = emotion_vectors(
        activations, recipe.centring, recipe.remove, recipe.unit_norm, recipe.estimator
    )
    if len(vectors.emotions) < 3:
        raise GeometryError(f"an RDM needs at least 3 emotions, there are {len(vectors.emotions)}")
    finite = finite_layers(activations.values, activations.neutral)
    if layer not in finite:
        raise GeometryError(
            f"layer {layer} has activations that are not finite; try precision=bf16 or fp32, or one "
            f"of the finite layers ({', '.join(map(str, finite)) or 'there are none'})"
        )
    if np.isnan(mean_pairwise_cosine(vectors.values[[layer]])).any():
        raise GeometryError("the texts of two emotions have identical activations")
    curves = layer_curves(vectors, activations, list(finite))
    as_made = replace(recipe, post_centred=False)
    items = story_set(activations, layer, as_made)
    _, reliability = split_half(items, resampling)
    valence = _valence(activations, finite, as_made, poles or {}, resampling.seed)
    if valence is not None:
        curves[VALENCE] = valence[1]
    told = select(activations, np.array([e != NEUTRAL for e in activations.emotions]))
    of_topics = bool(counts.written)
    if of_topics:
        curves[ACCURACY] = _accuracy(activations, finite, as_made)
    nulls = permuted_stories(
        told,
        {number: _baseline(activations, number, as_made) for number in finite},
        as_made,
        counts.effective < counts.nominal - 1e-9,
        resampling,
        accuracy=of_topics,
    )
    nearest, farthest = extreme_pairs(vectors, layer)
    anisotropy = float(curves["anisotropy"][layer])
    return vectors, StoryDescriptors(
        n_layers=activations.n_layers,
        finite_layers=finite,
        layer=layer,
        layer_source=layer_source,
        centring=recipe.centring,
        unit_norm=recipe.unit_norm,
        anisotropy=anisotropy,
        anisotropy_flag=anisotropy > FLAGGED_ANISOTROPY,
        rdm_std=float(curves["rdm_std"][layer]),
        reliability=float(reliability) if np.isfinite(reliability) else None,
        split_unit="prompt" if items.crossed else "text",
        n_nominal=counts.nominal,
        n_distinct=counts.distinct,
        n_effective=counts.effective,
        n_short=counts.short,
        n_neutral=counts.neutral,
        n_neutral_distinct=counts.neutral_distinct,
        leaks=dict(counts.leaks),
        written=dict(counts.written),
        nearest=nearest,
        farthest=farthest,
        curves=curves,
        valence=valence and valence[0],
        nulls=nulls,
    )


def _accuracy(
    activations: Activations, finite: Sequence[int], recipe: Recipe
) -> Float64[np.ndarray, " layer"]:
    """Left-out accuracy of every finite layer."""
    out = np.full(activations.n_layers, np.nan)
    for layer in finite:
        out[layer] = story_set(activations, layer, recipe).left_out_accuracy()
    return out


def _valence(
    activations: Activations,
    finite: Sequence[int],
    recipe: Recipe,
    poles: Mapping[str, float],
    seed: int,
) -> tuple[CriterionSearch | None, Float64[np.ndarray, " layer"]] | None:
    """The search for valence over the finite layers, and its curve; None without poles."""
    rho, layers, criterion, half = np.full(activations.n_layers, np.nan), [], None, None
    for layer in finite:
        items = story_set(activations, layer, recipe)
        if criterion is None or half is None:
            criterion = valence_criterion(items.emotions, poles, seed)
            half = random_halves(items.layer.cells, stream(seed, "nested"))
        if criterion is None:
            return None
        weights = everything_and_halves(items.layer.cells, half)
        layers.append(criterion.agreement(items.rdms(weights, items.emotions)))
        rho[layer] = layers[-1].rho[0]
    return criterion and (criterion.search(layers, finite, activations.n_layers), rho)

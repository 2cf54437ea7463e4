"""Everything that is resampled at every layer: reliability, accuracies, replicates, nulls, halves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from emo.core.choices import Criterion
from emo.core.criterion_search import CriterionSearch
from emo.core.geometry import classifiers
from emo.core.geometry.cells import ItemCells, rows_at_a_time
from emo.core.geometry.classifiers import Classifier
from emo.core.geometry.criterion_rdm import CriterionRdm, LayerAgreement
from emo.core.geometry.estimators import estimator as estimator_named
from emo.core.geometry.halves import balance_of
from emo.core.geometry.label_null import TWO_SIDED, LayerStatistics, label_null, label_orders
from emo.core.geometry.means import prepared_layers
from emo.core.geometry.nested_layers import HALVINGS, NestedHalves, hits_in_halves, nested_choice
from emo.core.geometry.resampled import ResampledLayer, centred_cosines, half_correlations
from emo.core.geometry.valence import VALENCE, everything_and_halves
from emo.core.records import Activations, Bounds, LabelNull, NestedChoice
from emo.core.stats.clusters import clustered_share
from emo.core.stats.intervals import finite_mean
from emo.core.stats.reliability import full_length
from emo.core.stats.resampling import Resampling, bootstrap_counts, half_splits, index, stream

Track = Callable[[Iterable[Any], str], Iterable[Any]]
"""Wraps an iterable with a progress display of a given title."""

ACCURACIES = ("accuracy", *(name.value for name in Classifier))
"""Curves of left-out accuracy: the estimator's own vectors, then the robust classifiers."""
PERMUTED = ("mean_cosine", "rdm_std", "reliability", *ACCURACIES)
"""Curves that have a null."""


@dataclass(frozen=True)
class LayerResults:
    """What resampling says of every layer; curves have one entry per layer of the model."""

    curves: dict[str, Float64[np.ndarray, " layer"]]
    replicates: dict[str, Float64[np.ndarray, "replicate candidate"]]
    """Every criterion in every bootstrap replicate, at the layers that compete."""
    intervals: dict[str, Bounds]
    nulls: dict[str, LabelNull]
    nested: dict[str, NestedChoice]
    valence: CriterionSearch | None


@dataclass(frozen=True)
class _Draws:
    """Every random decision about the items, taken once and the same for all layers."""

    cells: ItemCells
    splits: Bool[np.ndarray, "split cell"]
    counts: Float64[np.ndarray, "replicate cell"]
    inner: Bool[np.ndarray, "inner_split cell"]
    nested: NestedHalves
    orders: Int[np.ndarray, "draw item"]
    labels: Int[np.ndarray, "labelling item"]
    """The emotions of the items, then those under every permutation."""

    @classmethod
    def make(
        cls,
        groups: Int[np.ndarray, " item"],
        emotions: Int[np.ndarray, " item"],
        settings: Resampling,
    ) -> _Draws:
        cells = ItemCells.make(groups, emotions)

        def rng(name: str) -> np.random.Generator:
            return stream(settings.seed, name)

        each, n = settings.splits_per_replicate, settings.n_bootstrap
        group, emotion = cells.group, cells.emotion
        orders = label_orders(groups, emotions, settings.n_permutations, rng("labels"))
        labels = np.tile(emotions.astype(np.int32), (1 + len(orders), 1))
        for row, order in zip(labels[1:], orders, strict=True):
            row[order] = emotions
        return cls(
            cells=cells,
            splits=half_splits(group, emotion, settings.n_splits, rng("halves")),
            counts=bootstrap_counts(group, emotion, n, rng("bootstrap")),
            inner=half_splits(group, emotion, n * each, rng("bootstrap halves")),
            nested=NestedHalves.make(cells, each, rng("nested")),
            orders=orders,
            labels=labels,
        )


def fits_per_layer(settings: Resampling, folds: int) -> int:
    """How often an estimator without a shortcut is fitted at each layer, valence included.

    A fit of half of the items counts as one. ``folds`` are those in which groups are left out.
    """
    each, halves = settings.splits_per_replicate, 2 * HALVINGS
    described = 1 + 2 * each + folds  # mean cosine, reliability, accuracy
    permuted = (1 + settings.n_permutations) * (1 + 2 * min(each, settings.n_splits) + folds)
    resampled = (settings.n_bootstrap + halves) * described
    return 2 * settings.n_splits + resampled + permuted + folds + 1 + halves


@dataclass(frozen=True)
class _Layer:
    """What one layer contributes."""

    values: dict[str, float]
    bounds: dict[str, tuple[float, float]]
    replicates: dict[str, Float64[np.ndarray, " replicate"]]
    permuted: dict[str, tuple[float, Float64[np.ndarray, " draw"]]]
    """The value that is compared with the draws, and the draws."""
    nested: dict[str, Float64[np.ndarray, " half"]] = field(default_factory=dict)
    valence: LayerAgreement | None = None


def layer_results(
    activations: Activations,
    remove: str,
    estimator: str,
    good: list[int],
    settings: Resampling,
    track: Track,
    valence: CriterionRdm | None = None,
) -> LayerResults:
    """Curves, bootstrap replicates, nulls and nested choices of the layers in ``good``."""
    _, emotions = index(activations.emotions)
    _, groups = index(activations.groups)
    values = prepared_layers(activations, remove)
    draws = _Draws.make(groups, emotions, settings)
    layers = [
        _layer(values(layer), groups, estimator, draws, settings, valence)
        for layer in track(good, "bootstrap and permutations")
    ]
    n = activations.n_layers

    def curve(entries: Iterable[float]) -> Float64[np.ndarray, " layer"]:
        out = np.full(n, np.nan)
        out[good] = list(entries)
        return out

    permuted = (*PERMUTED, VALENCE) if valence else PERMUTED
    nested = {c: np.stack([x.nested[c] for x in layers], axis=1) for c in layers[0].nested}
    return LayerResults(
        curves={name: curve(x.values[name] for x in layers) for name in layers[0].values},
        replicates={
            name.value: np.stack([x.replicates[name] for x in layers], axis=1) for name in Criterion
        },
        intervals={
            name: Bounds(
                curve(x.bounds[name][0] for x in layers), curve(x.bounds[name][1] for x in layers)
            )
            for name in layers[0].bounds
        },
        nulls={name: _null(name, layers, curve) for name in permuted if settings.n_permutations},
        nested={name.value: nested_choice(nested, name) for name in Criterion},
        valence=valence and valence.search([x.valence for x in layers if x.valence], good, n),
    )


def _null(name: str, layers: list[_Layer], curve: Callable[..., np.ndarray]) -> LabelNull:
    null = label_null(
        np.array([x.permuted[name][0] for x in layers]),
        np.stack([x.permuted[name][1] for x in layers], axis=1),
        two_sided=name in TWO_SIDED,
    )
    return LabelNull(*(curve(x) for x in (null.mean, null.low, null.high, null.p)))


def _layer(
    values: Float[np.ndarray, "item hidden"],
    groups: Int[np.ndarray, " item"],
    estimator: str,
    draws: _Draws,
    settings: Resampling,
    valence: CriterionRdm | None,
) -> _Layer:
    method, cells = estimator_named(estimator), draws.cells
    items = method.layer(cells, values)
    folds = stream(settings.seed, "folds")
    scored = classifiers.left_out_scores(values, groups, draws.labels, folds)
    hits = {"accuracy": items.left_out_hits(cells.everything)[0]}
    hits |= {name.value: x.hits for name, x in scored.items()}
    shares = {name: clustered_share(x, groups) for name, x in hits.items()}

    agreement = None
    if valence is not None:
        weights = everything_and_halves(cells, draws.nested.half)
        agreement = valence.agreement(centred_cosines(items, weights))
    statistics = LayerStatistics(draws.splits[: settings.splits_per_replicate], valence)
    drawn = [statistics.of(x) for x in method.exchanged_layers(cells, values, draws.orders)]
    permuted = {
        name: (value, np.array([d[name] for d in drawn]))
        for name, value in statistics.of(items).items()
    }
    for name in Classifier:
        share = scored[name].shares
        permuted[name.value] = float(share[0]), share[1:]

    everything = np.broadcast_to(np.ones(1), draws.splits.shape)
    halves = half_correlations(items, everything, draws.splits)
    half = float(finite_mean(halves, axis=0))
    per_split = _within(items, draws.counts, draws.inner, settings.splits_per_replicate)
    return _Layer(
        values={
            "reliability": full_length(half, balance_of(cells.emotion, draws.splits)),
            **{name: share for name, (share, _, _) in shares.items()},
            **({VALENCE: float(agreement.rho[0])} if agreement else {}),
        },
        bounds={name: (low, high) for name, (_, low, high) in shares.items()},
        replicates={
            Criterion.mean_cosine: finite_mean(centred_cosines(items, draws.counts), axis=1),
            Criterion.reliability: finite_mean(per_split.reshape(settings.n_bootstrap, -1), axis=1),
            Criterion.accuracy: items.left_out_accuracy(draws.counts),
        },
        permuted=permuted,
        nested=draws.nested.values(items)
        | {
            name.value: hits_in_halves(draws.nested.half, cells.of_item, scored[name].hits)
            for name in Classifier
        },
        valence=agreement,
    )


def _within(
    layer: ResampledLayer,
    counts: Float64[np.ndarray, "replicate cell"],
    inner: Bool[np.ndarray, "split cell"],
    each: int,
) -> Float64[np.ndarray, " split"]:
    """Correlation of the halves of every split, ``each`` splits in a row within one replicate.

    Some at a time: the weights of all splits together would be the largest array of a run.
    """
    rows = np.arange(len(inner)) // each
    return np.concatenate(
        [
            half_correlations(layer, counts[rows[some]], inner[some])
            for some in rows_at_a_time(len(inner), inner.shape[1])
        ]
    )

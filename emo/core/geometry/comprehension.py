"""From activations to descriptors: layer curves, layer choices with intervals, reliability."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from emo.core.choices import DEFAULT_ESTIMATOR, Criterion
from emo.core.geometry.cells import CHUNK, ItemCells
from emo.core.geometry.cosines import (
    UNRELIABLE_ANISOTROPY,
    analytic_floor,
    cosine_matrix,
    finite_layers,
    mean_pairwise_cosine,
    rdm_std,
    reference_layers,
    simulated_noise,
    upper,
)
from emo.core.geometry.estimators import estimator as estimator_named
from emo.core.geometry.means import prepare
from emo.core.geometry.resampled import ResampledLayer, centred_cosines, half_correlations
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Activations, Descriptors, EmotionVectors, LayerChoice
from emo.core.stats.correlation import spearman_brown
from emo.core.stats.intervals import finite_mean
from emo.core.stats.resampling import Resampling, bootstrap_counts, half_splits, index, stream

Track = Callable[[Iterable[Any], str], Iterable[Any]]
"""Wraps an iterable with a progress display of a given title."""


class GeometryError(ValueError):
    """Activations from which no geometry can be computed."""


def describe(
    activations: Activations,
    resampling: Resampling,
    remove: str = "none",
    track: Track = lambda items, _: items,
    estimator: str = DEFAULT_ESTIMATOR,
) -> tuple[EmotionVectors, Descriptors]:
    """Emotion vectors of every layer, centred globally, and the descriptors of their geometry.

    Source: [S 2.3] for the vectors and the published best layer, [S 2.5] for anisotropy and RDM std;
    split-half reliability, left-out accuracy and the bootstrap of the layer choice are this project's
    (docs/protocol.md, "What is reported besides, and why").

    Parameters
    ----------
    activations
        Items of at least three emotions, and the neutral sentences for the anisotropy.
    resampling
        Numbers of splits and replicates, and the seed.
    remove
        ``none``, or ``situation`` to subtract the situation means from the items first.
    track
        Wraps the loop over layers, for a progress display.
    estimator
        Name in :data:`emo.core.geometry.estimators.ESTIMATORS`.

    Returns
    -------
    tuple[EmotionVectors, Descriptors]
        The vectors have the units of the activations; every descriptor is without unit.

    Raises
    ------
    GeometryError
        If there are fewer than three emotions, or no layer is finite.
    UnknownChoice
        If the removal or the estimator is unknown.

    Example
    -------
    >>> rng = np.random.default_rng(0)
    >>> emotions = ("calm", "happy", "sad") * 4
    >>> values = rng.normal(size=(2, 12, 8)).astype(np.float32)
    >>> activations = Activations(
    ...     values, tuple("abcdefghijkl"), emotions, None, values[:, :4], "last"
    ... )
    >>> vectors, descriptors = describe(activations, Resampling(n_splits=5, n_bootstrap=5))
    >>> vectors.values.shape, descriptors.n_layers, descriptors.analytic_floor
    ((2, 3, 8), 2, -0.5)
    """
    emotions = index(activations.emotions)[0]
    if len(emotions) < 3:
        raise GeometryError(f"an RDM needs at least 3 emotions, there are {len(emotions)}")
    finite = finite_layers(activations.values, activations.neutral)
    if not finite:
        raise GeometryError("no layer has finite activations only; try precision=bf16 or fp32")

    vectors = emotion_vectors(activations, "global", remove, estimator=estimator)
    good = list(finite)
    curves = layer_curves(vectors, activations, good)
    resampled, replicates = _resampled_curves(
        activations, remove, estimator, good, resampling, track
    )
    curves |= resampled

    choices = {
        criterion.value: _choice(curves[criterion], replicates[criterion], good, criterion)
        for criterion in Criterion
    }
    published = choices[Criterion.mean_cosine]
    if published is None:
        raise GeometryError(
            "the passages of all emotions have identical activations: no layer can be chosen"
        )
    best = published.layer
    nearest, farthest = extreme_pairs(vectors, best)
    _, groups = index(activations.groups)
    rng = stream(resampling.seed, "noise")
    return vectors, Descriptors(
        n_layers=activations.n_layers,
        finite_layers=finite,
        best_layer=best,
        best_layer_pct=100 * best / activations.n_layers,
        reference_layers=reference_layers(activations.n_layers),
        choices=choices,
        anisotropy=float(curves["anisotropy"][best]),
        anisotropy_flag=bool(curves["anisotropy"][best] > UNRELIABLE_ANISOTROPY),
        rdm_std=float(curves["rdm_std"][best]),
        reliability=_value(curves["reliability"][best]),
        accuracy=_value(curves["accuracy"][best]),
        chance=1 / len(emotions),
        analytic_floor=analytic_floor(len(emotions)),
        simulated_noise=simulated_noise(len(emotions), activations.values.shape[2], rng),
        split_unit="situation" if len(set(groups)) < len(groups) else "passage",
        nearest=nearest,
        farthest=farthest,
        curves=curves,
    )


def extreme_pairs(
    vectors: EmotionVectors, layer: int
) -> tuple[tuple[str, str, float], tuple[str, str, float]]:
    """The most and the least similar pair of emotions at a layer, with their cosines."""
    cosines = upper(cosine_matrix(vectors.values[layer]))
    i, j = np.triu_indices(len(vectors.emotions), 1)

    def pair(k: int) -> tuple[str, str, float]:
        return vectors.emotions[i[k]], vectors.emotions[j[k]], float(cosines[k])

    return pair(int(np.nanargmax(cosines))), pair(int(np.nanargmin(cosines)))


def _value(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None


def layer_curves(
    vectors: EmotionVectors, activations: Activations, good: list[int]
) -> dict[str, Float64[np.ndarray, " layer"]]:
    """Mean cosine, RDM std and anisotropy per layer; NaN at layers that are not in ``good``."""
    out = {}
    for name, function, values in (
        ("mean_cosine", mean_pairwise_cosine, vectors.values),
        ("rdm_std", rdm_std, vectors.values),
        ("anisotropy", mean_pairwise_cosine, activations.neutral),
    ):
        curve = np.full(activations.n_layers, np.nan)
        curve[good] = function(values[good])
        out[name] = curve
    return out


def _resampled_curves(
    activations: Activations,
    remove: str,
    estimator: str,
    good: list[int],
    settings: Resampling,
    track: Track,
) -> tuple[dict[str, Float64[np.ndarray, " layer"]], dict[str, np.ndarray]]:
    """Reliability and accuracy per layer, and every criterion in every bootstrap replicate."""
    _, which = index(activations.emotions)
    _, groups = index(activations.groups)
    values = prepare(activations, remove)
    cells = ItemCells.make(groups, which)
    # One representative item per cell carries the cell's resampling weight.
    first_item = np.unique(cells.of_item, return_index=True)[1]
    splits = half_splits(groups, which, settings.n_splits, stream(settings.seed, "halves"))
    splits = splits[:, first_item]
    counts = bootstrap_counts(
        groups, which, settings.n_bootstrap, stream(settings.seed, "bootstrap")
    )[:, first_item]
    inner = half_splits(
        groups,
        which,
        settings.n_bootstrap * settings.splits_per_replicate,
        stream(settings.seed, "bootstrap halves"),
    )[:, first_item]

    ones = cells.everything
    curves = {name: np.full(activations.n_layers, np.nan) for name in ("reliability", "accuracy")}
    shape = settings.n_bootstrap, len(good)
    replicates = {criterion.value: np.full(shape, np.nan) for criterion in Criterion}
    method = estimator_named(estimator)
    for column, layer in enumerate(track(good, "bootstrap over passages")):
        items = method.layer(cells, values[layer])
        halves = half_correlations(items, np.broadcast_to(ones, splits.shape), splits)
        curves["reliability"][layer] = spearman_brown(float(finite_mean(halves, axis=0)))
        curves["accuracy"][layer] = items.left_out_accuracy(ones)[0]
        replicates["mean_cosine"][:, column] = finite_mean(centred_cosines(items, counts), axis=1)
        per_split = _within(items, counts, inner, settings.splits_per_replicate)
        replicates["reliability"][:, column] = finite_mean(
            per_split.reshape(settings.n_bootstrap, -1), axis=1
        )
        replicates["accuracy"][:, column] = items.left_out_accuracy(counts)
    return curves, replicates


def _within(
    layer: ResampledLayer,
    counts: Float64[np.ndarray, "replicate cell"],
    inner: Bool[np.ndarray, "split cell"],
    each: int,
) -> Float64[np.ndarray, " split"]:
    """Correlation of the halves of every split, ``each`` splits in a row within one replicate.

    A few at a time: the weights of all splits together are the largest array of a run.
    """
    rows = np.arange(len(inner)) // each
    size = 64 * CHUNK
    return np.concatenate(
        [
            half_correlations(layer, counts[rows[i : i + size]], inner[i : i + size])
            for i in range(0, len(inner), size)
        ]
    )


def _choice(
    curve: Float64[np.ndarray, " layer"],
    replicates: Float64[np.ndarray, "replicate candidate"],
    good: list[int],
    criterion: Criterion,
) -> LayerChoice | None:
    """The best layer of a curve with the 95 % percentile interval of the replicates' choices."""
    sign = -1 if criterion.lower_is_better else 1
    candidates = sign * curve[good]
    if not np.isfinite(candidates).any():
        return None
    layer = good[int(np.nanargmax(candidates))]
    usable = sign * replicates[np.isfinite(replicates).all(axis=1)]
    if not len(usable):
        return LayerChoice(layer, float(curve[layer]), good[0], good[-1], float("nan"))
    chosen = np.array(good)[usable.argmax(axis=1)]
    low, high = np.percentile(chosen, [2.5, 97.5], method="nearest")
    return LayerChoice(
        layer, float(curve[layer]), int(low), int(high), float((chosen == layer).mean())
    )

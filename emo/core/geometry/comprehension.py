"""From activations to descriptors: layer curves, layer choices with intervals, reliability."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

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
from emo.core.geometry.grams import (
    CHUNK,
    Cells,
    LayerGram,
    centred_cosines,
    half_correlations,
    left_out_accuracy,
)
from emo.core.geometry.means import emotion_vectors, prepare
from emo.core.records import Activations, Descriptors, EmotionVectors, LayerChoice
from emo.core.stats.correlation import spearman_brown
from emo.core.stats.resampling import Resampling, bootstrap_counts, half_splits, index, stream

Track = Callable[[Iterable[Any], str], Iterable[Any]]
"""Wraps an iterable with a progress display of a given title."""


class GeometryError(ValueError):
    """Activations from which no geometry can be computed."""


CRITERIA = ("mean_cosine", "reliability", "accuracy")
LOWER_IS_BETTER = {"mean_cosine"}


def describe(
    activations: Activations,
    resampling: Resampling,
    remove: str = "none",
    track: Track = lambda items, _: items,
) -> tuple[EmotionVectors, Descriptors]:
    """Emotion vectors of every layer and the descriptors of their geometry.

    Source: [S] 2.3, 2.5 for vectors, the published best layer, anisotropy and RDM std; split-half
    reliability, left-out accuracy and the bootstrap of the layer choice are this project's.

    Raises
    ------
    GeometryError
        If there are fewer than three emotions, or no layer is finite.
    """
    emotions = index(activations.emotions)[0]
    if len(emotions) < 3:
        raise GeometryError(f"an RDM needs at least 3 emotions, there are {len(emotions)}")
    finite = finite_layers(activations.values, activations.neutral)
    if not finite:
        raise GeometryError("no layer has finite activations only; try precision=bf16 or fp32")

    vectors = emotion_vectors(activations, "global", remove)
    good = list(finite)
    curves = _plain_curves(vectors, activations, good)
    resampled, replicates = _resampled_curves(activations, remove, good, resampling, track)
    curves |= resampled

    choices = {
        name: _choice(curves[name], replicates[name], good, name in LOWER_IS_BETTER)
        for name in CRITERIA
    }
    published = choices["mean_cosine"]
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


def _plain_curves(
    vectors: EmotionVectors, activations: Activations, good: list[int]
) -> dict[str, Float64[np.ndarray, " layer"]]:
    """Curves that need no resampling; NaN at layers that are not finite."""
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
    good: list[int],
    settings: Resampling,
    track: Track,
) -> tuple[dict[str, Float64[np.ndarray, " layer"]], dict[str, np.ndarray]]:
    """Reliability and accuracy per layer, and every criterion in every bootstrap replicate."""
    _, which = index(activations.emotions)
    _, groups = index(activations.groups)
    values = prepare(activations, remove)
    cells = Cells.make(groups, which)
    # One representative item a cell carries the cell's resampling weight.
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

    ones = np.ones((1, len(cells.size)))
    curves = {name: np.full(activations.n_layers, np.nan) for name in ("reliability", "accuracy")}
    replicates = {name: np.full((settings.n_bootstrap, len(good)), np.nan) for name in CRITERIA}
    for column, layer in enumerate(track(good, "bootstrap over passages")):
        gram = LayerGram.make(cells, values[layer])
        halves = half_correlations(gram, np.broadcast_to(ones, splits.shape), splits)
        curves["reliability"][layer] = spearman_brown(_mean(halves))
        curves["accuracy"][layer] = left_out_accuracy(gram, ones)[0]
        with_cosines = centred_cosines(gram, counts)
        replicates["mean_cosine"][:, column] = _row_means(with_cosines)
        per_split = _within(gram, counts, inner, settings.splits_per_replicate)
        replicates["reliability"][:, column] = _row_means(
            per_split.reshape(settings.n_bootstrap, -1)
        )
        replicates["accuracy"][:, column] = left_out_accuracy(gram, counts)
    return curves, replicates


def _within(
    gram: LayerGram,
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
            half_correlations(gram, counts[rows[i : i + size]], inner[i : i + size])
            for i in range(0, len(inner), size)
        ]
    )


def _mean(x: np.ndarray) -> float:
    return float(_row_means(x[None, :])[0])


def _row_means(x: np.ndarray) -> np.ndarray:
    """Means over the finite entries of each row; NaN where there are none."""
    good = np.isfinite(x)
    n = good.sum(axis=1)
    return np.where(n > 0, np.where(good, x, 0).sum(axis=1) / np.maximum(n, 1), np.nan)


def _choice(
    curve: Float64[np.ndarray, " layer"],
    replicates: Float64[np.ndarray, "replicate candidate"],
    good: list[int],
    lower_is_better: bool,
) -> LayerChoice | None:
    """The best layer of a curve with the 95 % percentile interval of the replicates' choices."""
    sign = -1 if lower_is_better else 1
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

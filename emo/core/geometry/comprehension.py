"""From activations to descriptors: layer curves, layer choices with intervals, reliability."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64

from emo.core.choices import DEFAULT_ESTIMATOR, Criterion
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.core.geometry.cosines import (
    analytic_floor,
    anisotropy_bounds,
    cosine_matrix,
    finite_layers,
    mean_pairwise_cosine,
    rdm_std,
    reference_layers,
    upper,
)
from emo.core.geometry.layer_results import Track, layer_results
from emo.core.geometry.valence import valence_criterion
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Activations, Bounds, Descriptors, EmotionVectors, LayerChoice
from emo.core.stats.resampling import Resampling, index


class GeometryError(ValueError):
    """Activations from which no geometry can be computed."""


def describe(
    activations: Activations,
    resampling: Resampling,
    remove: str = "none",
    track: Track = lambda items, _: items,
    estimator: str = DEFAULT_ESTIMATOR,
    poles: Mapping[str, float] | None = None,
) -> tuple[EmotionVectors, Descriptors]:
    """Emotion vectors of every layer, centred globally, and the descriptors of their geometry.

    Source: [S 2.3] for the vectors and the published best layer, [S 2.5] for anisotropy and RDM std;
    split-half reliability, left-out accuracies, the null of permuted labels and the nested layer choice
    are this project's (docs/protocol.md, "What is reported besides, and why").

    Parameters
    ----------
    activations
        Items of at least three emotions, and the neutral sentences for the anisotropy.
    resampling
        Numbers of splits, replicates and permutations, and the seed.
    remove
        ``none``, or ``situation`` to subtract the situation means from the items first.
    track
        Wraps the loop over layers, for a progress display.
    estimator
        Name in :data:`emo.core.geometry.estimators.ESTIMATORS`.
    poles
        By emotion 1 (pleasant), -1 (unpleasant) or 0 (neither); None, or too few: no valence.

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
    valence = valence_criterion(emotions, poles or {}, resampling.seed)
    resampled = layer_results(activations, remove, estimator, good, resampling, track, valence)
    curves = layer_curves(vectors, activations, good) | resampled.curves
    choices = {
        criterion.value: _choice(
            curves[criterion], resampled.replicates[criterion], good, criterion
        )
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
    return vectors, Descriptors(
        n_layers=activations.n_layers,
        finite_layers=finite,
        best_layer=best,
        best_layer_pct=100 * best / activations.n_layers,
        reference_layers=reference_layers(activations.n_layers),
        choices=choices,
        anisotropy=float(curves["anisotropy"][best]),
        anisotropy_flag=bool(curves["anisotropy"][best] > FLAGGED_ANISOTROPY),
        rdm_std=float(curves["rdm_std"][best]),
        reliability=_value(curves["reliability"][best]),
        accuracy=_value(curves["accuracy"][best]),
        chance=1 / len(emotions),
        analytic_floor=analytic_floor(len(emotions)),
        split_unit="situation" if len(set(groups)) < len(groups) else "passage",
        nearest=nearest,
        farthest=farthest,
        curves=curves,
        intervals=resampled.intervals | {"anisotropy": _anisotropy_bounds(activations, good)},
        nulls=resampled.nulls,
        nested=resampled.nested,
        valence=resampled.valence,
        permutations=resampling.n_permutations,
    )


def _anisotropy_bounds(activations: Activations, good: list[int]) -> Bounds:
    bounds = anisotropy_bounds(activations.neutral[good])
    low, high = np.full((2, activations.n_layers), np.nan)
    low[good], high[good] = bounds.low, bounds.high
    return Bounds(low, high)


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

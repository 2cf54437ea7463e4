"""How far activations are from a reference's on the same items, layer by layer.

For one model read in two ways (precisions, batch sizes): the residual streams have the same axes, so
items and emotion vectors are compared by cosine, besides their geometry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float64

from emo.core.choices import DEFAULT_ESTIMATOR, FloatFormat
from emo.core.geometry.cosines import cosine_matrix, finite_layers, paired_cosines, upper
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Activations, Descriptors, LabelMismatch, require_same_labels
from emo.core.stats.correlation import spearman


@dataclass(frozen=True)
class Deviation:
    """How far two readings are apart, per layer.

    NaN where a passage or a neutral sentence of either side is not finite.
    """

    cosine_mean: Float64[np.ndarray, " layer"]
    """Mean over items of the cosine with the reference's activation of the same item."""
    cosine_min: Float64[np.ndarray, " layer"]
    """The item that is farthest off."""
    vector_cosine: Float64[np.ndarray, " layer"]
    """Mean over emotions of the cosine of the emotion vectors."""
    vector_cosine_min: Float64[np.ndarray, " layer"]
    rho: Float64[np.ndarray, " layer"]
    """Spearman of the two RDMs."""

    def curves(self) -> dict[str, Float64[np.ndarray, " layer"]]:
        """All of them by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def deviation(
    activations: Activations,
    reference: Activations,
    remove: str = "none",
    estimator: str = DEFAULT_ESTIMATOR,
) -> Deviation:
    """How far activations are from a reference's on the same items, at every layer.

    Parameters
    ----------
    activations, reference
        The same items in the same order, of models with the same layers and width.
    remove
        ``none``, or ``situation`` to subtract the situation means first; emotion vectors are centred
        globally after that [S 2.3].
    estimator
        Name in :data:`emo.core.geometry.estimators.ESTIMATORS`.

    Raises
    ------
    LabelMismatch
        If the items, their emotions, the layers or the hidden sizes differ.
    """
    require_same_labels(activations.item_ids, reference.item_ids, "items")
    require_same_labels(activations.emotions, reference.emotions, "emotions")
    a, b = activations.values, reference.values
    if a.shape != b.shape:
        raise LabelMismatch(f"layers and hidden sizes differ: {a.shape[::2]} and {b.shape[::2]}")
    good = finite_layers(a, b, activations.neutral, reference.neutral)
    va, vb = (
        emotion_vectors(x, "global", remove, estimator=estimator).values
        for x in (activations, reference)
    )
    curves = {f.name: np.full(len(a), np.nan) for f in fields(Deviation)}
    for layer in good:
        items, vectors = paired_cosines(a[layer], b[layer]), paired_cosines(va[layer], vb[layer])
        curves["cosine_mean"][layer], curves["cosine_min"][layer] = items.mean(), items.min()
        curves["vector_cosine"][layer] = vectors.mean()
        curves["vector_cosine_min"][layer] = vectors.min()
        curves["rho"][layer] = spearman(
            upper(cosine_matrix(va[layer])), upper(cosine_matrix(vb[layer]))
        )
    return Deviation(**curves)


@dataclass(frozen=True)
class AtLayer:
    """One precision at one layer, beside the reference; None where there is no finite value."""

    layer: int
    cosine_mean: float | None
    cosine_min: float | None
    vector_cosine: float | None
    rho: float | None
    reliability: float | None
    """Split-half reliability of this precision's own RDM: a rho of two noisy RDMs is bounded by it."""
    anisotropy: float | None
    own_cosine_mean: float | None = None
    """As ``cosine_mean``, of this precision's replicate with it: what its rounding changes."""
    own_cosine_min: float | None = None
    own_vector_cosine: float | None = None
    own_rho: float | None = None
    excess_items_low: float | None = None
    """Lower bound of how much farther off the reference is than the replicate, in 1 - cosine; above 0
    the precision changes more than its rounding. See :class:`emo.core.compare.rounding.Excess`."""
    excess_vectors_low: float | None = None
    excess_rdm_low: float | None = None

    @property
    def beyond(self) -> dict[str, bool]:
        """Whether the precision changes more than its own rounding, by kind, where that is known."""
        lows = {
            "items": self.excess_items_low,
            "vectors": self.excess_vectors_low,
            "rdm": self.excess_rdm_low,
        }
        return {kind: low > 0 for kind, low in lows.items() if low is not None}


@dataclass(frozen=True)
class PrecisionRow:
    """What one precision changes against another, at the layers where geometry is reported."""

    precision: str
    against: str
    non_finite_layers: tuple[int, ...]
    best_layer: int | None
    """By the published criterion, among this precision's finite layers; None if it has none."""
    at: dict[str, AtLayer]
    """25%, 50%, 75% of the depth, and ``best``: the best layer of fp32."""
    parameters: int
    quantised_parameters: int
    weights_bytes: int
    texts_read: int
    texts_reused: int
    seconds_per_text: float | None
    """Of those read now; None where all came from the store."""
    replicate_read: int = 0
    """Texts of the replicate that were read now."""
    replicate_reused: int = 0
    n_layers: int | None = None
    """Layers of the model; None where rounding was not measured."""
    layers_beyond: dict[str, int] | None = None
    """Number of layers at which the precision changes more than its own rounding, by kind: ``items``,
    ``vectors``, ``rdm``."""

    @property
    def name(self) -> str:
        """Key in metrics and figures."""
        plain = self.against == FloatFormat.fp32
        return self.precision if plain else f"{self.precision}_vs_{self.against}"


def landmarks(reference: Descriptors) -> dict[str, int]:
    """The layers the rows give: reference depths, and the reference's best layer."""
    return {**reference.reference_layers, "best": reference.best_layer}


def at_layers(layers: Mapping[str, int], curves: Mapping[str, np.ndarray]) -> dict[str, AtLayer]:
    """The numbers of one precision at the landmarks, from curves by the names of the fields."""

    def value(name: str, layer: int) -> float | None:
        x = float(curves[name][layer]) if name in curves else np.nan
        return x if np.isfinite(x) else None

    names = [f.name for f in fields(AtLayer)][1:]
    return {
        where: AtLayer(layer, **{name: value(name, layer) for name in names})
        for where, layer in layers.items()
    }

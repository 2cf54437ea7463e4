"""Whether two readers of one model agree, layer by layer. Source: [S 2.4, S 4.2]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64

from emo.core.choices import DEFAULT_ESTIMATOR, FloatFormat, chosen
from emo.core.geometry.cosines import cosine_matrix, paired_cosines, upper
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Activations, require_same_labels
from emo.core.stats.correlation import spearman

ROUNDOFF = {
    FloatFormat.fp32: 2.0**-24,
    FloatFormat.bf16: 2.0**-8,
    FloatFormat.fp16: 2.0**-11,
}
"""Unit roundoff of each format: half the distance from 1 to the next number."""

ROUNDINGS = {FloatFormat.fp32: 256, FloatFormat.bf16: 16, FloatFormat.fp16: 16}
"""How many unit roundoffs two right computations may be apart, per activation vector.

Each block rounds the stream a few times, and roundings add like a random walk, so the factor grows
with the square root of depth. In bf16 and fp16 products are summed in fp32 and rounded once; in fp32
the sums round as well, so more is allowed there, for wide models. Largest seen between transformers
and HookedTransformer: docs/equivalence.md.
"""


@dataclass(frozen=True)
class Equivalence:
    """One reader against a reference, one value per layer; NaN where a layer is not finite.

    Cosines are of emotion vectors, as published; ``relative`` and ``max_abs`` are of the activations
    of all passages and neutral sentences.
    """

    cosine_mean: Float64[np.ndarray, " layer"]
    cosine_min: Float64[np.ndarray, " layer"]
    max_abs: Float64[np.ndarray, " layer"]
    """Largest difference of a single number."""
    relative: Float64[np.ndarray, " layer"]
    """Largest norm of a difference over the norm of the reference's vector."""
    rdm_rho: Float64[np.ndarray, " layer"]
    rdm_frobenius: Float64[np.ndarray, " layer"]
    """Frobenius distance of the two RDMs over the norm of the reference's, entries 1 - cosine."""
    finite: Bool[np.ndarray, " layer"]
    """Both readers finite."""
    same_gaps: Bool[np.ndarray, " layer"]
    """The same numbers not finite in both; true where all are finite."""
    tolerance: float

    @property
    def verdicts(self) -> tuple[str, ...]:
        """One word per layer: exact, within (rounding), outside, or not finite."""
        return tuple(self._verdict(layer) for layer in range(len(self.finite)))

    def _verdict(self, layer: int) -> str:
        if not self.finite[layer]:
            return "not finite" if self.same_gaps[layer] else "outside"
        if self.max_abs[layer] == 0:
            return "exact"
        return "within" if self.relative[layer] <= self.tolerance else "outside"

    @property
    def agrees(self) -> bool:
        """No layer is outside the tolerance, and at least one could be compared."""
        return bool(self.finite.any()) and "outside" not in self.verdicts

    @property
    def worst_layer(self) -> int | None:
        """Where the relative difference is largest; None if no layer is finite."""
        return int(np.nanargmax(self.relative)) if self.finite.any() else None

    def headline(self) -> dict[str, Any]:
        """The worst value of each curve over the finite layers, None if there are none."""
        out: dict[str, Any] = {"agrees": float(self.agrees)}
        for name, curve in self.curves().items():
            good = curve[np.isfinite(curve)]
            worst = good.max if name in DISTANCES else good.min
            out[name] = float(worst()) if len(good) else None
        return out

    def curves(self) -> dict[str, Float64[np.ndarray, " layer"]]:
        """Every quantity over depth."""
        return {name: getattr(self, name) for name in CURVES}


DISTANCES = frozenset({"max_abs", "relative", "rdm_frobenius"})
CURVES = ("cosine_mean", "cosine_min", "max_abs", "relative", "rdm_rho", "rdm_frobenius")


@dataclass(frozen=True)
class EquivalenceReport:
    """Readers of one model against the reference reader, by name."""

    precision: str
    n_texts: int
    n_layers: int
    compared: dict[str, Equivalence]
    missing: dict[str, str]
    """Readers that cannot take this model, and why."""


def tolerance(precision: str) -> float:
    """Largest relative difference of two activation vectors that rounding can explain.

    Raises
    ------
    UnknownChoice
        If the format is no :class:`emo.core.choices.FloatFormat`.

    Example
    -------
    >>> tolerance("bf16")
    0.0625
    """
    number_format = chosen(FloatFormat, precision, "precision")
    return ROUNDINGS[number_format] * ROUNDOFF[number_format]


def equivalence(
    reference: Activations,
    other: Activations,
    precision: str,
    remove: str = "none",
    estimator: str = DEFAULT_ESTIMATOR,
) -> Equivalence:
    """Whether two readings of the same texts by the same weights agree, layer by layer.

    Parameters
    ----------
    reference, other
        The same items in the same order, read in two ways.
    precision
        The format both computed in, which decides what rounding can explain.
    remove
        ``none``, or ``situation`` to subtract the situation means first; emotion vectors are centred
        globally after that.
    estimator
        Name in :data:`emo.core.geometry.estimators.ESTIMATORS`.

    Raises
    ------
    LabelMismatch
        If the items differ in content or order.
    UnknownChoice
        If the format is no :class:`emo.core.choices.FloatFormat`, or a name is unknown.
    """
    require_same_labels(reference.item_ids, other.item_ids, "items")
    require_same_labels(reference.emotions, other.emotions, "emotions")
    a = np.concatenate([reference.values, reference.neutral], axis=1)
    b = np.concatenate([other.values, other.neutral], axis=1)
    finite_a, finite_b = np.isfinite(a), np.isfinite(b)
    finite = np.all(finite_a & finite_b, axis=(1, 2))
    max_abs, relative = differences(a, b, finite)
    vectors_a, vectors_b = (
        emotion_vectors(x, "global", remove, estimator=estimator).values for x in (reference, other)
    )
    cosines = np.full(vectors_a.shape[:2], np.nan)
    cosines[finite] = np.clip(paired_cosines(vectors_a[finite], vectors_b[finite]), -1, 1)
    rho, frobenius = rdm_agreement(vectors_a, vectors_b, finite)
    return Equivalence(
        cosine_mean=cosines.mean(axis=1),
        cosine_min=cosines.min(axis=1),
        max_abs=max_abs,
        relative=relative,
        rdm_rho=rho,
        rdm_frobenius=frobenius,
        finite=finite,
        same_gaps=np.all(finite_a == finite_b, axis=(1, 2)),
        tolerance=tolerance(precision),
    )


def differences(
    a: Float[np.ndarray, "layer item hidden"],
    b: Float[np.ndarray, "layer item hidden"],
    finite: Bool[np.ndarray, " layer"],
) -> tuple[Float64[np.ndarray, " layer"], Float64[np.ndarray, " layer"]]:
    """Largest absolute difference, and largest ||b - a|| / ||a|| over the items of a layer."""
    max_abs, relative = np.full((2, len(a)), np.nan)
    for layer in np.flatnonzero(finite):
        x, difference = a[layer].astype(np.float64), b[layer].astype(np.float64) - a[layer]
        max_abs[layer] = np.abs(difference).max()
        relative[layer] = _ratio(difference, x).max()
    return max_abs, relative


def rdm_agreement(
    a: Float64[np.ndarray, "layer emotion hidden"],
    b: Float64[np.ndarray, "layer emotion hidden"],
    finite: Bool[np.ndarray, " layer"],
) -> tuple[Float64[np.ndarray, " layer"], Float64[np.ndarray, " layer"]]:
    """Spearman rho of the RDMs, and ||B - A|| / ||A|| of their entries 1 - cosine, per layer."""
    rho, frobenius = np.full((2, len(a)), np.nan)
    for layer in np.flatnonzero(finite):
        x, y = (1 - upper(cosine_matrix(v[layer])) for v in (a, b))
        rho[layer] = np.minimum(spearman(x, y), 1)
        frobenius[layer] = _ratio(y - x, x)
    return rho, frobenius


def _ratio(
    difference: Float64[np.ndarray, "*row n"], reference: Float64[np.ndarray, "*row n"]
) -> Float64[np.ndarray, "*row"]:
    """Norm over norm along the last axis; nothing over nothing is 0."""
    top, bottom = np.linalg.norm(difference, axis=-1), np.linalg.norm(reference, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(top == 0, 0.0, top / bottom)

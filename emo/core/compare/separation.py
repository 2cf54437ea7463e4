"""How far emotions lie apart at every layer, and whether that is a U over the depth of the model.

Published [M]: the mean pairwise cosine of centred vectors falls towards about half of the depth and
rises again. The same question is put to two measures that no centring fixes: left-out accuracy and the
crossnobis distance. The rules of the verdicts are this project's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float64, Int

from emo.core.compare.leaving_out import jackknifed, left_out_units
from emo.core.criterion_search import SearchVerdict
from emo.core.geometry.crossnobis import crossnobis
from emo.core.geometry.item_sets import ItemSet, Recipe, own_design
from emo.core.records import Activations
from emo.core.stats.intervals import Estimates, finite_mean, percentile_interval
from emo.core.stats.resampling import Resampling, bootstrap_counts, stream

HALF = (40.0, 60.0)
"""Per cent of depth that count as "about half"."""
LEAST_LAYERS = 4
"""Layers, below which there are no first quarter, middle and last quarter."""


class Measure(StrEnum):
    """The measures of separation over depth."""

    mean_cosine = "mean_cosine"
    """Mean pairwise cosine of the globally centred vectors; low is apart. Published."""
    accuracy = "accuracy"
    """Share of items that are nearest to their own emotion's mean over other situations."""
    crossnobis = "crossnobis"

    @property
    def sign(self) -> int:
        """1 where high is apart, -1 where low is."""
        return -1 if self is Measure.mean_cosine else 1


@dataclass(frozen=True)
class DepthCurve:
    """One measure at every layer of a reading, as it is and with situations drawn anew."""

    measure: Measure
    layers: tuple[int, ...]
    """Finite layers, in order."""
    n_layers: int
    """Of the model."""
    value: Float64[np.ndarray, " layer"]
    without: Float64[np.ndarray, "unit layer"]
    """With each situation left out; where none are declared, with each item or block of items."""
    stratum: Int[np.ndarray, " unit"]
    """What each unit is drawn from: all situations together, or the items of its emotion."""
    drawn: Float64[np.ndarray, "replicate layer"]
    """Bootstrap replicates over situations."""

    @property
    def interval(self) -> Estimates:
        """The value per layer with its jackknife interval."""
        return jackknifed(self.value, self.without, self.stratum)


@dataclass(frozen=True)
class Place:
    """The layer where emotions lie furthest apart, in per cent of depth, and how sure that is."""

    measure: Measure
    layer: int
    percent: float
    low: float
    """``low`` to ``high`` holds 95 % of the bootstrap's layers, in per cent of depth."""
    high: float
    about_half: SearchVerdict
    """Shown: the whole interval is about half; not shown: none of it is."""


@dataclass(frozen=True)
class UShape:
    """Whether emotions lie further apart in the middle half of the layers than at both ends."""

    measure: Measure
    first: Estimates
    """Separation in the middle half less that in the first quarter; positive: further apart."""
    last: Estimates
    """The same less that in the last quarter."""
    verdict: SearchVerdict
    """Shown: both lower bounds above 0; not shown: one upper bound below 0."""


def depth_curves(
    activations: Activations,
    layers: tuple[int, ...],
    resampling: Resampling,
) -> dict[Measure, DepthCurve]:
    """Separation at the layers by every measure that the items allow, of difference-of-means vectors.

    Parameters
    ----------
    activations
        Items of emotions, none of them neutral stories.
    layers
        Numbers of the finite layers.
    resampling
        Number of bootstrap replicates, and the seed.
    """
    sets = [ItemSet.make(activations, layer, Recipe()) for layer in layers]
    design = own_design(sets[0])
    rng = stream(resampling.seed, "depth")
    counts = bootstrap_counts(design.group, design.emotion, resampling.n_bootstrap, rng)
    units, stratum = left_out_units(design, resampling.seed)
    everything = np.ones((1, len(design.group)))

    def curve(measure: Measure, stratum: np.ndarray, *rows: np.ndarray) -> DepthCurve:
        value, left, drawn = rows
        return DepthCurve(measure, layers, activations.n_layers, value[0], left, stratum, drawn)

    weightings = (everything, (~units).astype(np.float64), counts)
    cosines = (_mean_cosines(sets, w) for w in weightings)
    out = {Measure.mean_cosine: curve(Measure.mean_cosine, stratum, *cosines)}
    hits = np.stack([s.layer.left_out_hits(s.layer.cells.everything)[0] for s in sets], axis=1)
    if np.isfinite(hits).any(axis=0).all():
        of_item = sets[0].layer.cells.of_item
        shares = (_weighted_mean(hits, w[:, of_item]) for w in weightings)
        out[Measure.accuracy] = curve(Measure.accuracy, stratum, *shares)
    distance = crossnobis(activations, layers, resampling.seed)
    if distance is not None:
        n = distance.situations
        drawn = stream(resampling.seed, "depth", "crossnobis").multinomial(
            n, np.full(n, 1 / n), size=resampling.n_bootstrap
        )
        rows = (np.ones((1, n)), 1 - np.eye(n), drawn.astype(np.float64))
        distances = (distance.weighted(w) for w in rows)
        out[Measure.crossnobis] = curve(Measure.crossnobis, np.zeros(n, dtype=int), *distances)
    return out


def place(curve: DepthCurve) -> Place:
    """The layer of the largest separation, and whether it is at about half of the depth."""
    apart = curve.measure.sign * curve.drawn
    usable = apart[np.isfinite(apart).all(axis=1)]
    percent = 100 * np.array(curve.layers) / curve.n_layers
    best = int(np.nanargmax(curve.measure.sign * curve.value))
    low = high = float("nan")
    if len(usable):
        low, high = map(float, percentile_interval(percent[usable.argmax(axis=1)]))
    inside = HALF[0] <= low and high <= HALF[1]
    outside = high < HALF[0] or low > HALF[1]
    verdict = SearchVerdict.untold
    if inside:
        verdict = SearchVerdict.shown
    elif outside:
        verdict = SearchVerdict.not_shown
    return Place(curve.measure, curve.layers[best], float(percent[best]), low, high, verdict)


def u_shape(curve: DepthCurve) -> UShape | None:
    """Middle against both ends; None for a model of fewer than four finite layers."""
    n = len(curve.layers)
    if n < LEAST_LAYERS:
        return None
    quarter = n // 4
    first, last = (
        jackknifed(
            _contrast(curve, curve.value, end), _contrast(curve, curve.without, end), curve.stratum
        )
        for end in (slice(0, quarter), slice(n - quarter, n))
    )
    lows, highs = (first.low, last.low), (first.high, last.high)
    verdict = SearchVerdict.untold
    if min(map(float, lows)) > 0:
        verdict = SearchVerdict.shown
    elif min(map(float, highs)) < 0:
        verdict = SearchVerdict.not_shown
    return UShape(curve.measure, first, last, verdict)


def _contrast(curve: DepthCurve, values: np.ndarray, end: slice) -> np.ndarray:
    """Separation in the middle half of the layers less that at one end."""
    n = len(curve.layers)
    middle = slice(n // 4, n - n // 4)
    apart = curve.measure.sign * values
    return np.asarray(apart[..., middle].mean(axis=-1) - apart[..., end].mean(axis=-1))


def _mean_cosines(
    sets: list[ItemSet], weights: Float64[np.ndarray, "row cell"]
) -> Float64[np.ndarray, "row layer"]:
    """Mean pairwise cosine of the centred vectors under each weighting."""
    return np.stack([finite_mean(s.rdms(weights, s.emotions), axis=1) for s in sets], axis=1)


def _weighted_mean(
    hits: Float64[np.ndarray, "item layer"], weights: Float64[np.ndarray, "row item"]
) -> Float64[np.ndarray, "row layer"]:
    """Weighted share of hits; items that are not scored do not count."""
    scored = np.isfinite(hits)
    total = weights @ scored
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, weights @ np.where(scored, hits, 0) / total, np.nan)

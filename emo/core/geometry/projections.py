"""What can change an RDM, and what cannot.

Projections act on activations, before the cosine; a linear normalisation of the finished RDM changes
no rank and no standardised value, and a constant vector added to all activations no centred cosine.
The mean, components and scales of a projection are taken from all items (or all neutral sentences) of
a set, once: resampling does not take them anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from jaxtyping import Float, Float64

from emo.core.choices import Projection, chosen
from emo.core.frames import LayerMap
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.geometry.means import weighted_means
from emo.core.records import Activations
from emo.core.stats.correlation import pearson, spearman
from emo.core.stats.resampling import index

NEUTRAL_SHARE = 0.5
"""Share of the neutral texts' variance whose components are projected out; this project's choice."""


def project(
    activations: Activations, projection: str, components: int | None = None
) -> Activations:
    """Activations after a :class:`emo.core.choices.Projection`, layer by layer.

    Items and neutral sentences alike; a layer that is not finite stays as it is.

    Parameters
    ----------
    activations
        Labelled items and neutral sentences.
    projection
        ``none``, ``all_but_the_top``, ``z_score`` or ``neutral_pcs``.
    components
        How many components ``all_but_the_top`` takes away; by default a hundredth of the width.

    Raises
    ------
    UnknownChoice
        If the projection is unknown.
    ValueError
        If neutral components are wanted of fewer than two neutral sentences.
    """
    method = chosen(Projection, projection, "projection")
    if method is Projection.none:
        return activations
    if method is Projection.neutral_pcs and activations.neutral.shape[1] < 2:
        raise ValueError(
            f"projection=neutral_pcs needs at least 2 neutral sentences, there are "
            f"{activations.neutral.shape[1]}"
        )
    items, neutral = activations.values.copy(), activations.neutral.copy()
    for layer in range(activations.n_layers):
        x, y = (a[layer].astype(np.float64) for a in (items, neutral))
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            continue
        rows = layer_map(method, x, y, components).apply(np.concatenate([x, y]))
        items[layer], neutral[layer] = rows[: len(x)], rows[len(x) :]
    return replace(activations, values=items, neutral=neutral)


def layer_map(
    method: Projection,
    items: Float64[np.ndarray, "item hidden"],
    neutral: Float64[np.ndarray, "sentence hidden"],
    components: int | None = None,
) -> LayerMap:
    """What a projection does at one layer, taken from finite items and neutral sentences."""
    hidden = items.shape[1]
    shift, scale, axes = np.zeros(hidden), np.ones(hidden), np.zeros((0, hidden))
    match method:
        case Projection.none:
            pass
        case Projection.all_but_the_top:
            shift, axes = items.mean(axis=0), leading_axes(items, components)
        case Projection.z_score:
            shift = items.mean(axis=0)
            scale = usable_scale(items.std(axis=0), np.abs(items).max(axis=0))
        case Projection.neutral_pcs:
            axes = neutral_axes(neutral)
        case _:
            assert_never(method)
    return LayerMap(shift, scale, axes)


def all_but_the_top(
    values: Float64[np.ndarray, "row hidden"],
    items: Float64[np.ndarray, "item hidden"],
    components: int | None = None,
) -> Float64[np.ndarray, "row hidden"]:
    """Values minus the items' mean and minus their part along the items' leading components.

    By default a hundredth of the hidden size, at least one: the rule of Mu & Viswanath 2018, sec. 2.
    """
    return _without(values - items.mean(axis=0), leading_axes(items, components))


def leading_axes(
    items: Float64[np.ndarray, "item hidden"], components: int | None = None
) -> Float64[np.ndarray, "axis hidden"]:
    """The items' leading principal axes, by default as many as :func:`all_but_the_top` takes away."""
    n = max(1, items.shape[1] // 100) if components is None else components
    return _components(items)[1][:n]


def z_score(
    values: Float64[np.ndarray, "row hidden"], items: Float64[np.ndarray, "item hidden"]
) -> Float64[np.ndarray, "row hidden"]:
    """Values minus the items' mean, in units of the items' standard deviation, per dimension.

    A dimension in which the items do not differ becomes 0. Timkey & van Schijndel 2021, sec. 4.
    """
    centre, scale = items.mean(axis=0), items.std(axis=0)
    return in_units(values, centre, scale, np.abs(items).max(axis=0))


def in_units(
    values: Float64[np.ndarray, "row hidden"],
    centre: Float64[np.ndarray, " hidden"],
    scale: Float64[np.ndarray, " hidden"],
    largest: Float64[np.ndarray, " hidden"],
) -> Float64[np.ndarray, "row hidden"]:
    """Values minus a centre in units of a scale; 0 where it is nothing beside the ``largest`` value."""
    return (values - centre) / usable_scale(scale, largest)


def usable_scale(
    scale: Float64[np.ndarray, " hidden"], largest: Float64[np.ndarray, " hidden"]
) -> Float64[np.ndarray, " hidden"]:
    """The scale; infinite where it is nothing beside the ``largest`` value, so that quotients are 0."""
    return np.where(scale > 1e-12 * np.maximum(largest, 1e-300), scale, np.inf)


def without_neutral(
    values: Float64[np.ndarray, "row hidden"],
    neutral: Float64[np.ndarray, "sentence hidden"],
    share: float = NEUTRAL_SHARE,
) -> Float64[np.ndarray, "row hidden"]:
    """Values without their part along the neutral texts' leading principal components.

    The fewest components that explain at least ``share`` of the neutral texts' variance.
    """
    return _without(values, neutral_axes(neutral, share))


def neutral_axes(
    neutral: Float64[np.ndarray, "sentence hidden"], share: float = NEUTRAL_SHARE
) -> Float64[np.ndarray, "axis hidden"]:
    """The axes that :func:`without_neutral` takes away; none where the neutral texts do not differ."""
    variance, axes = _components(neutral)
    if not variance.sum():
        return axes[:0]
    explained = np.cumsum(variance) / variance.sum()
    return axes[: 1 + int(np.searchsorted(explained, share))]


def _components(
    items: np.ndarray,
) -> tuple[Float64[np.ndarray, " component"], Float64[np.ndarray, "component hidden"]]:
    """Variances and unit axes of the centred items, largest first."""
    _, sizes, axes = np.linalg.svd(items - items.mean(axis=0), full_matrices=False)
    return sizes**2, axes


def _without(values: np.ndarray, axes: np.ndarray) -> np.ndarray:
    return values - (values @ axes.T) @ axes


@dataclass(frozen=True)
class Normalisation:
    """What one linear normalisation (x - shift) / scale of an RDM does to its correlations."""

    name: str
    shift: float
    scale: float
    spearman: float
    pearson: float
    largest_change: float
    """Of the RDM's own entries: that the numbers did change."""


def linear_normalisations(
    a: Float[np.ndarray, " pair"], b: Float[np.ndarray, " pair"]
) -> tuple[Normalisation, ...]:
    """Correlations of an RDM with another, as it is and after each linear normalisation of it.

    None can change them [S 4.1.2]: Pearson is blind to shift and positive scale, Spearman to every
    increasing map. ``anisotropy`` is (x - mean) / (1 - mean), the adjustment for a common direction.
    """
    rows = []
    for name, (shift, scale) in linear_maps(a).items():
        moved = (a - shift) / scale
        rho, r = float(spearman(moved, b)), float(pearson(moved, b))
        rows.append(Normalisation(name, shift, scale, rho, r, float(np.abs(moved - a).max())))
    return tuple(rows)


def linear_maps(rdm: Float[np.ndarray, " pair"]) -> dict[str, tuple[float, float]]:
    """Shift and scale of every linear normalisation of an RDM, by its name; ``none`` comes first."""
    mean = float(np.mean(rdm))
    return {
        "none": (0.0, 1.0),
        "range": (float(np.min(rdm)), float(np.ptp(rdm))),
        "z_score": (mean, float(np.std(rdm))),
        "anisotropy": (mean, 1 - mean),
    }


CONSTANT_LENGTH = 100
"""Length of the constant vector in units of the neutral sentences' root mean square length."""


@dataclass(frozen=True)
class ConstantShift:
    """What adding one vector to all activations of a layer does."""

    name: str
    anisotropy: float
    """Of the neutral sentences with the vector added."""
    largest_change: float
    """Of an entry of the RDM of the centred emotion vectors."""


def constant_added(activations: Activations, layer: int) -> tuple[ConstantShift, ...]:
    """Anisotropy and RDM of a layer as it is, with a constant added, and with the neutral mean taken.

    A constant vector takes the anisotropy to nearly 1, subtracting the mean of the neutral sentences to
    about 0, and neither moves the RDM by more than rounding: emotion vectors are centred, anisotropy is
    of raw activations. So the published flag says nothing about the RDM by itself.

    Raises
    ------
    ValueError
        If the layer is not finite, or there are fewer than two neutral sentences.
    """
    items, neutral = (
        x[layer].astype(np.float64) for x in (activations.values, activations.neutral)
    )
    if not (np.isfinite(items).all() and np.isfinite(neutral).all()):
        raise ValueError(f"layer {layer} has activations that are not finite")
    if len(neutral) < 2:
        raise ValueError(
            f"an anisotropy needs at least 2 neutral sentences, there are {len(neutral)}"
        )
    _, which = index(activations.emotions)
    ones = np.ones(len(which))
    length = CONSTANT_LENGTH * float(np.sqrt((neutral**2).sum(axis=1).mean()))
    hidden = items.shape[1]
    shifts = {
        "none": np.zeros(hidden),
        "constant vector added": np.full(hidden, length / np.sqrt(hidden)),
        "mean of the neutral sentences subtracted": -neutral.mean(axis=0),
    }
    rows, plain = [], None
    for name, shift in shifts.items():
        vectors = weighted_means(items + shift, which, ones)
        rdm = upper(cosine_matrix(vectors - vectors.mean(axis=0)))
        plain = rdm if plain is None else plain
        anisotropy = float(upper(cosine_matrix(neutral + shift)).mean())
        rows.append(ConstantShift(name, anisotropy, float(np.abs(rdm - plain).max())))
    return tuple(rows)

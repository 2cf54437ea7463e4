"""The frame of a run's emotion vectors, from the activations that the vectors were made of."""

from __future__ import annotations

import numpy as np

from emo.core.choices import Centring, Projection, chosen
from emo.core.frames import LayerMap, ResidualFrame
from emo.core.geometry.means import weighted_means
from emo.core.geometry.projections import layer_map
from emo.core.geometry.vectors import centre_of
from emo.core.records import Activations
from emo.core.stats.resampling import index


def residual_frame(
    activations: Activations,
    projection: str = "none",
    centring: str = "global",
) -> ResidualFrame:
    """What puts an activation of any text where the emotion vectors of these activations are.

    Parameters
    ----------
    activations
        The model's own, before any projection.
    projection
        The :class:`emo.core.choices.Projection` under which the vectors were made.
    centring
        What was subtracted from them: a :class:`emo.core.choices.Centring`. Of activations the
        same is subtracted, as a mean of means, whatever the estimator of the vectors.

    Returns
    -------
    ResidualFrame
        In the units of the activations, float64.

    Raises
    ------
    UnknownChoice
        If the projection or the centring is unknown.
    ValueError
        If the centre is neutral and no item is.

    Example
    -------
    >>> items = np.array([[[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]], dtype=np.float32)
    >>> activations = Activations(
    ...     items, ("1", "2", "3"), ("calm", "calm", "sad"), None, items[:, :1], "last"
    ... )
    >>> residual_frame(activations).centre  # halfway between the means (2, 0) and (0, 2)
    array([[1., 1.]])
    """
    method = chosen(Projection, projection, "projection")
    rule = chosen(Centring, centring, "centring")
    labels, which = index(activations.emotions)
    n_layers, _, hidden = activations.values.shape
    centre, norm = np.full((n_layers, hidden), np.nan), np.full(n_layers, np.nan)
    maps: list[LayerMap] = []
    for layer in range(n_layers):
        items, neutral = (
            values[layer].astype(np.float64) for values in (activations.values, activations.neutral)
        )
        if not (np.isfinite(items).all() and np.isfinite(neutral).all()):
            maps.append(LayerMap(np.zeros(hidden), np.ones(hidden), np.zeros((0, hidden))))
            continue
        maps.append(layer_map(method, items, neutral))
        means = weighted_means(maps[-1].apply(items), which, np.ones(len(which)))
        centre[layer] = centre_of(means[None], labels, rule)[0]
        if len(neutral):
            norm[layer] = np.linalg.norm(neutral, axis=-1).mean()
    if method is Projection.none:
        return ResidualFrame(centre, norm)
    axes = np.zeros((n_layers, max(len(each.axes) for each in maps), hidden))
    for layer, each in enumerate(maps):
        axes[layer, : len(each.axes)] = each.axes
    shift, scale = np.stack([m.shift for m in maps]), np.stack([m.scale for m in maps])
    return ResidualFrame(centre, norm, shift, scale, axes)

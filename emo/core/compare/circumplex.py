"""Emotions in the plane of two components, turned to lie as the ratings have them.

The circumplex of affect is that of Russell 1980. The rotation is by least squares (Schoenemann 1966): it
describes, and shows nothing by itself, since any plane can be turned. What is shown is the search's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.linalg import orthogonal_procrustes

from emo.core.compare.axes import AxisFinding, LayerRdms
from emo.core.compare.axis_statistics import EmotionValues, Measure
from emo.core.geometry.components import principal_components
from emo.core.stats.correlation import pearson

PLANE = ("valence", "arousal")
"""Ratings that span the plane, the horizontal one first."""


@dataclass(frozen=True)
class Circumplex:
    """Emotions of a model and their ratings in one plane, all in standard deviations."""

    layer: int
    components: tuple[int, int]
    """From 1: the one found for valence, and at its layer the one nearest arousal of the others."""
    emotions: tuple[str, ...]
    valence: Float64[np.ndarray, " emotion"]
    """Of the model, after the rotation."""
    arousal: Float64[np.ndarray, " emotion"]
    rated_valence: Float64[np.ndarray, " emotion"]
    rated_arousal: Float64[np.ndarray, " emotion"]
    explained: float
    """Share of the ratings' variance that the rotated plane explains, one scale for both axes."""
    r: tuple[float, float]
    """Pearson's r of the rotated axes with valence and arousal, on the emotions that turned them."""


def circumplex(
    rdms: LayerRdms, ratings: EmotionValues, findings: tuple[AxisFinding, ...], components: int
) -> Circumplex | None:
    """The plane at the layer of the component found for valence; None without a second component.

    Parameters
    ----------
    rdms, ratings
        Of the same emotions.
    findings
        Of :func:`emo.core.compare.axes.find_axes`.
    components
        How many leading components may be taken.
    """
    found = [f for f in findings if _is_valence(f)]
    most = min(components, len(rdms.emotions) - 1)
    if not found or most < 2 or not set(PLANE) <= set(ratings.names):
        return None
    layer, first = found[0].layer, int(found[0].component or 1) - 1
    scores, _ = principal_components(rdms.whole[layer], most)
    rated = np.stack([ratings.values[ratings.names.index(name)] for name in PLANE])
    near = np.abs(np.nan_to_num(pearson(scores, np.broadcast_to(rated[1], scores.shape))))
    near[first] = -1
    second = int(near.argmax())
    plane, rated = _standard(scores[[first, second]]).T, _standard(rated).T
    rotation, scale = orthogonal_procrustes(plane, rated)
    turned = plane @ rotation
    return Circumplex(
        layer=layer,
        components=(first + 1, second + 1),
        emotions=rdms.emotions,
        valence=turned[:, 0],
        arousal=turned[:, 1],
        rated_valence=rated[:, 0],
        rated_arousal=rated[:, 1],
        explained=float(scale**2 / ((plane**2).sum() * (rated**2).sum())),
        r=(float(pearson(turned[:, 0], rated[:, 0])), float(pearson(turned[:, 1], rated[:, 1]))),
    )


def _is_valence(finding: AxisFinding) -> bool:
    component = finding.measure is Measure.component
    return component and finding.rating == PLANE[0] and not finding.held


def _standard(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=1, keepdims=True)
    return centred / centred.std(axis=1, keepdims=True)

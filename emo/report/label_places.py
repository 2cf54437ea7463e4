"""Places of the labels in a map, so that none lies on another or on a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from emo.report.style import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ANGLES = 16
DISTANCES = (4.0, 8.0, 14.0, 22.0, 32.0, 46.0, 64.0)
"""From a point to the nearest edge of its label, in printer's points."""
ROUNDS = 4
"""How often every label is placed again beside the others."""
ON_LABEL, ON_POINT, OUTSIDE, FAR = 30.0, 8.0, 30.0, 0.4
"""What it costs: per unit of area on another label, per point covered, per unit of area outside the
bounds, per unit of distance."""


def places(
    points: Float[np.ndarray, "label 2"],
    sizes: Float[np.ndarray, "label 2"],
    bounds: tuple[float, float, float, float],
) -> Float[np.ndarray, "label 2"]:
    """The lower left corner of every label.

    Labels try places around their points, the most crowded first, and take the cheapest; then each
    moves again while the others stay. The same input gives the same places.

    Parameters
    ----------
    points
        What the labels belong to, in printer's points from the lower left corner of the figure.
    sizes
        Width and height of the labels.
    bounds
        Left, bottom, right and top of the panel.

    Example
    -------
    >>> places(np.array([[99.0, 50.0]]), np.array([[20.0, 10.0]]), (0, 0, 100, 100)).round().tolist()
    [[76.0, 48.0]]
    """
    candidates = np.stack([_around(p, s) for p, s in zip(points, sizes, strict=True)])
    distance = np.repeat(DISTANCES, ANGLES)
    chosen = np.full(len(points), -1)
    near = np.linalg.norm(points[:, None] - points[None], axis=2)
    order = np.argsort(np.sort(near, axis=1)[:, : min(4, len(points))].sum(axis=1), kind="stable")
    fixed = np.stack([_fixed(c, s, points, bounds) for c, s in zip(candidates, sizes, strict=True)])
    fixed += FAR * distance
    for _ in range(ROUNDS):
        for i in order:
            others = np.flatnonzero((chosen >= 0) & (np.arange(len(points)) != i))
            corners = candidates[others, chosen[others]]
            over = _overlap(candidates[i], sizes[i], corners, sizes[others]).sum(axis=1)
            chosen[i] = int(np.argmin(fixed[i] + ON_LABEL * over))
    return candidates[np.arange(len(points)), chosen]


def _around(point: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Lower left corners of a label at every angle and distance from its point, nearest first."""
    angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
    way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    centres = [point + way * (d + size / 2) for d in DISTANCES]
    return np.concatenate(centres) - size / 2


def _fixed(
    corners: np.ndarray, size: np.ndarray, points: np.ndarray, bounds: Sequence[float]
) -> np.ndarray:
    """What each place costs whatever the other labels do."""
    left, bottom, right, top = bounds
    inside = _overlap(
        corners, size, np.array([[left, bottom]]), np.array([[right - left, top - bottom]])
    )[:, 0]
    low, high = corners[:, None] - 2, corners[:, None] + size + 2
    covered = ((points > low) & (points < high)).all(axis=2).sum(axis=1)
    return OUTSIDE * (size.prod() - inside) + ON_POINT * size[1] * covered


def _overlap(
    corners: np.ndarray, size: np.ndarray, others: np.ndarray, other_sizes: np.ndarray
) -> np.ndarray:
    """Area that boxes of one size at each corner share with each other box."""
    low = np.maximum(corners[:, None], others[None])
    high = np.minimum(corners[:, None] + size, (others + other_sizes)[None])
    return np.clip(high - low, 0, None).prod(axis=2)


def label_points(
    axes: Axes, points: Float[np.ndarray, "label 2"], names: Sequence[str], fontsize: float
) -> None:
    """Write a name beside every point; a thin line leads to a point from which it is far.

    The limits of the panel and the layout of the figure are fixed by then.
    """
    from emo.report.drawing import make_readable

    figure = axes.figure.get_figure(root=True)
    assert figure is not None
    texts = [
        axes.annotate(name, p, fontsize=fontsize) for name, p in zip(names, points, strict=True)
    ]
    for text in texts:
        text.set_in_layout(False)
    make_readable(figure)
    figure.draw_without_rendering()
    scale = 72 / figure.dpi
    boxes = [text.get_window_extent() for text in texts]
    sizes = np.array([[box.width, box.height] for box in boxes]) * scale + 1
    at = np.asarray(axes.transData.transform(points)) * scale
    left, bottom, right, top = np.asarray(axes.bbox.extents) * scale
    for text, corner, point, size in zip(
        texts, places(at, sizes, (left, bottom, right, top)), at, sizes, strict=True
    ):
        text.xyann = tuple(corner - point)
        text.anncoords = "offset points"
        text.set_verticalalignment("bottom")
        edge = np.clip(point, corner, corner + size)
        if np.linalg.norm(edge - point) > DISTANCES[1]:
            _lead(axes, point / scale, edge / scale)


def _lead(axes: Axes, start: np.ndarray, end: np.ndarray) -> None:
    """A thin line between two pixels of a panel."""
    inverse = axes.transData.inverted()
    (x0, y0), (x1, y1) = inverse.transform(start), inverse.transform(end)
    axes.plot([x0, x1], [y0, y1], color=GREY, lw=0.5, zorder=1)

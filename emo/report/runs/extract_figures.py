"""Figures of one extraction: heatmap of the RDM, curves over layers, map of the emotions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from emo.core.flags import ANISOTROPY_FLAG, FLAGGED_ANISOTROPY
from emo.core.geometry.cosines import cosine_matrix
from emo.core.geometry.ordering import cluster_order
from emo.core.geometry.valence import VALENCE
from emo.core.records import Descriptors, EmotionVectors
from emo.report.label_places import label_points
from emo.report.runs.valence import LABEL, valence_panel
from emo.report.style import (
    BLUE,
    GREEN,
    GREY,
    LARGEST,
    LAYER,
    ORANGE,
    PANEL,
    SIGNED,
    TITLE,
    blank,
    grid,
    legend_below,
    permuted_band,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


def rdm_heatmap(vectors: EmotionVectors, layer: int, title: str) -> Figure:
    """A heatmap of the cosine similarities of all pairs of emotions, below the diagonal.

    The emotions are ordered by hierarchical clustering (average linkage). The colours end at the largest
    cosine between two emotions, which the colour bar says.
    """
    height = min(max(7, 0.16 * len(vectors.emotions)), LARGEST)
    figure = blank(height + 1, height)
    axes = figure.add_subplot()
    image = draw_rdm(axes, cosine_matrix(vectors.values[layer]), vectors.emotions, height)
    axes.set_title(f"{title}\nRDM as cosine similarities, layer {layer}", fontsize=TITLE)
    reach = image.norm.vmax
    bar = f"cosine similarity of emotion vectors (colours end at ±{reach:.2f})"
    figure.colorbar(image, ax=axes, label=bar, shrink=0.8)
    return figure


def draw_rdm(
    axes: Axes,
    cosines: Float64[np.ndarray, "emotion emotion"],
    emotions: tuple[str, ...],
    inches: float,
) -> AxesImage:
    """Draw the lower triangle of an RDM in a panel of so many inches; the image, for a colour bar."""
    order = cluster_order(cosines)
    names = [emotions[i] for i in order]
    below = np.tril(np.ones_like(cosines, dtype=bool), -1)
    shown = np.where(below, cosines[np.ix_(order, order)], np.nan)
    reach = float(np.nanmax(np.abs(shown))) or 1.0
    image = axes.imshow(shown, cmap=SIGNED, vmin=-reach, vmax=reach)
    points = min(10.0, 72 * 0.75 * inches / len(names))
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=points)
    axes.set_yticks(range(len(names)), names, fontsize=points)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return image


PANELS = (
    ("mean_cosine", "mean pairwise cosine (published criterion)", BLUE),
    ("rdm_std", "RDM std", ORANGE),
    ("reliability", "split-half reliability, stepped up", ORANGE),
    ("accuracy", "left-out accuracy, raw centroids", GREEN),
    ("accuracy_z", "left-out accuracy, z-scored centroids", GREEN),
    ("accuracy_lda", "left-out accuracy, shrinkage LDA", GREEN),
)
"""Curves that have a null, with their labels and colours."""


def layer_curves(d: Descriptors, title: str) -> Figure:
    """Curves over the layers, each with what permuted labels give.

    Shaded over the layers: the interval of a criterion's choice, whose layer is circled. Vertical bars:
    95 % intervals. The last panels are the anisotropy with the published bound, and valence with the
    line of its search.
    """
    valence = VALENCE in d.curves
    shown = 8 if valence else 7
    figure = blank(13, 10)
    axes = figure.subplots(3, 3, sharex=True).reshape(-1)
    for panel, (name, label, colour) in zip(axes, PANELS, strict=False):
        if name in d.curves:
            _curve(panel, d, name, label, colour)
        if name.startswith("accuracy"):
            panel.axhline(d.chance, color=GREY, ls="--", lw=1, label=f"chance {d.chance:.3f}")
    axes[0].axhline(d.analytic_floor, color=GREY, ls="--", lw=1, label="analytic floor")
    _curve(axes[6], d, "anisotropy", "anisotropy (neutral sentences)", BLUE)
    axes[6].axhline(FLAGGED_ANISOTROPY, color=GREY, ls="--", lw=1, label=ANISOTROPY_FLAG)
    if valence:
        _curve(axes[7], d, VALENCE, LABEL, BLUE)
        valence_panel(axes[7], d.valence)
    for panel in axes[:shown]:
        if panel.get_legend_handles_labels()[0]:
            legend_below(panel, 0.2 if panel in axes[shown - 3 : shown] else 0.1)
    for panel in axes[shown - 3 : shown]:
        panel.set_xlabel(LAYER)
        panel.tick_params(labelbottom=True)
    for panel in axes[shown:]:
        panel.set_visible(False)
    figure.suptitle(title, fontsize=TITLE)
    return figure


def _curve(axes: Axes, d: Descriptors, name: str, label: str, colour: str) -> None:
    axes.plot(d.curves[name], color=colour, marker="o", ms=3)
    axes.set_title(label, fontsize=PANEL)
    grid(axes)
    layers = np.arange(d.n_layers)
    if name in d.nulls:
        permuted_band(axes, d.nulls[name])
    if name in d.intervals:
        bounds = d.intervals[name]
        axes.vlines(layers, bounds.low, bounds.high, color=colour, alpha=0.5, lw=1)
    choice = d.choices.get(name)
    if choice is not None:
        axes.axvspan(choice.low - 0.4, choice.high + 0.4, color=colour, alpha=0.12, lw=0)
        axes.plot(choice.layer, d.curves[name][choice.layer], "o", color=colour, ms=9, mfc="none")


def emotion_map(
    vectors: EmotionVectors, layer: int, title: str, reliability: float | None = None
) -> Figure:
    """A map of the emotions on the two leading principal components of their unit vectors.

    Both axes have one scale. ``reliability`` of the layer is said, where it is known.
    """
    larger = max(1.0, (len(vectors.emotions) / 40) ** 0.5)  # so that the labels have room
    figure = blank(8 * larger, 7 * larger)
    axes = figure.add_subplot()
    known = "" if reliability is None else f", reliability {reliability:.2f}"
    axes.set_title(f"{title}\nunit emotion vectors, layer {layer}{known}", fontsize=TITLE)
    draw_map(axes, vectors.values[layer], vectors.emotions)
    return figure


def draw_map(
    axes: Axes,
    values: Float64[np.ndarray, "emotion hidden"],
    emotions: Sequence[str],
    fontsize: float = PANEL,
) -> None:
    """Draw a map of emotion vectors; the labels keep off each other."""
    points, share = components(values)
    axes.scatter(points[:, 0], points[:, 1], color=BLUE, s=18, zorder=2)
    axes.axhline(0, color=GREY, lw=0.5)
    axes.axvline(0, color=GREY, lw=0.5)
    axes.margins(0.15)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(f"PC 1 ({share[0]:.0%} of variance; not shown: {1 - share[:2].sum():.0%})")
    axes.set_ylabel(f"PC 2 ({share[1]:.0%} of variance)")
    label_points(axes, points, emotions, fontsize)


def components(
    values: Float64[np.ndarray, "emotion hidden"],
) -> tuple[Float64[np.ndarray, "emotion 2"], Float64[np.ndarray, " component"]]:
    """Places on the two leading components of the unit vectors, and every component's share."""
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    points = u[:, :2] * s[:2]
    points *= np.where(points[np.abs(points).argmax(axis=0), [0, 1]] < 0, -1, 1)  # fixed signs
    return points, s**2 / (s**2).sum()

"""Figures of job=axes: emotions and their norms in one plane; agreement with the norms by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emo.core.compare.axes_result import AxesResult
from emo.core.compare.axis_statistics import Measure
from emo.core.compare.circumplex import Circumplex
from emo.report.label_places import label_points
from emo.report.style import (
    BLUE,
    GREY,
    LAYER,
    ORANGE,
    PANEL,
    SMALL,
    TITLE,
    blank,
    grid,
    whole_layers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def circumplex_figure(plane: Circumplex, norms: str, title: str) -> Figure:
    """Each emotion where the model has it, with a line to where the norms have it."""
    figure = blank(8, 7)
    axes = figure.add_subplot()
    for x, y, a, b in zip(
        plane.valence, plane.arousal, plane.rated_valence, plane.rated_arousal, strict=True
    ):
        axes.plot([x, a], [y, b], color=GREY, lw=0.7, alpha=0.6, zorder=1)
    axes.scatter(
        plane.rated_valence,
        plane.rated_arousal,
        facecolors="none",
        edgecolors=ORANGE,
        label="norms",
    )
    axes.scatter(plane.valence, plane.arousal, color=BLUE, s=22, label="model")
    axes.axhline(0, color=GREY, lw=0.5)
    axes.axvline(0, color=GREY, lw=0.5)
    axes.margins(0.15)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(f"valence, in standard deviations (r {plane.r[0]:.2f})")
    axes.set_ylabel(f"arousal, in standard deviations (r {plane.r[1]:.2f})")
    first, second = plane.components
    where = f"layer {plane.layer}, components {first} and {second}, turned onto {norms} by least squares"
    axes.set_title(f"{title}\n{where}", fontsize=TITLE, wrap=True)
    axes.legend(fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=2)
    label_points(axes, np.column_stack([plane.valence, plane.arousal]), plane.emotions, PANEL)
    return figure


def layers_figure(result: AxesResult, title: str) -> Figure:
    """Per rating the best component and the RDM at every layer, with the lines of their searches."""
    n = len(result.ratings)
    figure = blank(9, 1.5 + 2.6 * n)
    panels = np.atleast_1d(np.array(figure.subplots(n, 1, sharex=True)))
    for panel, rating in zip(panels, result.ratings, strict=True):
        _panel(panel, result, rating)
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=2, fontsize=SMALL)
    panels[-1].set_xlabel(LAYER)
    whole_layers(panels[-1])
    figure.suptitle(f"{title}\nagreement with {result.norms}", fontsize=TITLE)
    return figure


def _panel(panel: Axes, result: AxesResult, rating: str) -> None:
    for measure, colour, words in (
        (Measure.component, BLUE, f"largest |r| of {result.components} components"),
        (Measure.rdm, ORANGE, "rho of the RDM"),
    ):
        for fixed in (False, True):
            finding = result.finding(rating, measure, fixed)
            if finding is None:
                continue
            style, label = ("--", f"{words}, {' and '.join(finding.held)} held fixed")
            if not fixed:
                style, label = "-", words
                panel.axhline(finding.line, color=colour, lw=0.8, ls=":")
                panel.plot(finding.layer, finding.value, "o", color=colour, ms=9, mfc="none")
            panel.plot(finding.curve, style, color=colour, marker="o", ms=3, lw=1, label=label)
    panel.set_title(f"{rating}; dotted: line of the search over all layers", fontsize=PANEL)
    grid(panel)

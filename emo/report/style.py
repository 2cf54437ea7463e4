"""The look of every figure: colours, markers, letter sizes, fonts and the empty canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from emo.core.records import LabelNull

# Okabe and Ito's colours, without yellow: told apart with any colour vision, and in grey.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
PINK, SKY, AMBER, BLACK = "#CC79A7", "#56B4E9", "#E69F00", "#000000"
SERIES = (BLUE, ORANGE, GREEN, PINK, SKY, AMBER, BLACK, GREY)
"""Colours of as many lines as there are models or precisions, in this order."""
PALE_GREEN, PALE_ORANGE, PALE_BLUE, PALE_GREY = "#cfe8cf", "#f6c9a8", "#a9c8e8", "#dddddd"
"""Fields of a map that carry a letter."""
MARKERS = "osD^vP*X<>hp"
"""Models differ in shape as well as in colour."""
SIGNED = "RdBu_r"
"""Colour map of numbers around zero: cosines, changes of rho."""
MAGNITUDE = "cividis"
"""Colour map of numbers from zero up."""
RISING = "viridis"
"""Colour map of lines from the lowest to the highest objective."""

TITLE, HEADING, PANEL, SMALL, FINE = 11, 10, 9, 8, 7
"""Letter sizes in points: a figure's title, a large panel's, a panel's, legends and ticks, and numbers
inside fields."""
DPI = 150
LARGEST = 40
"""Inches; in a larger figure letters shrink instead."""

LIKELY_FONTS = ("noto sans cjk", "source han sans", "noto sans", "pingfang", "microsoft yahei")
"""The first fonts searched for characters that the usual font lacks."""
NO_TEXT_FONTS = ("last resort", "cm", "stixsize", "stixnonunicode")
"""Names of fonts that draw a box or another sign for a character begin with these."""

LAYER = "layer (resid_post)"
"""Label of the axis of layers."""


def blank(width: float, height: float) -> Figure:
    """An empty figure of a size in inches.

    A Figure object without pyplot needs no display and changes no global state.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def grid(panel: Axes, axis: Literal["both", "x", "y"] = "both") -> None:
    """Draw faint lines behind a panel."""
    panel.grid(alpha=0.25, axis=axis)


def legend_below(panel: Axes, down: float = 0.12) -> None:
    """Put the legend of a panel under it, off the data; ``down`` is in heights of the panel."""
    panel.legend(
        fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, -down), ncols=2, frameon=False
    )


def permuted_band(panel: Axes, null: LabelNull) -> None:
    """Shade what permuted labels give at every layer."""
    layers = range(len(null.low))
    panel.fill_between(
        layers, null.low, null.high, color=GREY, alpha=0.35, lw=0, label="permuted labels, 95 %"
    )


def whole_layers(panel: Axes) -> None:
    """Give a panel ticks at whole layers only."""
    panel.locator_params(axis="x", integer=True)

"""Two figures of job=ablate: shares and changes one at a time, and the interactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emo.core.stats.factorial import Decomposition
from emo.core.stats.intervals import Estimates
from emo.report.style import (
    BLACK,
    BLUE,
    FINE,
    GREEN,
    GREY,
    HEADING,
    SIGNED,
    SMALL,
    TITLE,
    blank,
    grid,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DARK = 0.6
"""Fields with more than this share of the largest value are dark, so that their numbers are white."""
RANKS_OPEN = "rank by Shapley value, and the ranks left open"


def drawings(effects: Decomposition, title: str) -> dict[str, Callable[[], Figure]]:
    """What draws each figure, by its name."""
    return {
        "effects": lambda: effects_figure(effects, title),
        "interactions": lambda: interactions_figure(effects, title),
    }


def effects_figure(t: Decomposition, title: str) -> Figure:
    """Shapley values and changes one at a time, in the order of the ranking."""
    order = [t.factors.index(name) for name in t.ranking]
    names = [f"{t.factors[i]}  {rank_text(t.rank[i])}" for i in order]
    figure = blank(11, 4.9)
    shares, changes = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(order))
    _bars(shares, _in_order(t.shapley, order), places, BLUE, "with 95 % interval")
    drop = f"share of the drop of relative agreement ({float(t.drop.value):.2f})"
    shares.set_title(drop, fontsize=HEADING)
    _bars(
        changes, _in_order(t.loosened, order), places - 0.18, GREEN, "from matched: this one loose"
    )
    _bars(
        changes,
        _in_order(t.restored, order),
        places + 0.18,
        GREY,
        "from loose: this one matched again",
    )
    changes.set_title("one at a time: change of relative agreement", fontsize=HEADING)
    shares.set_yticks(range(len(names)), names)
    shares.set_ylabel(RANKS_OPEN, fontsize=SMALL)
    shares.invert_yaxis()
    for panel in (shares, changes):
        panel.axvline(0, color=BLACK, lw=0.8)
        grid(panel, "x")
        panel.legend(
            fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncol=2, frameon=False
        )
    figure.suptitle(title, fontsize=TITLE)
    return figure


def _in_order(e: Estimates, order: Sequence[int]) -> Estimates:
    """The estimates in another order."""
    return Estimates(*(x[list(order)] for x in (e.value, e.low, e.high)))


def _bars(panel: Axes, e: Estimates, places: np.ndarray, colour: str, label: str) -> None:
    """Draw values as bars with their intervals as black lines."""
    panel.barh(places, e.value, height=0.34, color=colour, alpha=0.75, label=label)
    panel.hlines(places, e.low, e.high, color=BLACK, lw=1.3)


def rank_text(e: Estimates) -> str:
    """A rank with the ranks left open."""
    low, high = float(e.low), float(e.high)
    return f"{float(e.value):.0f}" + ("" if low != low else f" [{low:.0f}, {high:.0f}]")


def interactions_figure(t: Decomposition, title: str) -> Figure:
    """A matrix of the two-way interactions with the main effects on its diagonal."""
    k = len(t.factors)
    grid = np.full((k, k), np.nan)
    i, j = np.triu_indices(k, 1)
    grid[j, i] = t.interaction.value
    grid[np.diag_indices(k)] = t.main.value
    reach = float(np.nanmax(np.abs(grid))) or 1.0
    figure = blank(8, 6.5)
    axes = figure.add_subplot()
    image = axes.imshow(grid, cmap=SIGNED, vmin=-reach, vmax=reach)
    axes.set_xticks(range(k), t.factors, rotation=45, ha="right")
    axes.set_yticks(range(k), t.factors)
    for row in range(k):
        for column in range(row + 1):
            dark = abs(grid[row, column]) > DARK * reach
            words, colour = f"{grid[row, column]:+.2f}", "white" if dark else BLACK
            axes.text(column, row, words, ha="center", va="center", color=colour, fontsize=FINE)
    axes.set_title(
        f"{title}\nmain effects (diagonal) and interactions, change of relative agreement",
        fontsize=HEADING,
    )
    figure.colorbar(image, ax=axes, shrink=0.8, label="change of relative agreement")
    return figure

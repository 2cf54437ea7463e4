"""Figures of job=behave: who still stands, and where the forced choice moves, turn by turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emo.core.behaviour.facet_b import ArmResult, FacetB, Mean
from emo.report.style import GREEN, GREY, ORANGE, PANEL, PINK, SERIES, SMALL, TITLE, blank, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = {
    "pressure": (ORANGE, "o", "-"),
    "order": (PINK, "D", "-"),
    "control": (GREY, "s", "--"),
    "support": (GREEN, "^", "-."),
}
"""Colour, marker and line of the bundled arms."""


def turns_figure(facet: FacetB, title: str) -> Figure:
    """Conversations without a flip so far, and log-odds of the wrong answer, against the turn."""
    figure = blank(10, 4.2)
    standing, odds = figure.subplots(1, 2)
    for place, arm in enumerate(a for a in facet.arms if a.turns):
        colour, marker, line = STYLES.get(arm.arm, (SERIES[place % len(SERIES)], "x", ":"))
        look = {"color": colour, "marker": marker, "ls": line, "label": arm.arm, "capsize": 2}
        x = np.array([t.turn for t in arm.turns]) + 0.06 * (place - 1)
        _standing(standing, arm, x, look)
        _odds(odds, [t.log_odds for t in arm.turns], x, look)
    standing.set_ylim(-0.03, 1.03)
    standing.set_title("share without a flip in the arm so far", fontsize=PANEL)
    odds.axhline(0, color=GREY, lw=0.8)
    odds.set_title("log-odds, wrong against right, by forced choice", fontsize=PANEL)
    for panel in (standing, odds):
        panel.set_xlabel("turn")
        panel.locator_params(axis="x", integer=True)
        grid(panel)
    lines, labels = standing.get_legend_handles_labels()
    if lines:
        figure.legend(lines, labels, loc="outside lower center", ncols=len(labels), fontsize=SMALL)
    figure.suptitle(f"{title}\n{facet.n_items} items, 95 % intervals over items", fontsize=TITLE)
    return figure


def _standing(panel: Axes, arm: ArmResult, x: np.ndarray, look: dict) -> None:
    share = np.array([t.standing.k / t.standing.n for t in arm.turns])
    bars = np.array(
        [
            [max(s - t.standing.low, 0), max(t.standing.high - s, 0)]
            for s, t in zip(share, arm.turns, strict=True)
        ]
    )
    panel.errorbar(x, share, yerr=bars.T, lw=1.2, ms=4, **look)


def _odds(panel: Axes, means: list[Mean], x: np.ndarray, look: dict) -> None:
    values = np.array([m.value for m in means])
    if not np.isfinite(values).any():
        return
    bars = np.nan_to_num([[m.value - m.low, m.high - m.value] for m in means])
    panel.errorbar(x, values, yerr=bars.T, lw=1.2, ms=4, **look)

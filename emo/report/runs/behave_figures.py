"""Figures of job=behave: flips and log-odds turn by turn, and who keeps which constraint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emo.core.behaviour.compliance import GATE, Compliance, Rate
from emo.core.behaviour.constraints import CONSTRAINTS, ConstraintName
from emo.core.behaviour.facet_b import ArmResult, FacetB, Mean
from emo.report.style import (
    GREEN,
    GREY,
    ORANGE,
    PALE_ORANGE,
    PANEL,
    PINK,
    SERIES,
    SMALL,
    TITLE,
    blank,
    grid,
)

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


def constraints_figure(made: Compliance, title: str) -> Figure:
    """Per constraint, the share of answers that comply: in easy tasks, and in those in conflict."""
    names = list(made.easy)
    figure = blank(8, 1.6 + 0.34 * len(names))
    panel = figure.subplots()
    y = np.arange(len(names))
    counted = np.isin(names, made.capable)
    _shares(panel, [made.easy[n] for n in names], y - 0.12, (GREY, "s", "easy tasks"))
    for which, look in (
        (counted, (ORANGE, "o", "in conflict, constraint counts")),
        (~counted, (PALE_ORANGE, "o", "in conflict, constraint fails the gate")),
    ):
        rates = [made.conflict[n] for n, wanted in zip(names, which, strict=True) if wanted]
        _shares(panel, rates, y[which] + 0.12, look)
    panel.axvline(GATE, color=GREY, lw=0.8, ls=":")
    panel.set_yticks(y, [CONSTRAINTS[ConstraintName(n)].words for n in names], fontsize=SMALL)
    panel.invert_yaxis()
    panel.set_xlim(-0.03, 1.03)
    panel.set_xlabel(f"share of answers that comply; dotted: the gate, {GATE:g} of the easy tasks")
    grid(panel)
    figure.legend(loc="outside lower center", ncols=3, fontsize=SMALL)
    figure.suptitle(
        f"{title}\n{len(made.capable)} of {len(names)} constraints count, 95 % exact intervals",
        fontsize=TITLE,
    )
    return figure


def _shares(panel: Axes, rates: Sequence[Rate], y: np.ndarray, look: tuple[str, str, str]) -> None:
    colour, marker, label = look
    if not len(rates):
        return
    x = np.array([r.share for r in rates])
    bars = np.clip([[r.share - r.low, r.high - r.share] for r in rates], 0, None)
    panel.errorbar(
        x, y, xerr=bars.T, color=colour, marker=marker, ls="", ms=4, capsize=2, label=label
    )

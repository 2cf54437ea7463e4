"""Figures of a steering run: dose and response, the judge's shift per emotion, map of regimes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

import numpy as np

from emo.core.choices import Direction
from emo.core.steering.dose_response import DoseCell, DoseSweep, EmotionDose, by_emotion, cells
from emo.core.steering.regimes import Regime, RegimeName
from emo.core.steering.unsteered import unsteered_cell
from emo.report.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE_BLUE,
    PALE_GREEN,
    PALE_GREY,
    PALE_ORANGE,
    PANEL,
    PINK,
    SMALL,
    TITLE,
    blank,
    grid,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = {
    Direction.target.value: (BLUE, "o", "-"),
    Direction.opposite.value: (ORANGE, "v", "--"),
    Direction.shuffled.value: (GREEN, "s", "-."),
    Direction.random.value: (GREY, "x", ":"),
    Direction.permuted.value: (PINK, "d", ":"),
}
"""Colour, marker and line per direction."""
REGIMES = {
    RegimeName.surgical: (PALE_GREEN, "S"),
    RegimeName.repetitive_collapse: (PALE_ORANGE, "R"),
    RegimeName.explosive: (PALE_BLUE, "X"),
    RegimeName.silent: (PALE_GREY, "0"),
}
"""Colour and letter per regime."""


class Rule(StrEnum):
    """Which of the two rules names the regime of a dose."""

    published = "published"
    robust = "robust"


def sites_of(doses: Sequence[DoseCell] | Sequence[EmotionDose]) -> list[str]:
    """The steered sites in the order in which they first appear."""
    return list(dict.fromkeys(c.site for c in doses))


def from_zero(swept: DoseSweep) -> list[DoseCell]:
    """The doses of a sweep, with strength 0 in front of each direction and site."""
    doses, zero = cells(swept.steered, swept.limits), unsteered_cell(swept)
    places = dict.fromkeys((c.direction, c.site) for c in doses if c.strength > 0)
    asked = {(c.direction, c.site) for c in doses if c.strength == 0}
    unsteered = [
        replace(zero, direction=direction, site=site)
        for direction, site in places
        if (direction, site) not in asked
    ]
    return [*unsteered, *doses]


def dose_response(swept: DoseSweep, title: str) -> Figure:
    """Success, perplexity ratio and repetition against strength, one row per site."""
    doses = from_zero(swept)
    sites = sites_of(doses)
    figure = blank(12, 3.2 * len(sites) + 0.9)
    axes = figure.subplots(len(sites), 3, squeeze=False)
    for row, site in zip(axes, sites, strict=True):
        _draw_site(row, [c for c in doses if c.site == site], site, swept.limits.repetition)
    lines, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=len(labels), fontsize=SMALL)
    n = max(c.n_texts for c in doses)
    figure.suptitle(f"{title}\nup to {n} texts per point, 95 % intervals", fontsize=TITLE)
    return figure


def _draw_site(
    row: Sequence[Axes], doses: Sequence[DoseCell], site: str, repetition_limit: float
) -> None:
    """Draw the three panels of one site."""
    strengths = sorted({c.strength for c in doses})
    for direction, group in _directions(doses).items():
        _draw_direction(row, group, direction, strengths)
    success, perplexity, repetition = row
    success.set_ylim(-0.03, 1.03)
    success.set_title(f"{site}: judged better than unsteered", fontsize=PANEL)
    perplexity.axhline(0, color=GREY, lw=0.8)
    perplexity.set_title("log perplexity ratio, unsteered model", fontsize=PANEL)
    repetition.axhline(repetition_limit, color=GREY, ls="--", lw=0.8, label="limit")
    repetition.set_ylim(-0.03, 1.03)
    repetition.set_title("share of repeated token 3-grams", fontsize=PANEL)
    for panel in row:
        panel.set_xticks(range(len(strengths)), [f"{s:g}" for s in strengths])
        panel.set_xlabel("strength (x mean residual norm)")
        grid(panel)


def _directions(doses: Sequence[DoseCell]) -> dict[str, list[DoseCell]]:
    groups: dict[str, list[DoseCell]] = {}
    for c in doses:
        groups.setdefault(c.direction, []).append(c)
    return groups


def _draw_direction(
    row: Sequence[Axes], group: Sequence[DoseCell], direction: str, strengths: Sequence[float]
) -> None:
    colour, marker, line = STYLES[direction]
    offset = 0.08 * (list(STYLES).index(direction) - 1.5)
    group = sorted(group, key=lambda c: c.strength)
    x = np.array([strengths.index(c.strength) for c in group]) + offset
    rate = [c.success.k / c.success.n if c.success.n else math.nan for c in group]
    panels = (
        (rate, [c.success.low for c in group], [c.success.high for c in group]),
        _bounds(group, "log_perplexity_ratio"),
        _bounds(group, "repetition"),
    )
    for panel, (value, low, high) in zip(row, panels, strict=True):
        around = np.abs(np.array([low, high]) - np.array(value))
        panel.errorbar(
            x, value, np.nan_to_num(around), color=colour, marker=marker, ls=line, ms=4, lw=1.3,
            elinewidth=0.8, capsize=2, label=direction,
        )  # fmt: skip


def _bounds(group: Sequence[DoseCell], name: str) -> tuple[list[float], list[float], list[float]]:
    means = [getattr(c, name) for c in group]
    return [m.value for m in means], [m.low for m in means], [m.high for m in means]


def emotions(swept: DoseSweep, title: str) -> Figure:
    """The judge's shift against strength, one panel per emotion and site, with intervals if any."""
    doses = by_emotion(swept.steered)
    sites = sites_of(doses)
    names = list(dict.fromkeys(d.emotion for d in doses))
    columns = min(5, len(names))
    rows = -(-len(names) // columns)
    figure = blank(max(5, 2.3 * columns + 1), max(4, 1.9 * rows * len(sites) + 1))
    panels = figure.subplots(
        rows * len(sites), columns, sharex=True, sharey=True, squeeze=False
    ).reshape(len(sites), -1)
    for panels_here, site in zip(panels, sites, strict=True):
        for axes in panels_here[len(names) :]:
            axes.set_axis_off()
        for axes, name in zip(panels_here, names, strict=False):
            group = [d for d in doses if d.emotion == name and d.site == site]
            _draw_emotion(axes, group, name if len(sites) == 1 else f"{site}: {name}")
    lines, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(  # below the name of the axis, which is its title: apart they would lie on each other
        lines,
        labels,
        title="strength (x mean residual norm)",
        title_fontsize=PANEL,
        loc="outside lower center",
        ncols=len(labels),
        fontsize=SMALL,
        frameon=False,
    )
    figure.supylabel("judge's score,\nsteered text minus unsteered text", fontsize=PANEL)
    figure.suptitle(f"{title}\nper emotion, {', '.join(sites)}", fontsize=TITLE)
    return figure


def _draw_emotion(axes: Axes, doses: Sequence[EmotionDose], name: str) -> None:
    axes.axhline(0, color=GREY, lw=0.6)
    judged = any(math.isfinite(d.shift.value) for d in doses)
    axes.set_title(name if judged else f"{name}: cannot be judged", fontsize=SMALL)
    for direction in (Direction.target.value, Direction.random.value):
        group = [d for d in doses if d.direction == direction]
        colour, marker, line = STYLES[direction]
        x = [d.strength for d in group]
        axes.plot(x, [d.shift.value for d in group], color=colour, marker=marker, ls=line, ms=3,
                  lw=1, label=direction)  # fmt: skip
        axes.fill_between(
            x, [d.shift.low for d in group], [d.shift.high for d in group], color=colour, alpha=0.15
        )
    grid(axes)


def regime_map(swept: DoseSweep, title: str) -> Figure:
    """Regimes per strength and site.

    The emotion vectors have one panel per rule; random directions have one by the robust rule.
    """
    doses = from_zero(swept)
    by_direction = _directions(doses)
    target = by_direction[Direction.target.value]
    panels = [
        ("emotion vectors, published rule", target, Rule.published),
        ("emotion vectors, robust rule", target, Rule.robust),
    ]
    if random := by_direction.get(Direction.random.value):
        panels.append(("random directions, robust rule", random, Rule.robust))
    sites, strengths = sites_of(doses), sorted({c.strength for c in doses})
    width = max(2.6, 0.75 * len(strengths) + 0.6)
    figure = blank(width * len(panels) + 1.4, max(2.6, 0.55 * len(sites) + 2.2))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for panel, (name, group, rule) in zip(axes, panels, strict=True):
        _draw_map(panel, group, sites, strengths, rule)
        panel.set_title(name, fontsize=PANEL)
    axes[0].set_ylabel("layers")
    figure.suptitle(title, fontsize=TITLE)
    figure.supxlabel(
        ", ".join(f"{letter} {name.replace('_', ' ')}" for name, (_, letter) in REGIMES.items())
        + "; ? not sure; framed: the two rules disagree",
        fontsize=SMALL,
    )
    return figure


def _regime(c: DoseCell, rule: Rule) -> Regime:
    """The regime of a dose by one rule."""
    match rule:
        case Rule.published:
            return c.published
        case Rule.robust:
            return c.robust
        case _:
            assert_never(rule)


def _draw_map(
    axes: Axes,
    group: Sequence[DoseCell],
    sites: Sequence[str],
    strengths: Sequence[float],
    rule: Rule,
) -> None:
    """Draw one field per strength and site, with the colour and the letter of its regime."""
    from matplotlib.patches import Rectangle

    for c in group:
        x, y = strengths.index(c.strength), sites.index(c.site)
        regime = _regime(c, rule)
        colour, letter = REGIMES[RegimeName(regime.name)]
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white"))
        if c.disagree:
            frame = {"fill": False, "edgecolor": ORANGE, "lw": 2}
            axes.add_patch(Rectangle((x - 0.44, y - 0.44), 0.88, 0.88, **frame))
        words = letter + ("" if regime.sure else "?")
        axes.text(x, y, words, ha="center", va="center", fontsize=PANEL)
    axes.set_xlim(-0.5, len(strengths) - 0.5)
    axes.set_ylim(-0.5, len(sites) - 0.5)
    axes.set_xticks(range(len(strengths)), [f"{s:g}" for s in strengths], fontsize=SMALL)
    axes.set_yticks(range(len(sites)), sites, fontsize=SMALL)
    axes.set_xlabel("strength", fontsize=SMALL)

"""Figures of a sweep: dose-response, the judge's shift by emotion, map of regimes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emo.core.choices import Direction
from emo.core.steering.dose_response import DoseCell, DoseSweep, EmotionDose, by_emotion, cells
from emo.report.runs.extract_figures import BLUE, GREEN, GREY, ORANGE, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = {
    "target": (BLUE, "o", "-"),
    "opposite": (ORANGE, "v", "--"),
    "shuffled": (GREEN, "s", "-."),
    "random": (GREY, "x", ":"),
}
REGIMES = {
    "surgical": ("#cfe8cf", "S"),
    "repetitive_collapse": ("#f6c9a8", "R"),
    "explosive": ("#a9c8e8", "X"),
    "silent": ("#dddddd", "0"),
}


def sites_of(found: Sequence[DoseCell] | Sequence[EmotionDose]) -> list[str]:
    """Steered sites in order of first appearance."""
    return list(dict.fromkeys(c.site for c in found))


def dose_response(swept: DoseSweep, title: str) -> Figure:
    """Success, perplexity ratio and repetition against strength, a row a site; 95 % intervals."""
    found = cells(swept.steered, swept.limits)
    sites = sites_of(found)
    figure = blank(12, 3.2 * len(sites) + 0.9)
    axes = figure.subplots(len(sites), 3, squeeze=False)
    for row, site in zip(axes, sites, strict=True):
        here = [c for c in found if c.site == site]
        strengths = sorted({c.strength for c in here})
        for direction, group in _directions(here).items():
            _draw_direction(row, group, direction, strengths)
        row[0].set_ylim(-0.03, 1.03)
        row[0].set_title(f"{site}: judged better than unsteered", fontsize=9)
        row[1].axhline(0, color=GREY, lw=0.8)
        row[1].set_title("log perplexity ratio, unsteered model", fontsize=9)
        row[2].axhline(swept.limits.repetition, color=GREY, ls="--", lw=0.8, label="limit")
        row[2].set_ylim(-0.03, 1.03)
        row[2].set_title("share of repeated token 3-grams", fontsize=9)
        for a in row:
            a.set_xticks(range(len(strengths)), [f"{s:g}" for s in strengths])
            a.set_xlabel("strength (x mean residual norm)")
            a.grid(alpha=0.25)
    axes[0, 0].legend(fontsize=8)
    n = max(c.n_texts for c in found)
    figure.suptitle(f"{title}\nup to {n} texts a point, 95 % intervals", fontsize=11)
    return figure


def _directions(found: Sequence[DoseCell]) -> dict[str, list[DoseCell]]:
    groups: dict[str, list[DoseCell]] = {}
    for c in found:
        groups.setdefault(c.direction, []).append(c)
    return groups


def _draw_direction(
    row: Sequence[Axes], group: Sequence[DoseCell], direction: str, strengths: Sequence[float]
) -> None:
    colour, marker, line = STYLES[direction]
    offset = 0.08 * (list(STYLES).index(direction) - 1.5)
    x = np.array([strengths.index(c.strength) for c in group]) + offset
    rate = [c.success.k / c.success.n if c.success.n else math.nan for c in group]
    panels = (
        (rate, [c.success.low for c in group], [c.success.high for c in group]),
        _bounds(group, "log_perplexity_ratio"),
        _bounds(group, "repetition"),
    )
    for a, (value, low, high) in zip(row, panels, strict=True):
        around = np.abs(np.array([low, high]) - np.array(value))
        a.errorbar(
            x, value, np.nan_to_num(around), color=colour, marker=marker, ls=line, ms=4, lw=1.3,
            elinewidth=0.8, capsize=2, label=direction,
        )  # fmt: skip


def _bounds(group: Sequence[DoseCell], name: str) -> tuple[list[float], list[float], list[float]]:
    means = [getattr(c, name) for c in group]
    return [m.value for m in means], [m.low for m in means], [m.high for m in means]


def emotions(swept: DoseSweep, title: str) -> Figure:
    """The judge's shift against strength, a panel an emotion, rows for each site; intervals if any."""
    found = by_emotion(swept.steered)
    sites = sites_of(found)
    names = list(dict.fromkeys(d.emotion for d in found))
    columns = min(5, len(names))
    rows = -(-len(names) // columns)
    figure = blank(2.3 * columns + 1, 1.9 * rows * len(sites) + 1)
    panels = figure.subplots(
        rows * len(sites), columns, sharex=True, sharey=True, squeeze=False
    ).reshape(len(sites), -1)
    for own, site in zip(panels, sites, strict=True):
        for axes in own[len(names) :]:
            axes.set_axis_off()
        for axes, name in zip(own, names, strict=False):
            here = [d for d in found if d.emotion == name and d.site == site]
            _draw_emotion(axes, here, name if len(sites) == 1 else f"{site}: {name}")
    panels.flat[0].legend(fontsize=6)
    figure.supxlabel("strength (x mean residual norm)", fontsize=9)
    figure.supylabel("judge's score minus the unsteered text's", fontsize=9)
    figure.suptitle(f"{title}\nby emotion, {', '.join(sites)}", fontsize=11)
    return figure


def _draw_emotion(axes: Axes, found: Sequence[EmotionDose], name: str) -> None:
    axes.axhline(0, color=GREY, lw=0.6)
    judged = any(math.isfinite(d.shift.value) for d in found)
    axes.set_title(name if judged else f"{name}: cannot be judged", fontsize=8)
    for direction in (Direction.target.value, Direction.random.value):
        here = [d for d in found if d.direction == direction]
        colour, marker, line = STYLES[direction]
        x = [d.strength for d in here]
        axes.plot(x, [d.shift.value for d in here], color=colour, marker=marker, ls=line, ms=3,
                  lw=1, label=direction)  # fmt: skip
        axes.fill_between(
            x, [d.shift.low for d in here], [d.shift.high for d in here], color=colour, alpha=0.15
        )
    axes.grid(alpha=0.25)


def regime_map(swept: DoseSweep, title: str) -> Figure:
    """Strength x site: both rules for the emotion vectors, the robust one for random directions."""
    found = cells(swept.steered, swept.limits)
    by_direction = _directions(found)
    target = by_direction[Direction.target.value]
    panels = [("emotion vectors, published rule", target, True)]
    panels.append(("emotion vectors, robust rule", target, False))
    if random := by_direction.get(Direction.random.value):
        panels.append(("random directions, robust rule", random, False))
    sites, strengths = sites_of(found), sorted({c.strength for c in found})
    width = max(2.6, 0.75 * len(strengths) + 0.6)
    figure = blank(width * len(panels) + 1.4, max(2.6, 0.55 * len(sites) + 2.2))
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for a, (name, group, published) in zip(axes, panels, strict=True):
        _draw_map(a, group, sites, strengths, published)
        a.set_title(name, fontsize=9)
    axes[0].set_ylabel("layers")
    figure.suptitle(title, fontsize=11)
    figure.supxlabel(
        ", ".join(f"{letter} {name.replace('_', ' ')}" for name, (_, letter) in REGIMES.items())
        + "; ? not sure; framed: the rules disagree",
        fontsize=8,
    )
    return figure


def _draw_map(
    axes: Axes,
    group: Sequence[DoseCell],
    sites: Sequence[str],
    strengths: Sequence[float],
    published: bool,
) -> None:
    from matplotlib.patches import Rectangle

    for c in group:
        x, y = strengths.index(c.strength), sites.index(c.site)
        regime = c.published if published else c.robust
        colour, letter = REGIMES[regime.name]
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white"))
        if c.disagree:
            frame = {"fill": False, "edgecolor": ORANGE, "lw": 2}
            axes.add_patch(Rectangle((x - 0.44, y - 0.44), 0.88, 0.88, **frame))
        axes.text(x, y, letter + ("" if regime.sure else "?"), ha="center", va="center", fontsize=9)
    axes.set_xlim(-0.5, len(strengths) - 0.5)
    axes.set_ylim(-0.5, len(sites) - 0.5)
    axes.set_xticks(range(len(strengths)), [f"{s:g}" for s in strengths], fontsize=8)
    axes.set_yticks(range(len(sites)), sites, fontsize=8)
    axes.set_xlabel("strength", fontsize=8)

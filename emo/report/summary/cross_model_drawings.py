"""Drawings of the cross-model study, each with the numbers behind it; captions are in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emo.core.compare.cross_model import Universality
from emo.core.compare.leaving_out import ceilings
from emo.report.style import (
    BLUE,
    FINE,
    GREY,
    HEADING,
    MAGNITUDE,
    ORANGE,
    PANEL,
    SMALL,
    blank,
    grid,
    legend_below,
)
from emo.report.summary.several import FLAG_COLUMN, flag
from emo.report.table import Entry, Table, data_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ANNOTATED = 14
"""The largest number of models for which the fields of a heatmap carry numbers."""
LIGHT = 0.55
"""Fields of a heatmap from this value up are light, so that their numbers are black."""


def rdm_of_rdms(u: Universality) -> tuple[Figure, Table]:
    """Two heatmaps side by side, with the models in the order of the tables."""
    names, n = [m.name for m in u.models], len(u.models)
    figure = blank(max(9, 1.0 * n + 4), max(4.2, 0.5 * n + 2.2))
    axes = figure.subplots(1, 2)
    image = None
    for panel, values, title in zip(
        axes,
        (u.rho.value, u.halves.disjoint.value),
        ("same passages", "disjoint passages"),
        strict=True,
    ):
        image = panel.imshow(values, cmap=MAGNITUDE, vmin=0, vmax=1)
        panel.set_xticks(range(n), names, rotation=90, fontsize=SMALL)
        panel.set_yticks(range(n), names if panel is axes[0] else [""] * n, fontsize=SMALL)
        panel.set_title(title, fontsize=HEADING)
        if n <= ANNOTATED:
            _annotate(panel, values, u)
    assert image is not None
    figure.colorbar(image, ax=axes, label="Spearman rho (below 0 as 0)", shrink=0.8)
    rows = [
        (names[i], names[j], float(u.rho.value[i, j]), float(u.halves.disjoint.value[i, j]))
        for i in range(n)
        for j in range(n)
    ]
    columns = ("model a", "model b", "rho same items", "rho disjoint items")
    return figure, data_table(columns, rows)


def _annotate(panel: Axes, values: np.ndarray, u: Universality) -> None:
    """Write every number into its field; an asterisk marks the published flag of anisotropy."""
    n = len(values)
    for i in range(n):
        for j in range(n):
            colour = "white" if values[i, j] < LIGHT else "black"
            mark = "*" if i != j and u.flagged(i, j) else ""
            words = f"{values[i, j]:.2f}{mark}"
            panel.text(j, i, words, ha="center", va="center", color=colour, fontsize=FINE)


def base_instruct(u: Universality) -> tuple[Figure, Table]:
    """Rho of each base model with its instruct version, and the anisotropy of both."""
    pairs = u.base_instruct()
    figure = blank(10, 1.6 + 0.5 * len(pairs))
    agreement, anisotropy = figure.subplots(1, 2, sharey=True)
    names = [f"{u.models[j].family} {u.models[j].size_b:g}B" for _, j in pairs]
    rows: list[tuple[Entry, ...]] = []
    for y, (i, j) in enumerate(pairs):
        same, disjoint = u.rho[i, j], u.halves.disjoint[i, j]
        for e, colour, marker, shift, label in (
            (same, BLUE, "o", -0.12, "same passages"),
            (disjoint, ORANGE, "s", 0.12, "disjoint passages"),
        ):
            label = label if y == 0 else None
            agreement.plot(e.value, y + shift, marker, color=colour, label=label)
            agreement.plot([e.low, e.high], [y + shift] * 2, color=colour)
        base, instruct = (u.models[k].descriptors.anisotropy for k in (i, j))
        anisotropy.plot([base, instruct], [y, y], color=GREY)
        anisotropy.plot(base, y, "o", color=BLUE, mfc="none", label="base" if y == 0 else None)
        anisotropy.plot(instruct, y, "o", color=BLUE, label="instruct" if y == 0 else None)
        bounds = (float(x) for e in (same, disjoint) for x in (e.value, e.low, e.high))
        rows.append((names[y], *bounds, base, instruct))
    agreement.set_yticks(range(len(pairs)), names)
    agreement.set_xlabel("Spearman rho, base with instruct")
    anisotropy.set_xlabel("anisotropy")
    for panel in (agreement, anisotropy):
        grid(panel)
        legend_below(panel, 0.25)
        panel.set_ylim(len(pairs) - 0.5, -0.5)
    sides = ("rho same items", "rho disjoint items")
    columns = ("family", *(f"{side}{end}" for side in sides for end in ("", " low", " high")))
    return figure, data_table((*columns, "anisotropy base", "instruct"), rows)


WAYS = {
    "same": "all\npassages",
    "same half": "same\nhalf",
    "other half": "other\nhalf",
    "ceiling of other half": "ceiling of\nother half",
}
"""Ways to compare two models, with their labels in the figure."""


def surviving(u: Universality) -> tuple[Figure, Table]:
    """One line per pair of models over four ways to compare them."""
    pairs = [(i, j) for i in range(len(u.models)) for j in range(i + 1, len(u.models))]
    lines = [_ways(u, i, j) for i, j in pairs]
    values = np.array(lines)
    figure = blank(7.5, 4.4)
    axes = figure.subplots()
    places = range(len(WAYS))
    faint = max(0.15, 1 / len(values) ** 0.5)
    for line in values:
        axes.plot(places, line, color=BLUE, alpha=faint, marker="o", ms=3)
    for x in places:
        good = values[np.isfinite(values[:, x]), x]
        if len(good):
            axes.plot([x - 0.25, x + 0.25], [good.mean()] * 2, color=ORANGE, lw=3)
            words = f"{good.mean():.2f}"
            axes.annotate(words, (x + 0.27, good.mean()), va="center", fontsize=PANEL)
    axes.axhline(0, color=GREY, lw=0.8)
    axes.set_xticks(places, WAYS.values())
    axes.set_xlim(-0.5, len(WAYS) - 0.3)
    axes.axvline(0.5, color=GREY, lw=0.8, ls=":")
    axes.set_ylim(min(0, np.nanmin(values)) - 0.05, 1)
    axes.set_ylabel("Spearman rho of two models' RDMs")
    grid(axes, "y")
    rows = [
        (
            u.models[i].name,
            u.models[j].name,
            *line,
            flag(u.flagged(i, j)),
        )
        for (i, j), line in zip(pairs, lines, strict=True)
    ]
    return figure, data_table(("model a", "model b", *WAYS, FLAG_COLUMN), rows)


def _ways(u: Universality, i: int, j: int) -> tuple[float, ...]:
    """Rho of one pair of models by every way of ``WAYS``; NaN where there is none."""
    halves = u.halves.disjoint.value
    limit = float(ceilings(u.left_out.whole)[i, j])
    return (
        float(u.rho.value[i, j]),
        float(u.halves.same.value[i, j]),
        float(halves[i, j]),
        float("nan") if limit is None else limit,
    )

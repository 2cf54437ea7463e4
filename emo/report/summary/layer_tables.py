"""Tables and a figure over layers: every layer with every other, and what the rule of choice decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emo.core.compare.cross_model import Universality
from emo.core.compare.depth import LayerPairs, rule_sentence
from emo.core.compare.likeness import likeness
from emo.report.style import HEADING, MAGNITUDE, ORANGE, SMALL, blank
from emo.report.summary.parts import Drawn, draw_or_say_why
from emo.report.summary.several import of_several, with_rows
from emo.report.table import Entry, Interval, Table, data_table
from emo.summary.assemble import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = 6
"""Pairs of models that the figure shows; the table has all of them."""
ACROSS = 3
"""Panels in a row."""


def rule_table(s: Summary) -> list[Table]:
    """One row per rule of choosing layers: what the models agree in at its layers."""
    if s.cross_model is None:
        return []
    u, margin = s.cross_model, s.config.job.summarize.margin
    rows = tuple(
        (
            r.rule,
            ", ".join(map(str, r.layers)),
            r.same,
            Interval.of(r.disjoint),
            r.ceiling,
            Interval.of(r.over_ceiling),
            likeness(r.over_ceiling, margin).value,
        )
        for r in u.rules
    )
    sentence = rule_sentence(u.rules, margin)
    table = Table(
        "layer_rules",
        "What the choice of layers decides",
        f"{sentence} The models, in the order of the tables, at the layers that each rule of "
        "job.summarize.layer chooses, means over the pairs. All rules but middle choose layers on "
        "these passages. Disjoint: 95 % interval over items and emotions; over ceiling: over items. "
        "The last column: whether the interval of disjoint rho over its ceiling lies above "
        f"{margin:g}, below it, or holds it.".strip(),
        (
            *("rule", "layers", "rho, same items", "rho, disjoint", "ceiling", "over ceiling"),
            "what that says",
        ),
        rows,
    )
    return with_rows(table)


@of_several
def layer_pair_table(u: Universality) -> Table:
    """One row per pair of models: the compared layers among all pairs of layers."""
    rows = tuple(_pair(p) for p in u.layers if np.isfinite(p.rho).any())
    return Table(
        "layer_pairs",
        "Every layer with every layer",
        "Rho on disjoint halves of every layer of one model with every layer of the other: at the "
        "compared layers, the median and the highest, and the share of layer pairs that have a "
        "higher rho than the compared ones. The highest is chosen among all of them on these "
        "passages, so it is too high, and no interval or p of a chosen pair holds for it"
        + (
            f": Bonferroni's line over {u.layers[0].rho.size} pairs of layers would be "
            f"{0.05 / u.layers[0].rho.size:.1e}."
            if u.layers
            else "."
        ),
        (
            *("model a", "model b", "compared at", "rho, disjoint", "median", "share higher"),
            *("highest", "highest at"),
        ),
        rows,
        key=(
            "model a",
            "model b",
            "compared at",
            "rho, disjoint",
            "median",
            "highest",
            "highest at",
        ),
        names=2,
    )


def _pair(p: LayerPairs) -> tuple[Entry, ...]:
    return (
        p.a,
        p.b,
        ", ".join(map(str, p.compared)),
        float(p.rho[p.compared]),
        float(np.nanmedian(p.rho)),
        p.higher,
        float(p.rho[p.best]),
        ", ".join(map(str, p.best)),
    )


def layer_matrix(s: Summary) -> list[Drawn]:
    """The figure of every layer with every other, if there are several models with all their layers."""
    u = s.cross_model
    shown = [] if u is None else [p for p in u.layers if np.isfinite(p.rho).any()]
    if u is None or not shown:
        return []
    some = f" The first {PANELS} pairs of models." if len(shown) > PANELS else ""
    return [
        draw_or_say_why(
            "fig7_layers_by_layers",
            "Every layer with every layer",
            "Rho on disjoint halves of the passages, every layer of one model with every layer of "
            "the other; white where a layer is not finite. Square: the layers that are "
            f"compared.{some}",
            lambda: _draw(shown),
            tuple(m.run_id for m in u.models),
        )
    ]


def _draw(pairs: Sequence[LayerPairs]) -> tuple[Figure, Table]:
    shown = pairs[:PANELS]
    across = min(ACROSS, len(shown))
    down = -(-len(shown) // across)
    figure = blank(1.6 + 3.6 * across, 0.8 + 3.4 * down)
    axes = figure.subplots(down, across, squeeze=False)
    highest = max(0.1, max(float(np.nanmax(p.rho)) for p in shown))
    image = None
    for panel, p in zip(axes.flat, shown, strict=False):
        image = panel.imshow(
            p.rho, cmap=MAGNITUDE, vmin=0, vmax=highest, origin="lower", aspect="auto"
        )
        panel.plot(p.compared[1], p.compared[0], "s", color=ORANGE, mfc="none", ms=8, mew=2)
        panel.set_xlabel(f"layer of {p.b}", fontsize=SMALL)
        panel.set_ylabel(f"layer of {p.a}", fontsize=SMALL)
    for panel in axes.flat[len(shown) :]:
        panel.axis("off")
    axes.flat[0].set_title("disjoint passages", fontsize=HEADING)
    assert image is not None
    figure.colorbar(image, ax=axes, label="Spearman rho (below 0 as 0)", shrink=0.8)
    rows = [
        (p.a, p.b, i, j, float(p.rho[i, j]))
        for p in pairs
        for i in range(p.rho.shape[0])
        for j in range(p.rho.shape[1])
    ]
    return figure, data_table(("model a", "model b", "layer a", "layer b", "rho disjoint"), rows)

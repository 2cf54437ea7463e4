"""Drawings of single models, each with the numbers behind it; captions are in figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emo.core.compare.cross_model import ModelRun
from emo.core.conditions.four_layer import LayerRow
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.reference import PublishedFourLayer, shared_geometry
from emo.report.drawing import in_legend
from emo.report.style import (
    BLUE,
    GREEN,
    GREY,
    HEADING,
    MARKERS,
    ORANGE,
    SERIES,
    SMALL,
    blank,
    grid,
)
from emo.report.table import Entry, Table, data_table
from emo.summary.assemble import ModelTable, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

SIZED = {"anisotropy": "anisotropy", "rdm_std": "RDM std", "best_layer_pct": "best layer, %"}
"""Descriptors that are drawn against the width of the model, with their labels."""


def layer_sweep(s: Summary) -> tuple[Figure, Table]:
    """The published criterion and the reliability over relative depth."""
    figure = blank(10, 4.2)
    axes = figure.subplots(1, 2)
    rows = []
    for k, m in enumerate(s.models):
        d = m.descriptors
        depth = 100 * np.arange(d.n_layers) / d.n_layers
        look = {"color": SERIES[k % len(SERIES)], "marker": MARKERS[k % len(MARKERS)]}
        for panel, name in zip(axes, ("mean_cosine", "reliability"), strict=True):
            panel.plot(depth, d.curves[name], ms=3, lw=1, label=in_legend(m.name), **look)
            choice = d.choices[name]
            if choice is not None:
                place = depth[choice.layer], d.curves[name][choice.layer]
                panel.plot(*place, ms=9, mfc="none", ls="", **look)
        rows += [
            (m.name, layer, *(float(d.curves[c][layer]) for c in ("mean_cosine", "reliability")))
            for layer in range(d.n_layers)
        ]
    floors = {m.descriptors.analytic_floor for m in s.models}
    for floor in floors:
        axes[0].axhline(floor, color=GREY, ls="--", lw=1)
    axes[0].set_ylabel("mean pairwise cosine")
    axes[1].set_ylabel("split-half reliability")
    for panel in axes:
        panel.set_xlabel("depth, % of layers")
        grid(panel)
    figure.legend(
        *axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=SMALL
    )
    return figure, data_table(("model", "layer", "mean cosine", "reliability"), rows)


def sizes(s: Summary) -> tuple[Figure, Table]:
    """Three descriptors against the width of the models."""
    figure = blank(11, 3.8)
    axes = figure.subplots(1, 3)
    for panel, (name, label) in zip(axes, SIZED.items(), strict=True):
        _draw_descriptor(panel, s.models, name)
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter(lambda x, _: f"{x:.0f}")
        panel.set_xlabel("width of the model (d_model)")
        panel.set_ylabel(label)
        grid(panel)
    axes[0].axhline(FLAGGED_ANISOTROPY, color=GREY, ls="--", lw=1)
    handles, names = axes[0].get_legend_handles_labels()
    once = dict(zip(names, handles, strict=True))
    figure.legend(once.values(), once.keys(), loc="outside lower center", ncols=6, fontsize=SMALL)
    rows = []
    for m in s.models:
        values = [float(getattr(m.descriptors, name)) for name in SIZED]
        rows.append((m.name, m.family, m.variant, m.d_model, m.size_b, *values))
    columns = ("model", "family", "variant", "d_model", "size, B", *SIZED.values())
    return figure, data_table(columns, rows)


def _draw_descriptor(panel: Axes, models: Sequence[ModelRun], name: str) -> None:
    """Draw one marker per model: filled for instruct models, open for base models."""
    families = list(dict.fromkeys(m.family for m in models))
    for m in models:
        k = families.index(m.family)
        colour = SERIES[k % len(SERIES)]
        panel.plot(
            m.d_model,
            getattr(m.descriptors, name),
            MARKERS[k % len(MARKERS)],
            color=colour,
            mfc=colour if m.variant == "instruct" else "none",
            ms=7,
            label=in_legend(m.family),
        )


def four_layers(tables: Sequence[ModelTable]) -> tuple[Figure, Table]:
    """One panel per model with one line per contrast, and a legend."""
    shown = [t for t in tables if t.table.rows]
    most = max(len(t.table.rows) for t in shown)
    figure = blank(max(9, 5.4 * len(shown)), 2.2 + 0.6 * most)
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    published = shared_geometry().four_layer
    rows: list[tuple[Entry, ...]] = []
    for panel, t in zip(panels, shown, strict=True):
        for y, r in enumerate(t.table.rows):
            _draw_contrast(panel, r, y)
            _draw_published(panel, published, r.contrast.layer, y)
            others = (p.rho.get(r.contrast.layer) for p in published)
            rows.append((t.table.model, *_numbers(r), *others))
        labels = [f"{r.contrast.asks}\n({r.contrast.a} vs {r.contrast.b})" for r in t.table.rows]
        panel.axvline(0, color=GREY, lw=0.8)
        panel.set_yticks(range(len(labels)), labels, fontsize=SMALL)
        panel.set_ylim(len(labels) - 0.5, -0.5)
        panel.set_xlabel("Spearman rho")
        panel.set_title(t.table.model, fontsize=HEADING)
        grid(panel, "x")
    figure.legend(handles=_legend(published), loc="outside lower center", ncols=2, fontsize=SMALL)
    columns = (
        *("model", "contrast", "rho", "low", "high", "rho raw"),
        *("rho disjoint", "disjoint low", "disjoint high", "replicates", "verdict"),
        *(f"published {p.model}" for p in published),
    )
    return figure, data_table(columns, rows)


RHO, EMOTIONS, DISJOINT, CEILING, RAW = (
    {"color": BLUE, "marker": "o", "ms": 7, "lw": 2.5},
    {"color": BLUE, "lw": 0.8},
    {"color": GREEN, "marker": "s", "ms": 5, "lw": 1.5},
    {"color": ORANGE, "marker": "^", "ms": 7, "ls": ""},
    {"color": GREY, "marker": "o", "mfc": "none", "ms": 5, "ls": ""},
)
"""The looks of the marks of a contrast."""
PUBLISHED = ("D", "X")
"""Markers of the published models, in grey."""


def _legend(published: Sequence[PublishedFourLayer]) -> list[Line2D]:
    """One entry per kind of mark."""
    from matplotlib.lines import Line2D

    looks = (
        ("rho, 95 % interval over items", RHO),
        ("95 % interval over emotions, where a side has no items", EMOTIONS),
        ("rho on disjoint halves, over items and emotions", DISJOINT),
        ("what replicates would give", CEILING),
        ("rho with raw centring", RAW),
    )
    marks = [Line2D([], [], label=label, **look) for label, look in looks]
    return marks + [
        Line2D([], [], color=GREY, marker=marker, ls="", ms=5, label=f"published: {p.model}")
        for p, marker in zip(published, PUBLISHED, strict=True)
    ]


def _draw_contrast(panel: Axes, r: LayerRow, y: int) -> None:
    """Draw rho, raw rho, rho on disjoint halves, and the rho that replicates would give."""
    over_items = bool(np.isfinite(r.post.rho.low))
    panel.plot(r.post.interval, [y, y], color=BLUE, lw=2.5 if over_items else 0.8)
    panel.plot(r.post.rho.value, y, **RHO)
    panel.plot(r.raw.rho.value, y, **RAW)
    if (disjoint := r.disjoint) is not None:
        panel.plot([disjoint.low, disjoint.high], [y + 0.22] * 2, color=GREEN, lw=1.5)
        panel.plot(disjoint.value, y + 0.22, **DISJOINT)
    if r.attainable is not None:
        panel.plot(r.attainable, y + 0.22, **CEILING)


def _draw_published(
    panel: Axes, published: Sequence[PublishedFourLayer], layer: str, y: int
) -> None:
    """Draw what the study prints of a contrast, for each of its models."""
    for p, marker in zip(published, PUBLISHED, strict=True):
        if layer in p.rho:
            panel.plot(p.rho[layer], y - 0.24, marker, color=GREY, ms=5)


def _numbers(r: LayerRow) -> tuple[Entry, ...]:
    """The numbers that :func:`_draw_contrast` draws, and the verdict."""
    low, high = r.post.interval
    e = r.disjoint
    disjoint = (None,) * 3 if e is None else tuple(float(x) for x in (e.value, e.low, e.high))
    return (
        r.contrast.title,
        float(r.post.rho.value),
        low,
        high,
        float(r.raw.rho.value),
        *disjoint,
        r.attainable,
        r.verdict.value,
    )

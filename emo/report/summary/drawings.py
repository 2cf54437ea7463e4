"""Drawings of a summary, each with the data behind it; captions are in summary_figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emo.core.compare.cross_model import UNRELIABLE_ANISOTROPY, Universality
from emo.core.stats.reliability import ceiling
from emo.report.drawing import in_legend
from emo.report.runs.extract_figures import BLUE, GREEN, GREY, ORANGE, blank
from emo.report.table import Cell, Table
from emo.summary.assemble import ModelTable, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "osD^vP*X<>hp"
"""Models are told apart by shape as well as by colour."""
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#E69F00", "#000000", GREY)
ANNOTATED = 14
"""Up to so many models the cells of a heatmap carry their numbers."""


def _data(name: str, columns: Sequence[str], rows: Sequence[tuple[Cell, ...]]) -> Table:
    return Table(name, name, "", tuple(columns), tuple(rows))


def rdm_of_rdms(u: Universality) -> tuple[Figure, Table]:
    """Two heatmaps side by side, models in the order of the tables."""
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
        image = panel.imshow(values, cmap="cividis", vmin=0, vmax=1)
        panel.set_xticks(range(n), names, rotation=90, fontsize=8)
        panel.set_yticks(range(n), names if panel is axes[0] else [""] * n, fontsize=8)
        panel.set_title(title, fontsize=10)
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
    return figure, _data("fig1_rdm_of_rdms", columns, rows)


def _annotate(panel: Axes, values: np.ndarray, u: Universality) -> None:
    n = len(values)
    for i in range(n):
        for j in range(n):
            colour = "white" if values[i, j] < 0.55 else "black"
            mark = "*" if i != j and u.flagged(i, j) else ""
            words = f"{values[i, j]:.2f}{mark}"
            panel.text(j, i, words, ha="center", va="center", color=colour, fontsize=7)


def layer_sweep(s: Summary) -> tuple[Figure, Table]:
    """The published criterion and reliability over relative depth."""
    figure = blank(10, 4.2)
    axes = figure.subplots(1, 2)
    rows = []
    for k, m in enumerate(s.models):
        d = m.descriptors
        depth = 100 * np.arange(d.n_layers) / d.n_layers
        look = {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)]}
        for panel, name in zip(axes, ("mean_cosine", "reliability"), strict=True):
            panel.plot(depth, d.curves[name], ms=3, lw=1, label=in_legend(m.name), **look)
            choice = d.choices[name]
            if choice is not None:
                at = depth[choice.layer], d.curves[name][choice.layer]
                panel.plot(*at, ms=9, mfc="none", ls="", **look)
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
        panel.grid(alpha=0.25)
    axes[1].legend(fontsize=7)
    return figure, _data("fig2_layers", ("model", "layer", "mean cosine", "reliability"), rows)


def sizes(s: Summary) -> tuple[Figure, Table]:
    """Three descriptors against width."""
    figure = blank(11, 3.8)
    axes = figure.subplots(1, 3)
    labels = {"anisotropy": "anisotropy", "rdm_std": "RDM std", "best_layer_pct": "best layer, %"}
    families = list(dict.fromkeys(m.family for m in s.models))
    for panel, (name, label) in zip(axes, labels.items(), strict=True):
        for m in s.models:
            k = families.index(m.family)
            colour = COLOURS[k % len(COLOURS)]
            panel.plot(
                m.d_model,
                getattr(m.descriptors, name),
                MARKERS[k % len(MARKERS)],
                color=colour,
                mfc=colour if m.variant == "instruct" else "none",
                ms=7,
                label=in_legend(m.family),
            )
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter(lambda x, _: f"{x:.0f}")
        panel.set_xlabel("width of the model (d_model)")
        panel.set_ylabel(label)
        panel.grid(alpha=0.25)
    axes[0].axhline(UNRELIABLE_ANISOTROPY, color=GREY, ls="--", lw=1)
    handles, names = axes[0].get_legend_handles_labels()
    once = dict(zip(names, handles, strict=True))
    axes[2].legend(once.values(), once.keys(), fontsize=7)
    rows = []
    for m in s.models:
        values = [float(getattr(m.descriptors, name)) for name in labels]
        rows.append((m.name, m.family, m.variant, m.d_model, m.size_b, *values))
    columns = ("model", "family", "variant", "d_model", "size, B", *labels.values())
    return figure, _data("fig3_size", columns, rows)


def base_instruct(u: Universality) -> tuple[Figure, Table]:
    """Rho of each pair, and the change of anisotropy."""
    pairs = u.base_instruct()
    figure = blank(10, 1.6 + 0.5 * len(pairs))
    left, right = figure.subplots(1, 2, sharey=True)
    names = [f"{u.models[j].family} {u.models[j].size_b:g}B" for _, j in pairs]
    rows = []
    for y, (i, j) in enumerate(pairs):
        for e, colour, marker, shift, label in (
            (u.rho[i, j], BLUE, "o", -0.12, "same passages"),
            (u.halves.disjoint[i, j], ORANGE, "s", 0.12, "disjoint passages"),
        ):
            label = label if y == 0 else None
            left.plot(e.value, y + shift, marker, color=colour, label=label)
            left.plot([e.low, e.high], [y + shift] * 2, color=colour)
        a, b = (u.models[k].descriptors.anisotropy for k in (i, j))
        right.plot([a, b], [y, y], color=GREY)
        right.plot(a, y, "o", color=BLUE, mfc="none", label="base" if y == 0 else None)
        right.plot(b, y, "o", color=BLUE, label="instruct" if y == 0 else None)
        same, disjoint = u.rho[i, j], u.halves.disjoint[i, j]
        rows.append(
            (
                names[y],
                *(float(x) for e in (same, disjoint) for x in (e.value, e.low, e.high)),
                a,
                b,
            )
        )
    left.set_yticks(range(len(pairs)), names)
    left.set_xlabel("Spearman rho, base with instruct")
    right.set_xlabel("anisotropy")
    for panel in (left, right):
        panel.grid(alpha=0.25)
        panel.legend(fontsize=8)
        panel.set_ylim(len(pairs) - 0.5, -0.5)
    sides = ("rho same items", "rho disjoint items")
    columns = ("family", *(f"{side}{end}" for side in sides for end in ("", " low", " high")))
    return figure, _data("fig4_base_instruct", (*columns, "anisotropy base", "instruct"), rows)


def four_layers(tables: Sequence[ModelTable]) -> tuple[Figure, Table]:
    """One panel a model, one line a contrast."""
    shown = [t for t in tables if t.table.rows]
    most = max(len(t.table.rows) for t in shown)
    figure = blank(max(7, 5.2 * len(shown)), 1.3 + 0.5 * most)
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    rows = []
    for panel, t in zip(panels, shown, strict=True):
        labels = []
        for y, r in enumerate(t.table.rows):
            low, high = r.post.interval
            over_items = bool(np.isfinite(r.post.rho.low))
            panel.plot([low, high], [y, y], color=BLUE, lw=2.5 if over_items else 0.8)
            panel.plot(r.post.rho.value, y, "o", color=BLUE, ms=7)
            panel.plot(r.raw.rho.value, y, "o", color=GREY, mfc="none", ms=5)
            apart = (None,) * 3
            if r.disjoint is not None and np.isfinite(r.disjoint.value):
                apart = tuple(float(x) for x in (r.disjoint.value, r.disjoint.low, r.disjoint.high))
                panel.plot(apart[1:], [y + 0.22] * 2, color=GREEN, lw=1.5)
                panel.plot(apart[0], y + 0.22, "s", color=GREEN, ms=5)
            if r.attainable is not None:
                panel.plot(r.attainable, y + (0.22 if r.shared else 0), "^", color=ORANGE, ms=7)
            labels.append(f"{r.contrast.layer}\n{r.contrast.a} vs {r.contrast.b}")
            values = float(r.post.rho.value), low, high, float(r.raw.rho.value)
            rows.append(
                (t.table.model, r.contrast.layer, *values, *apart, r.attainable, r.verdict.value)
            )
        panel.axvline(0, color=GREY, lw=0.8)
        panel.set_yticks(range(len(labels)), labels, fontsize=8)
        panel.set_ylim(len(labels) - 0.5, -0.5)
        panel.set_xlabel("Spearman rho")
        panel.set_title(t.table.model, fontsize=10)
        panel.grid(alpha=0.25, axis="x")
    columns = (
        *("model", "layer", "rho", "low", "high", "rho raw"),
        *("rho disjoint", "disjoint low", "disjoint high", "replicates", "verdict"),
    )
    return figure, _data("fig5_four_layers", columns, rows)


def surviving(u: Universality) -> tuple[Figure, Table]:
    """Every pair as a line over five ways to compare."""
    own = u.halves.disjoint.value.diagonal()
    rows, lines = [], []
    for i, a in enumerate(u.models):
        for j, b in enumerate(u.models[i + 1 :], i + 1):
            limit = ceiling(float(own[i]), float(own[j])).value
            line = (
                float(u.rho.value[i, j]),
                float(u.partial.value[i, j]) if u.partial else float("nan"),
                float(u.halves.same.value[i, j]),
                float(u.halves.disjoint.value[i, j]),
                float("nan") if limit is None else limit,
            )
            lines.append(line)
            rows.append((a.name, b.name, *line, "unreliable" if u.flagged(i, j) else "ok"))
    values = np.array(lines)
    figure = blank(7.5, 4.4)
    axes = figure.subplots()
    for line in values:
        axes.plot(
            range(5), line, color=BLUE, alpha=max(0.15, 1 / len(values) ** 0.5), marker="o", ms=3
        )
    for x in range(5):
        good = values[np.isfinite(values[:, x]), x]
        if len(good):
            axes.plot([x - 0.25, x + 0.25], [good.mean()] * 2, color=ORANGE, lw=3)
            axes.annotate(f"{good.mean():.2f}", (x + 0.27, good.mean()), va="center", fontsize=9)
    axes.axhline(0, color=GREY, lw=0.8)
    words = (
        "all\npassages",
        "surface\nheld fixed",
        "same\nhalf",
        "other\nhalf",
        "ceiling of\nother half",
    )
    axes.set_xticks(range(5), words)
    axes.set_xlim(-0.5, 4.7)
    axes.axvline(1.5, color=GREY, lw=0.8, ls=":")
    axes.set_ylim(min(0, np.nanmin(values)) - 0.05, 1)
    axes.set_ylabel("Spearman rho of two models' RDMs")
    axes.grid(alpha=0.25, axis="y")
    columns = (
        "model a",
        "model b",
        "same",
        "surface held fixed",
        "same half",
        "other half",
        "ceiling of other half",
        "anisotropy",
    )
    return figure, _data("fig6_surviving", columns, rows)

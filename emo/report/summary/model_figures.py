"""Figures of every model by itself: RDM, map, curves over layers; and the figure of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emo.core.compare.cross_model import ModelRun
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.core.geometry.cosines import cosine_matrix
from emo.core.geometry.projections import project
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Bounds, Descriptors, EmotionVectors, LayerChoice
from emo.core.stats.intervals import Estimates
from emo.files.names import name_part
from emo.report.drawing import in_legend
from emo.report.runs.extract_figures import components, draw_map, draw_rdm
from emo.report.style import (
    BLUE,
    GREEN,
    GREY,
    HEADING,
    LAYER,
    ORANGE,
    PANEL,
    SMALL,
    blank,
    grid,
    legend_below,
    permuted_band,
    whole_layers,
)
from emo.report.summary.parts import Drawn, draw_or_say_why
from emo.report.table import Entry, Table, data_table
from emo.summary.assemble import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 14
"""Rows of the figure of the answer; the tables have all of them."""


def answer_figure(s: Summary) -> list[Drawn]:
    """The one figure that stands beside the answer, if there is a model or a contrast to show."""
    panels = [p for p in (_told(s), _repeats(s), _alike(s)) if p.rows]
    if not panels:
        return []
    shown = "; ".join(p.caption for p in panels)
    margin = s.config.job.summarize.margin
    return [
        draw_or_say_why(
            "fig_answer",
            "What was found",
            f"{shown}. Bars: 95 % intervals where there are any.",
            lambda: _draw_answer(panels, margin),
            tuple(dict.fromkeys([m.run_id for m in s.models])),
        )
    ]


@dataclass(frozen=True)
class Panel:
    """One panel of the figure of the answer: numbers with their names."""

    title: str
    caption: str
    rows: tuple[tuple[str, float, float, float], ...]
    """Name, value, low, high; NaN where there is no bound."""
    lines: tuple[tuple[str, float], ...] = ()
    """Values to compare with, with their names."""


def _told(s: Summary) -> Panel:
    """How many passages are nearest to their own emotion, at the most accurate layer."""
    rows = []
    for m in s.models:
        choice, bounds = (
            x.get("accuracy") for x in (m.descriptors.choices, m.descriptors.intervals)
        )
        if isinstance(choice, LayerChoice):
            ends = (bounds.low, bounds.high) if isinstance(bounds, Bounds) else ()
            low, high = (float(x[choice.layer]) for x in ends) if ends else (np.nan, np.nan)
            rows.append((f"{m.name}, layer {choice.layer}", choice.value, low, high))
    lines = [("chance", s.models[0].descriptors.chance)] if rows else []
    if rows and s.words_accuracy is not None:
        lines.append(("bag of words", s.words_accuracy))
    caption = (
        "Accuracy: the share of passages nearest to their own emotion, left out, at the layer where "
        "that is highest, beside chance and the words of the passages"
    )
    return Panel("accuracy", caption, tuple(rows), tuple(lines))


def _repeats(s: Summary) -> Panel:
    """How well the RDM of each model agrees with itself, at the layer where models are compared."""
    rows = [
        (
            f"{m.name}, layer {m.layer}",
            float(m.descriptors.curves["reliability"][m.layer]),
            np.nan,
            np.nan,
        )
        for m in s.models
        if m.descriptors.reliability is not None
    ]
    caption = (
        "Reliability: the correlation of RDMs from two halves of the passages, corrected to full "
        "length, at the layer where models are compared"
    )
    return Panel("reliability", caption, tuple(rows))


def _alike(s: Summary) -> Panel:
    """Agreement over its ceiling: of pairs of models, else of the contrasts of the four layers."""
    if s.cross_model is not None:
        u = s.cross_model
        over = u.left_out.disattenuated()
        rows = [
            (f"{u.models[i].name}, {u.models[j].name}", *_bounds(over[int(i), int(j)]))
            for i, j in zip(*np.triu_indices(len(u.models), 1), strict=True)
        ]
    else:
        rows = [
            (r.contrast.title, *_bounds(r.attenuation.ratio))
            for t in s.tables
            for r in t.table.rows
            if not r.contrast.is_floor and r.attenuation is not None
        ]
    rows = [row for row in rows if np.isfinite(row[1])]
    caption = (
        "Agreement over ceiling: how alike two geometries are, whatever the noise; 1 is one geometry "
        "(dotted: the margin from which they count as alike)"
    )
    return Panel("agreement over ceiling", caption, tuple(rows[:MOST]))


def _bounds(e: Estimates) -> tuple[float, float, float]:
    low, high = (float(x) if np.isfinite(x) else np.nan for x in (e.low, e.high))
    return float(e.value), low, high


def _draw_answer(panels: list[Panel], margin: float) -> tuple[Figure, Table]:
    tallest = max(len(p.rows) for p in panels)
    figure = blank(4.2 * len(panels) + 0.6, 1.7 + 0.34 * tallest)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for panel, shown in zip(axes, panels, strict=True):
        _draw_panel(panel, shown)
        if shown.title.startswith("agreement"):
            panel.axvline(margin, color=GREY, ls=":", lw=1)
            panel.axvline(1, color=GREY, lw=0.8)
    rows: list[tuple[Entry, ...]] = [(p.title, *row) for p in panels for row in p.rows]
    rows += [(p.title, name, value, None, None) for p in panels for name, value in p.lines]
    return figure, data_table(("measure", "of", "value", "low", "high"), rows)


def _draw_panel(panel: Axes, shown: Panel) -> None:
    places = np.arange(len(shown.rows))
    values, low, high = (np.array([row[k] for row in shown.rows]) for k in (1, 2, 3))
    panel.hlines(places, low, high, color=BLUE, lw=2)
    panel.plot(values, places, "o", color=BLUE, ms=7)
    styles = (("--", GREY), ("-.", ORANGE))
    for (name, value), (style, colour) in zip(shown.lines, styles, strict=False):
        panel.axvline(value, color=colour, ls=style, lw=1.2, label=f"{name} {value:.2f}")
    reach = np.concatenate([values, low, high, [v for _, v in shown.lines], [0.0]])
    top = float(np.nanmax(reach))
    panel.set_xlim(min(0.0, float(np.nanmin(reach))) - 0.03, min(top * 1.12 + 0.02, max(1.6, top)))
    panel.set_yticks(places, [row[0] for row in shown.rows], fontsize=SMALL)
    panel.set_ylim(len(places) - 0.5, -0.5)
    panel.set_title(shown.title, fontsize=HEADING)
    grid(panel, "x")
    if shown.lines:
        legend_below(panel, 0.16)


def model_figures(s: Summary) -> list[Drawn]:
    """Two figures per model: RDM and map at the layer where it is compared, and curves over layers."""
    return [figure for m in s.models for figure in _of_model(m, s.words_accuracy)]


def _of_model(m: ModelRun, words: float | None) -> Iterator[Drawn]:
    d, part = m.descriptors, name_part(m.name)
    known = "" if d.reliability is None else (
        f" Its reliability is {float(d.curves['reliability'][m.layer]):.2f}."
    )  # fmt: skip
    yield draw_or_say_why(
        f"geometry_{part}",
        f"{m.name}: RDM and map at layer {m.layer}",
        "Left: cosines of all pairs of emotion vectors, ordered by clustering; the colours end at the "
        f"largest cosine.{known} Right: the two leading principal components of the vectors scaled to "
        "length 1, on one scale; what they do not show is said at the axis.",
        lambda: _geometry(m),
        (m.run_id,),
    )
    yield draw_or_say_why(
        f"layers_{part}",
        f"{m.name}: curves over layers",
        "Accuracy: the share of passages nearest to their own emotion, left out, with 95 % intervals "
        "over situations, beside chance and the words of the passages (TF-IDF). Band: permuted labels. "
        "Dotted: the layer where models are compared.",
        lambda: _curves(m.layer, d, words),
        (m.run_id,),
    )


def vectors_of(m: ModelRun) -> EmotionVectors:
    """The emotion vectors of a model at the layer where it is compared."""
    recipe = m.recipe
    return emotion_vectors(
        project(m.activations, m.projection), remove=recipe.remove, estimator=recipe.estimator
    )


def _geometry(m: ModelRun) -> tuple[Figure, Table]:
    vectors = vectors_of(m)
    values, names = vectors.values[0], vectors.emotions
    inches = 5.6 * max(1.0, len(names) / 40)
    figure = blank(2 * inches + 1.2, inches)
    figure.set_layout_engine(
        "constrained", w_pad=0.12
    )  # square panels push long labels over the edge
    left, right = figure.subplots(1, 2)
    cosines = cosine_matrix(values)
    image = draw_rdm(left, cosines, names, 0.9 * inches)
    figure.colorbar(
        image, ax=left, shrink=0.7, label=f"cosine (colours end at ±{image.norm.vmax:.2f})"
    )
    draw_map(right, values, names, SMALL)
    points, _ = components(values)
    rows = [
        (a, float(points[i, 0]), float(points[i, 1]), *map(float, cosines[i]))
        for i, a in enumerate(names)
    ]
    return figure, data_table(
        ("emotion", "PC 1", "PC 2", *(f"cosine with {n}" for n in names)), rows
    )


def _curves(layer: int, d: Descriptors, words: float | None) -> tuple[Figure, Table]:
    figure = blank(12, 3.6)
    axes = figure.subplots(1, 3)
    shown = (("accuracy", GREEN), ("reliability", ORANGE), ("anisotropy", BLUE))
    for panel, (name, colour) in zip(axes, shown, strict=True):
        panel.plot(d.curves[name], color=colour, marker="o", ms=3, label=in_legend(name))
        if name in d.nulls:
            permuted_band(panel, d.nulls[name])
        if name in d.intervals:
            bounds = d.intervals[name]
            panel.vlines(
                np.arange(d.n_layers), bounds.low, bounds.high, color=colour, alpha=0.5, lw=1
            )
        panel.axvline(layer, color=GREY, ls=":", lw=1)
        panel.set_title(name, fontsize=PANEL)
        panel.set_xlabel(LAYER)
        whole_layers(panel)
        grid(panel)
    axes[0].axhline(d.chance, color=GREY, ls="--", lw=1, label=f"chance {d.chance:.2f}")
    if words is not None:
        axes[0].axhline(words, color=BLUE, ls="-.", lw=1, label=f"bag of words {words:.2f}")
    axes[2].axhline(FLAGGED_ANISOTROPY, color=GREY, ls="--", lw=1, label="published flag")
    for panel in axes:
        legend_below(panel, 0.2)
    names = [name for name, _ in shown]
    rows = [(i, *(float(d.curves[name][i]) for name in names)) for i in range(d.n_layers)]
    return figure, data_table(("layer", *names), rows)

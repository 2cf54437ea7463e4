"""The figure of job=methods: estimators side by side, and separation over depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emo.core.compare.method_result import Bounded, MethodRow, MethodsResult
from emo.core.compare.separation import Measure
from emo.report.style import (
    GREY,
    LAYER,
    MARKERS,
    PANEL,
    SERIES,
    SMALL,
    TITLE,
    blank,
    grid,
    whole_layers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def methods_figure(result: MethodsResult, title: str) -> Figure:
    """Accuracy and reliability of every estimator and reading; cosine and crossnobis over depth."""
    figure = blank(11, 8)
    panels = figure.subplots(2, 2)
    chance = 1 / len(result.emotions)
    _estimators(panels[0, 0], result, "left-out accuracy", lambda row: row.accuracy)
    panels[0, 0].axhline(chance, color=GREY, lw=0.8, ls=":")
    _estimators(panels[0, 1], result, "reliability", lambda row: row.reliability)
    _depth(panels[1, 0], result, Measure.accuracy, "left-out accuracy")
    panels[1, 0].axhline(chance, color=GREY, lw=0.8, ls=":")
    _depth(panels[1, 1], result, Measure.mean_cosine, "mean pairwise cosine")
    panels[1, 1].axhline(result.algebraic, color=GREY, lw=0.8, ls=":")
    lines, labels = panels[1, 1].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=3, fontsize=SMALL)
    dotted = "dotted: chance, and the cosine that centring alone gives; bars: 95 %"
    figure.suptitle(f"{title}\n{dotted}", fontsize=TITLE)
    return figure


def _estimators(
    panel: Axes, result: MethodsResult, name: str, of: Callable[[MethodRow], Bounded]
) -> None:
    estimators = list(dict.fromkeys(row.estimator.value for r in result.readings for row in r.rows))
    width = 0.7 / max(len(result.readings), 1)
    for i, reading in enumerate(result.readings):
        found = [of(row) for row in reading.rows]
        x = np.array([estimators.index(row.estimator.value) for row in reading.rows])
        value = np.array([b.value for b in found])
        reach = np.array([[b.value - b.low for b in found], [b.high - b.value for b in found]])
        panel.errorbar(
            x + (i - (len(result.readings) - 1) / 2) * width,
            value,
            yerr=np.clip(np.nan_to_num(reach), 0, None),
            fmt=MARKERS[i % len(MARKERS)],
            color=SERIES[i % len(SERIES)],
            ms=4,
            lw=1,
        )
    panel.set_xticks(range(len(estimators)), estimators, fontsize=SMALL)
    panel.set_title(name, fontsize=PANEL)
    grid(panel, "y")


def _depth(panel: Axes, result: MethodsResult, measure: Measure, name: str) -> None:
    for i, reading in enumerate(result.readings):
        curve = reading.curve(measure)
        if curve is None:
            continue
        colour, layers = SERIES[i % len(SERIES)], np.arange(len(curve.value))
        panel.plot(layers, curve.value, color=colour, lw=1, marker="o", ms=2, label=reading.name)
        panel.fill_between(layers, curve.low, curve.high, color=colour, alpha=0.12, lw=0)
    panel.set_title(f"{name}, difference of means", fontsize=PANEL)
    panel.set_xlabel(LAYER)
    whole_layers(panel)
    grid(panel)

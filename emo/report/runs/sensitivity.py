"""A study on one page: importances as a table and as bars, every trial in two plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.report.runs.extract_figures import BLUE, GREY, ORANGE, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emo.study.importance import Exact, Importance

Points = Sequence[tuple[Mapping[str, Any], float]]
"""Each complete trial's point and its objective."""


def summary(title: str, found: Sequence[Importance], exact: Mapping[str, Exact]) -> str:
    """Importances of every objective, with the exact factorial's shares where there are any."""
    lines = [title]
    for importance in found:
        lines.append(f"  importance for {importance.objective}, {importance.n_trials} trials:")
        if not importance.impurity:
            lines.append("    none: it does not vary, or no parameter does")
            continue
        known = exact.get(importance.objective)
        shares = {} if known is None else known.shares
        head = f"    {'':<16} {'impurity':>9} {'fANOVA':>9}"
        lines.append(head + (f" {'total Sobol':>12}" if shares else ""))
        for name, value in importance.impurity.items():
            row = f"    {name:<16} {value:>9.3f} {importance.fanova[name]:>9.3f}"
            lines.append(row + (f" {shares[name]:>12.3f}" if name in shares else ""))
        if known is not None:
            rho = known.agreement(importance)
            lines += [
                f"    total Sobol index: exact, of {known.source}; rank correlation with it:",
                f"    impurity {rho['impurity']:.2f}, fANOVA {rho['fanova']:.2f}",
            ]
    return "\n".join(lines)


def importance_figure(importance: Importance, exact: Exact | None) -> Figure:
    """Bars of both importances, and of the exact shares where there are any."""
    names = list(importance.impurity)[::-1]
    series: list[tuple[str, Mapping[str, float], str]] = [
        ("mean decrease of impurity", importance.impurity, BLUE)
    ]
    series.append(("fANOVA", importance.fanova, ORANGE))
    if exact is not None:
        series.append(("total Sobol index, exact", exact.shares, GREY))
    figure = blank(8, 1.2 + 0.5 * len(names))
    axes = figure.add_subplot()
    height = 0.8 / len(series)
    for i, (label, values, colour) in enumerate(series):
        places = np.arange(len(names)) + 0.4 - height * (i + 0.5)
        axes.barh(places, [values.get(n, np.nan) for n in names], height, color=colour, label=label)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("importance")
    axes.set_title(f"{importance.objective}, {importance.n_trials} trials", fontsize=11)
    axes.legend(fontsize=8)
    return figure


def slice_figure(points: Points, space: Mapping[str, Sequence[Any]], objective: str) -> Figure:
    """The objective at every value of each parameter: each trial, and the mean."""
    figure = blank(2.2 * max(len(space), 2), 3.2)
    axes = np.atleast_1d(figure.subplots(1, len(space), sharey=True))
    for panel, (name, values) in zip(axes, space.items(), strict=True):
        for place, value in enumerate(values):
            at = np.array([y for point, y in points if point[name] == value])
            offset = np.linspace(-0.15, 0.15, len(at)) if len(at) > 1 else np.zeros(len(at))
            panel.plot(place + offset, at, ".", color=BLUE, ms=4, alpha=0.6)
            if len(at):
                panel.plot([place - 0.25, place + 0.25], [at.mean()] * 2, color=ORANGE, lw=2)
        panel.set_xticks(range(len(values)), [str(v) for v in values], rotation=45, fontsize=8)
        panel.set_xlim(-0.5, len(values) - 0.5)
        panel.set_title(name, fontsize=9)
        panel.grid(alpha=0.25, axis="y")
    axes[0].set_ylabel(objective)
    return figure


def parallel_figure(points: Points, space: Mapping[str, Sequence[Any]], objective: str) -> Figure:
    """A line a trial through its values, coloured by the objective."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    figure = blank(max(1.3 * len(space), 5), 4)
    axes = figure.add_subplot()
    y = np.array([value for _, value in points])
    scale, colours = Normalize(y.min(), y.max()), colormaps["viridis"]
    spread = np.linspace(-0.06, 0.06, len(points)) if len(points) > 1 else np.zeros(len(points))
    for (point, value), shift in zip(points, spread, strict=True):
        heights = [
            list(values).index(point[name]) / max(len(values) - 1, 1) + shift
            for name, values in space.items()
        ]
        axes.plot(range(len(space)), heights, color=colours(scale(value)), lw=0.9, alpha=0.8)
    for i, values in enumerate(space.values()):
        for j, value in enumerate(values):
            axes.text(
                i,
                j / max(len(values) - 1, 1),
                f" {value}",
                fontsize=8,
                va="center",
                bbox={"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 1},
            )
    axes.set_xticks(range(len(space)), list(space), rotation=30, fontsize=8)
    axes.set_yticks([])
    axes.set_xlim(-0.3, len(space) - 0.3)
    figure.colorbar(ScalarMappable(scale, colours), ax=axes, label=objective, shrink=0.8)
    return figure

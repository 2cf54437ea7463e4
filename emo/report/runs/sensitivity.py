"""One Optuna study: importances as a table and as bars, and every trial in two plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.report.runs.extract import RANDOM
from emo.report.style import BLUE, GREY, ORANGE, PANEL, RISING, SMALL, TITLE, blank, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from emo.core.stats.level_effects import LevelEffects
    from emo.study.importance import Exact, Importance

Points = Sequence[tuple[Mapping[str, Any], float]]
"""Per complete trial, its parameters and its objective."""


def terminal_text(
    title: str,
    importances: Sequence[Importance],
    exact: Mapping[str, Exact],
    effects: Mapping[str, LevelEffects],
) -> str:
    """What is told from noise; then the importances for every objective, beside the exact shares of a
    factorial if there are any."""
    lines = [title, *(_told(name, found) for name, found in effects.items())]
    if any(i.objective == "rho_matched" for i in importances):
        lines.append(
            "  rho_matched is lowered by the noise of other texts: its importances are no effects on "
            "the geometry alone"
        )
    for importance in importances:
        name = importance.objective
        if name in effects:
            lines += _change_lines(name, effects[name])
        lines.append(f"  importance for {name}, {importance.n_trials} trials:")
        lines += _importance_lines(importance, exact.get(name))
    return "\n".join(lines)


FEW_TRIALS = 4
"""With fewer trials per parameter the answer says that they are few."""


def answer(
    importances: Sequence[Importance], effects: Mapping[str, LevelEffects], random: bool = False
) -> str:
    """What is told from noise, whether the trials are too few for importances, and of random weights."""
    sentences = [RANDOM] if random else []
    sentences += [f"{_told(name, found).strip()}." for name, found in effects.items()]
    n = max((i.n_trials for i in importances), default=0)
    parameters = max((len(i.impurity) for i in importances), default=0)
    if n < FEW_TRIALS * parameters:
        sentences.append(
            f"{n} trials are few for {parameters} parameters: small importances are not told from zero."
        )
    if not parameters:
        sentences.append("No objective varies with a parameter: there are no importances.")
    return " ".join(sentences)


def _told(objective: str, effects: LevelEffects) -> str:
    """Which parameters change an objective beyond the noise of the texts."""
    if np.isnan(effects.change.low).any():
        return f"  {objective}: no intervals, so that the ranks are undetermined"
    if not effects.told:
        return f"  {objective}: no parameter is told from noise, their ranks are undetermined"
    others = "; the ranks of the others are undetermined"
    named = ", ".join(effects.told)
    all_told = len(effects.told) == len({name for name, _ in effects.names})
    return f"  {objective}: told from noise {named}{'' if all_told else others}"


def _change_lines(objective: str, effects: LevelEffects) -> list[str]:
    """One line per change of a parameter's value."""
    lines = [
        f"  change of {objective} from each parameter's first value (least squares, 95 % intervals; 0: "
        "no more than replicates differ):"
    ]
    for i, (name, value) in enumerate(effects.names):
        e = effects.change[i]
        bounds = "" if np.isnan(e.low) else f"  [{float(e.low):+.2f}, {float(e.high):+.2f}]"
        lines.append(f"    {f'{name}={value}':<28} {float(e.value):>+7.3f}{bounds}")
    return lines


def _importance_lines(importance: Importance, exact: Exact | None) -> list[str]:
    """One line per parameter, and the agreement with the exact shares."""
    if not importance.impurity:
        return ["    none: either the objective never varies, or no parameter does"]
    shares = {} if exact is None else exact.shares
    head = f"    {'':<16} {'impurity':>9} {'fANOVA':>9}"
    lines = [head + (f" {'total Sobol':>12}" if shares else "")]
    for name, value in importance.impurity.items():
        row = f"    {name:<16} {value:>9.3f} {importance.fanova[name]:>9.3f}"
        lines.append(row + (f" {shares[name]:>12.3f}" if name in shares else ""))
    if exact is not None:
        rho = exact.agreement(importance)
        lines += [
            f"    total Sobol index: exact, of {exact.source}; rank correlation with it:",
            f"    impurity {rho['impurity']:.2f}, fANOVA {rho['fanova']:.2f}",
        ]
    return lines


def importance_figure(importance: Importance, exact: Exact | None) -> Figure:
    """Bars of both importances, and of the exact shares if there are any."""
    names = list(importance.impurity)[::-1]
    series: list[tuple[str, Mapping[str, float], str]] = [
        ("mean decrease of impurity", importance.impurity, BLUE),
        ("fANOVA", importance.fanova, ORANGE),
    ]
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
    axes.set_title(f"{importance.objective}, {importance.n_trials} trials", fontsize=TITLE)
    axes.legend(fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    return figure


ACROSS = 4
"""Panels of parameters that stand beside each other."""


def slice_figure(points: Points, space: Mapping[str, Sequence[Any]], objective: str) -> Figure:
    """The objective against the values of each parameter: every trial, and the mean."""
    across = min(ACROSS, max(len(space), 1))
    down = -(-len(space) // across)
    figure = blank(2.4 * max(across, 2), 2.7 * down + 0.3)
    grid_of_panels = figure.subplots(down, across, sharey=True, squeeze=False)
    axes = grid_of_panels.reshape(-1)
    for panel in axes[len(space) :]:
        panel.set_visible(False)
    for panel, (name, values) in zip(axes, space.items(), strict=False):
        for place, value in enumerate(values):
            reached = np.array([y for point, y in points if point[name] == value])
            panel.plot(
                place + _spread(len(reached), 0.15), reached, ".", color=BLUE, ms=4, alpha=0.6
            )
            if len(reached):
                panel.plot([place - 0.25, place + 0.25], [reached.mean()] * 2, color=ORANGE, lw=2)
        panel.set_xticks(range(len(values)), [str(v) for v in values], rotation=45, fontsize=SMALL)
        panel.set_xlim(-0.5, len(values) - 0.5)
        if objective == "relative_rho":
            panel.axhline(1, color=GREY, lw=0.8, ls="--")  # the zero line: as alike as replicates
        panel.set_title(name, fontsize=PANEL)
        grid(panel, "y")
    for row in grid_of_panels:
        row[0].set_ylabel(objective)
    return figure


def _spread(n: int, reach: float) -> np.ndarray:
    """Small shifts around zero that keep equal values apart."""
    return np.linspace(-reach, reach, n) if n > 1 else np.zeros(n)


def parallel_figure(points: Points, space: Mapping[str, Sequence[Any]], objective: str) -> Figure:
    """One line per trial through the values of its parameters, coloured by the objective."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    figure = blank(max(1.3 * len(space), 5), 4)
    axes = figure.add_subplot()
    y = np.array([value for _, value in points])
    scale, colours = Normalize(y.min(), y.max()), colormaps[RISING]
    for (point, value), shift in zip(points, _spread(len(points), 0.06), strict=True):
        heights = [
            list(values).index(point[name]) / max(len(values) - 1, 1) + shift
            for name, values in space.items()
        ]
        axes.plot(range(len(space)), heights, color=colours(scale(value)), lw=0.9, alpha=0.8)
    _write_values(axes, space)
    axes.set_xticks(range(len(space)), list(space), rotation=30, fontsize=SMALL)
    axes.set_yticks([])
    axes.set_xlim(-0.3, len(space) - 0.3)
    figure.colorbar(ScalarMappable(scale, colours), ax=axes, label=objective, shrink=0.8)
    return figure


def _write_values(axes: Axes, space: Mapping[str, Sequence[Any]]) -> None:
    """Write the values of every parameter beside its place on the axis."""
    background = {"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 1}
    for i, values in enumerate(space.values()):
        for j, value in enumerate(values):
            height = j / max(len(values) - 1, 1)
            axes.text(i, height, f" {value}", fontsize=SMALL, va="center", bbox=background)

"""Figures of job=validate, one for each part that a run has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emo.core.validation.diagonal import centred
from emo.core.validation.findings import Verdict
from emo.core.validation.result import Battery, ValidationResult
from emo.core.validation.table import WORDS
from emo.report.style import (
    BLUE,
    FINE,
    GREEN,
    GREY,
    LAYER,
    ORANGE,
    PANEL,
    SIGNED,
    SMALL,
    TITLE,
    blank,
    grid,
    whole_layers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {Verdict.shown: GREEN, Verdict.not_shown: ORANGE, Verdict.unclear: GREY}


def figures_of(result: ValidationResult, title: str) -> Mapping[str, Callable[[], Figure]]:
    """Name -> what draws it, of the parts that the result has."""
    drawn: dict[str, Callable[[], Figure]] = {}
    if result.findings:
        drawn["validations"] = lambda: table_figure(result, title)
    if result.lens is not None and np.isfinite(result.lens.by_layer).any():
        drawn["lens"] = lambda: lens_figure(result, title)
    if result.scenarios is not None:
        drawn["scenarios"] = lambda: scenarios_figure(result, title)
    if result.numbers is not None:
        drawn["numbers"] = lambda: numbers_figure(result, title)
    if result.turns is not None:
        drawn["turns"] = lambda: turns_figure(result, title)
    if result.preference is not None:
        drawn["preference"] = lambda: preference_figure(result, title)
    if result.components is not None:
        drawn["components"] = lambda: components_figure(result, title)
    if result.layers is not None:
        drawn["layers"] = lambda: layers_figure(result, title)
    if result.feels is not None:
        drawn["feels"] = lambda: feels_figure(result, title)
    return drawn


def table_figure(result: ValidationResult, title: str) -> Figure:
    """Every number with its interval, its null and its verdict; each on its own scale."""
    rows = [j for j in result.findings if np.isfinite(j.finding.value)]
    figure = blank(9, 1.2 + 0.36 * max(len(rows), 1))
    axes = figure.add_subplot()
    for place, j in enumerate(rows[::-1]):
        f = j.finding
        unit = max(abs(f.counts - f.nothing), 0.05)
        at, low, high = ((x - f.nothing) * f.sign / unit for x in (f.value, f.low, f.high))
        colour = COLOURS[j.verdict]
        if np.isfinite([low, high]).all():
            axes.plot([low, high], [place, place], color=colour, lw=2)
        axes.plot(at, place, "o", color=colour, ms=5)
    axes.axvline(0, color=GREY, lw=1)
    axes.axvline(1, color=GREY, lw=1, ls=":")
    axes.set_xlim(-4, 12)
    axes.set_yticks(range(len(rows)), [WORDS[j.finding.name] for j in rows[::-1]], fontsize=SMALL)
    axes.set_xlabel(
        "from what no effect gives, in smallest effects that count (dotted)", fontsize=SMALL
    )
    for verdict, colour in COLOURS.items():
        axes.plot([], [], "o-", color=colour, label=verdict.value)
    figure.legend(loc="outside lower center", ncols=3, fontsize=SMALL)
    axes.set_title(title, fontsize=TITLE, wrap=True)
    grid(axes, "x")
    return figure


def lens_figure(result: ValidationResult, title: str) -> Figure:
    """Mean percentile of the emotions' own words, by layer."""
    assert result.lens is not None
    figure = blank(8, 4)
    axes = figure.add_subplot()
    axes.plot(result.lens.by_layer, color=BLUE, marker="o", ms=3, label="own words")
    if result.lens.ranks is not None:
        random = float(np.mean(result.lens.ranks.random))
        axes.axhline(random, color=ORANGE, ls="--", lw=1, label="random directions")
    axes.axvline(result.layer, color=GREY, ls=":", lw=1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(LAYER)
    axes.set_ylabel("percentile in the vocabulary")
    axes.set_title(f"{title}\nlogit lens", fontsize=TITLE, wrap=True)
    axes.legend(fontsize=SMALL)
    whole_layers(axes)
    grid(axes)
    return figure


def scenarios_figure(result: ValidationResult, title: str) -> Figure:
    """Both batteries: scenarios by the emotions that they mean, on the scale of the test."""
    assert result.scenarios is not None
    batteries = (result.scenarios.first, result.scenarios.second)
    figure = blank(12, 2.4 + 0.24 * max(len(b.ids) for b in batteries))
    panels = np.atleast_1d(np.array(figure.subplots(1, 2)))
    for panel, battery, words in zip(panels, batteries, ("first", "held out"), strict=True):
        _battery(panel, result.emotions, battery, words)
    figure.suptitle(f"{title}\nscenarios at the assistant colon", fontsize=TITLE)
    return figure


def _battery(panel: Axes, emotions: Sequence[str], battery: Battery, words: str) -> None:
    values = np.nan_to_num(centred(np.array(battery.readings)))
    order = list(dict.fromkeys(battery.meant)) + [e for e in emotions if e not in battery.meant]
    matrix(panel, values[:, [emotions.index(e) for e in order]], battery.ids, order)
    for row, meant in enumerate(battery.meant):
        panel.plot(order.index(meant), row, "s", mfc="none", mec="black", ms=7)
    panel.set_title(
        f"{words}: {battery.found.value:.2f} SD, p {battery.found.p:.3f}", fontsize=PANEL
    )


def matrix(panel: Axes, values: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> None:
    """A field of signed numbers with names on both sides."""
    limit = float(np.abs(values).max()) or 1.0
    panel.imshow(values, cmap=SIGNED, vmin=-limit, vmax=limit, aspect="auto")
    panel.set_xticks(range(len(columns)), columns, rotation=90, fontsize=FINE)
    panel.set_yticks(range(len(rows)), rows, fontsize=FINE)


def numbers_figure(result: ValidationResult, title: str) -> Figure:
    """Signed rho of every text and of its control."""
    assert result.numbers is not None
    templates = result.numbers.templates
    figure = blank(8, 1.6 + 0.34 * len(templates))
    axes = figure.add_subplot()
    places = np.arange(len(templates))[::-1]
    axes.plot([t.rho for t in templates], places, "o", color=BLUE, label="as named beforehand")
    axes.plot([t.control for t in templates], places, "x", color=ORANGE, label="control")
    axes.axvline(0, color=GREY, lw=1)
    axes.set_xlim(-1.05, 1.05)
    axes.set_yticks(places, [t.template for t in templates], fontsize=SMALL)
    axes.set_xlabel("mean rho with the number, signed")
    axes.set_title(f"{title}\nnumbers in texts", fontsize=TITLE, wrap=True)
    axes.legend(fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    grid(axes, "x")
    return figure


def turns_figure(result: ValidationResult, title: str) -> Figure:
    """The correlations of user's turn, colon and answer, with intervals."""
    assert result.turns is not None
    a, p = result.turns.agreement, result.turns.prediction
    rows = [
        ("user and colon", a.r, a.low, a.high),
        ("over its ceiling", a.over_ceiling, a.over_low, a.over_high),
    ]
    if p is not None:
        rows.append(("colon and answer", p.colon, p.colon_low, p.colon_high))
        rows.append(("less user and answer", p.difference, p.low, p.high))
    figure = blank(8, 3)
    axes = figure.add_subplot()
    for place, (_, value, low, high) in enumerate(rows[::-1]):
        axes.plot([low, high], [place, place], color=BLUE, lw=2)
        axes.plot(value, place, "o", color=BLUE)
    axes.axvline(0, color=GREY, lw=1)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows[::-1]], fontsize=SMALL)
    axes.set_xlabel("r over scenarios and emotions (95 %)")
    axes.set_title(f"{title}\ntwo places of a dialogue, and the answer", fontsize=TITLE, wrap=True)
    grid(axes, "x")
    return figure


def preference_figure(result: ValidationResult, title: str) -> Figure:
    """r of every emotion's reading with the scores, and the activities by score."""
    assert result.preference is not None
    p = result.preference
    figure = blank(12, 2 + 0.26 * max(len(p.emotions), len(p.activities)))
    left, right = figure.subplots(1, 2)
    for place, c in enumerate(sorted(p.emotions, key=lambda c: c.r)):
        colour = {1: GREEN, -1: ORANGE, 0: GREY}[c.sign]
        left.plot([c.low, c.high], [place, place], color=colour, lw=2)
        left.plot(c.r, place, "o", color=colour)
    names = [c.name for c in sorted(p.emotions, key=lambda c: c.r)]
    left.set_yticks(range(len(names)), names, fontsize=SMALL)
    left.axvline(0, color=GREY, lw=1)
    left.set_xlabel("r of the reading with Elo (95 % over categories)")
    left.set_title("green: pleasant, orange: unpleasant", fontsize=PANEL)
    order = np.argsort(p.scores.elo)
    right.barh(range(len(order)), [p.scores.elo[i] for i in order], color=BLUE)
    right.set_yticks(range(len(order)), [p.activities[i] for i in order], fontsize=FINE)
    right.set_xlabel("Elo")
    figure.suptitle(f"{title}\npreference between activities", fontsize=TITLE)
    return figure


def components_figure(result: ValidationResult, title: str) -> Figure:
    """Emotions on the first component."""
    assert result.components is not None
    c = result.components
    order = np.argsort(c.first)
    figure = blank(7, 1.6 + 0.26 * len(order))
    axes = figure.add_subplot()
    axes.barh(range(len(order)), [c.first[i] for i in order], color=BLUE)
    axes.set_yticks(range(len(order)), [c.emotions[i] for i in order], fontsize=SMALL)
    axes.axvline(0, color=GREY, lw=1)
    share = 100 * c.shares[0].value
    axes.set_xlabel(
        f"first component ({share:.0f} %; permuted labels {100 * c.shares[0].null:.0f} %)"
    )
    axes.set_title(f"{title}\nr with valence {c.valence:.2f}", fontsize=TITLE, wrap=True)
    return figure


def layers_figure(result: ValidationResult, title: str) -> Figure:
    """Agreement of every pair of layers, on the same and on disjoint items."""
    assert result.layers is not None
    stable = result.layers
    figure = blank(10, 5)
    names = [str(layer) for layer in stable.layers]
    for panel, values, words in zip(
        figure.subplots(1, 2),
        (stable.same, stable.disjoint),
        ("same items", "disjoint items"),
        strict=True,
    ):
        matrix(panel, np.nan_to_num(np.array(values)), names, names)
        panel.set_title(words, fontsize=PANEL)
    figure.suptitle(f"{title}\nrho of the RDMs of layers", fontsize=TITLE)
    return figure


def feels_figure(result: ValidationResult, title: str) -> Figure:
    """Shift of every word under every vector."""
    assert result.feels is not None
    f = result.feels
    figure = blank(3 + 0.3 * len(f.emotions), 3 + 0.28 * len(f.emotions))
    axes = figure.add_subplot()
    matrix(axes, np.nan_to_num(centred(np.array(f.shifts))), f.emotions, f.emotions)
    axes.set_xlabel("word", fontsize=SMALL)
    axes.set_ylabel("vector", fontsize=SMALL)
    axes.set_title(f"{title}\n{f.found.value:.2f} SD on the diagonal", fontsize=TITLE, wrap=True)
    return figure

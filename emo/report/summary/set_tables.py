"""The models on the bundled sets: tables and a figure of how a geometry fades with explicitness."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from emo.core.compare.cross_model import ModelRun
from emo.core.compare.leaving_out import LeavingOut, ceilings, mean_over_pairs
from emo.core.compare.likeness import likeness
from emo.core.criterion_search import verdict_of
from emo.core.stats.intervals import Estimates
from emo.report.drawing import in_legend
from emo.report.style import MARKERS, PANEL, SERIES, SMALL, blank, grid
from emo.report.summary.parts import Drawn, draw_or_say_why
from emo.report.summary.several import with_rows
from emo.report.table import Entry, Interval, Table, data_table
from emo.summary.assemble import Summary
from emo.summary.sets import AcrossSets, OnSet, Sets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = ("reliability", "accuracy, nested", "valence rho")
"""The measures that the figure shows of every model."""


def set_table(s: Summary) -> list[Table]:
    """One row per set and model: what its geometry shows there."""
    table = Table(
        "sets",
        "Every model on every set of passages",
        "At the layer that job.summarize.layer chooses on that set. Nested: the layer is chosen by "
        "accuracy on other situations. Valence: Spearman of the RDM with that of pleasant and "
        "unpleasant emotions, at layers chosen on other situations, beside the line that 95 % of such "
        "searches stay under when the emotions are permuted.",
        (
            *("set", "model", "layer", "reliability", "accuracy", "accuracy, nested"),
            *("valence rho", "valence line", "valence"),
        ),
        tuple((x.name, *_measured(m)) for x in s.sets.on for m in x.models),
        key=("set", "model", "layer", "reliability", "accuracy", "accuracy, nested", "valence rho"),
        names=2,
    )
    return with_rows(table)


def _measured(m: ModelRun) -> tuple[Entry, ...]:
    chosen = None if m.descriptors.valence is None else m.descriptors.valence.chosen
    return (
        m.name,
        m.layer,
        *_numbers(m).values(),
        None if chosen is None else chosen.line,
        verdict_of(m.descriptors.valence).value,
    )


def _numbers(m: ModelRun) -> dict[str, float | None]:
    """What a model's geometry shows on a set, by the name of the measure."""
    d, nested = m.descriptors, m.descriptors.nested.get("accuracy")
    chosen = None if d.valence is None else d.valence.chosen
    curves = {"reliability": d.curves.get("reliability"), "accuracy": d.curves.get("accuracy")}
    return {
        **{k: None if curve is None else float(curve[m.layer]) for k, curve in curves.items()},
        "accuracy, nested": None if nested is None else nested.accuracy,
        "valence rho": None if chosen is None else chosen.other,
    }


def set_agreement_table(s: Summary) -> list[Table]:
    """One row per set: what the models agree in there, on different situations."""
    margin = s.config.job.summarize.margin
    table = Table(
        "set_agreement",
        "Agreement between models by set",
        "Means over the pairs of models. Disjoint: the two sides share no situation. Over ceiling: "
        f"95 % interval over situations; the last column holds it against {margin:g}.",
        ("set", "models", "rho, disjoint", "ceiling", "over ceiling", "what that says"),
        tuple(
            (x.name, len(x.models), *_over_pairs(x.agreement, margin))
            for x in s.sets.on
            if x.agreement is not None
        ),
    )
    return with_rows(table)


def _over_pairs(agreement: LeavingOut, margin: float) -> tuple[Entry, ...]:
    ceiling = mean_over_pairs(np.nan_to_num(ceilings(agreement.whole)))
    quotient = agreement.over_ceiling()
    return _judged(float(mean_over_pairs(agreement.whole)), float(ceiling), quotient, margin)


def _judged(rho: float, ceiling: float, over: Estimates, margin: float) -> tuple[Entry, ...]:
    return rho, ceiling, Interval.of(over), likeness(over, margin).value


def across_sets_table(s: Summary) -> list[Table]:
    """One row per model and pair of sets: whether it has one geometry on both."""
    margin = s.config.job.summarize.margin
    table = Table(
        "across_sets",
        "One model on two sets",
        "Same situations: each situation stands in both sets, told in other words or another "
        "language. Disjoint: the two sides share no situation either. Over ceiling: 95 % interval over "
        f"situations; the last column holds it against {margin:g}.",
        (
            *("model", "sets", "rho, same situations", "rho, disjoint", "ceiling", "over ceiling"),
            "what that says",
        ),
        tuple(row for x in s.sets.across for row in _pairs_of_sets(x, margin)),
    )
    return with_rows(table)


def _pairs_of_sets(x: AcrossSets, margin: float) -> Iterator[tuple[Entry, ...]]:
    whole, over = x.agreement.whole, x.agreement.disattenuated()
    ceiling = ceilings(whole)
    for i, j in zip(*np.triu_indices(len(x.sets), 1), strict=True):
        both = f"{x.sets[i]} and {x.sets[j]}"
        judged = _judged(float(whole[i, j]), float(ceiling[i, j]), over[int(i), int(j)], margin)
        yield x.model, both, float(x.same[i, j]), *judged


def fading(s: Summary) -> list[Drawn]:
    """What is left of a geometry as passages become less explicit, if there are several sets."""
    if not s.sets.on:
        return []
    return [
        draw_or_say_why(
            "fig_sets",
            "Named, shown, implied",
            "Each point is one model on one set of passages; the numbers are those of the tables "
            "below. Valence: at layers chosen on other situations. Agreement: disjoint rho of all "
            "models over its ceiling, with the 95 % interval over situations.",
            lambda: _draw(s.sets),
            tuple(m.run_id for x in s.sets.on for m in x.models),
        )
    ]


def _draw(sets: Sets) -> tuple[Figure, Table]:
    names = [x.name for x in sets.on]
    with_agreement = [x for x in sets.on if x.agreement is not None]
    n = len(PANELS) + bool(with_agreement)
    figure = blank(3.2 * n, 3.2)
    panels = figure.subplots(1, n, squeeze=False)[0]
    models = list(dict.fromkeys(m.name for x in sets.on for m in x.models))
    rows: list[tuple[Entry, ...]] = []
    for panel, measure in zip(panels, PANELS, strict=False):
        for number, model in enumerate(models):
            values = [_value(x, model, measure) for x in sets.on]
            color, marker = SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]
            panel.plot(names, values, color=color, marker=marker, label=in_legend(model))
            rows += [(measure, n, model, v) for n, v in zip(names, values, strict=True)]
        panel.set_title(measure, fontsize=PANEL)
    if with_agreement:
        rows += _draw_agreement(panels[-1], with_agreement)
    for panel in panels:
        panel.axhline(0, color="black", linewidth=0.5)
        panel.tick_params(labelsize=SMALL)
        grid(panel)
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=4, fontsize=SMALL)
    return figure, data_table(("measure", "set", "model", "value"), rows)


def _value(x: OnSet, model: str, measure: str) -> float:
    """A model's number on a set, NaN where there is none."""
    numbers = [_numbers(m)[measure] for m in x.models if m.name == model]
    return math.nan if not numbers or numbers[0] is None else numbers[0]


def _draw_agreement(panel: Axes, sets: list[OnSet]) -> list[tuple[Entry, ...]]:
    rows: list[tuple[Entry, ...]] = []
    for x in sets:
        assert x.agreement is not None
        over = x.agreement.over_ceiling()
        low, value, high = (float(b) for b in (over.low, over.value, over.high))
        bars = [[value - low], [high - value]] if np.isfinite([low, high]).all() else None
        panel.errorbar([x.name], [value], yerr=bars, fmt="o", color="black")
        rows.append(("agreement over ceiling", x.name, "all", value))
    panel.set_title("agreement over ceiling", fontsize=PANEL)
    return rows

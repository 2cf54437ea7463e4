"""The six figures of a summary: which there are, what their captions say, and why one is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emo.core.compare.cross_model import Universality
from emo.report.drawing import Failure, attempt, rehearsed
from emo.report.summary import drawings as draw
from emo.report.table import Table
from emo.summary.assemble import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OF_PAIRS = ("fig1_rdm_of_rdms", "fig4_base_instruct", "fig6_surviving")
"""Figures of several models."""


@dataclass(frozen=True)
class Drawn:
    """A figure, or the reason why there is none."""

    name: str
    title: str
    caption: str
    figure: Figure | None
    data: Table | None
    run_ids: tuple[str, ...]
    failure: str = ""
    """Why a figure that should be there could not be drawn."""


def figure_or_failure(
    name: str,
    title: str,
    caption: str,
    draw: Callable[[], tuple[Figure, Table]],
    run_ids: tuple[str, ...],
) -> Drawn:
    """The figure with the data behind it, or why it could not be drawn."""

    def both() -> tuple[Figure, Table]:
        figure, data = draw()
        return rehearsed(figure), data

    made = attempt(both)
    if isinstance(made, Failure):
        words = f"Could not be drawn: {made.reason}."
        return Drawn(name, title, words, None, None, run_ids, made.reason)
    return Drawn(name, title, caption, *made, run_ids)


def figures(s: Summary) -> list[Drawn]:
    """All six, in the order of the report; without a second model those that need none."""
    ids = tuple(m.run_id for m in s.models)
    story = tuple(r.run_id for t in s.tables for r in t.runs.values())
    many = s.cross_model is not None
    pairs = bool(s.cross_model and s.cross_model.base_instruct())
    made: list[
        tuple[str, str, str, bool, Callable[[], tuple[Any, Table]], str, tuple[str, ...]]
    ] = [
        (
            "fig1_rdm_of_rdms",
            "Every model with every other",
            "Spearman rho of the models' RDMs. Left: all models on the same passages. Right: one model "
            "on one half of the passages, the other on the other half, mean over random halves; its "
            "diagonal is a model with itself. A pair with a model of anisotropy above 0.95 is marked *.",
            many,
            lambda: draw.rdm_of_rdms(_study(s)),
            "Not drawn: there is no cross-model study.",
            ids,
        ),
        (
            "fig2_layers",
            "Layer sweep",
            "Left: the published criterion, mean pairwise cosine of the centred emotion vectors; "
            "dashed, the value that centring alone pins it to. Right: split-half reliability. Open "
            "markers: the layer each criterion chooses.",
            bool(s.models),
            lambda: draw.layer_sweep(s),
            "Not drawn: no comprehension run.",
            ids,
        ),
        (
            "fig3_size",
            "Size and descriptors",
            "Each descriptor at the model's published best layer against the width of the model. "
            "Filled: instruct; open: base. Dashed: above it cosines are unreliable.",
            bool(s.models),
            lambda: draw.sizes(s),
            "Not drawn: no comprehension run.",
            ids,
        ),
        (
            "fig4_base_instruct",
            "Base and instruct",
            "Rho between a base model and its instruct version with 95 % intervals over items, on the "
            "same and on disjoint passages, and what tuning changes in anisotropy.",
            pairs,
            lambda: draw.base_instruct(_study(s)),
            "Not drawn: no base and instruct model of one family and size among the runs.",
            ids,
        ),
        (
            "fig5_four_layers",
            "Four layers",
            "Post-centred rho of every contrast with 95 % intervals over items (over emotions where a "
            "side has no items to draw from: thin). Square: rho on disjoint halves, where both "
            "sides have the same items. Triangle: what replicates would give, where the verdict rests "
            "on it. Hollow: raw centring.",
            any(t.table.rows for t in s.tables),
            lambda: draw.four_layers(s.tables),
            "Not drawn: no two conditions of one model are logged; the commands below make them.",
            story,
        ),
        (
            "fig6_surviving",
            "What survives other passages",
            "For every pair of models, left: rho on all passages, and with the passages' surface held "
            "fixed; right, on half as many: both models on the same half, each on another half, and the "
            "ceiling that reliability sets to the latter. Bars: means.",
            many,
            lambda: draw.surviving(_study(s)),
            "Not drawn: there is no cross-model study.",
            ids,
        ),
    ]
    out = []
    for name, title, caption, there, make, reason, runs in made:
        if not many and name in OF_PAIRS:  # the headline says why
            continue
        out.append(
            figure_or_failure(name, title, caption, make, runs)
            if there
            else Drawn(name, title, reason, None, None, runs)
        )
    return out


def _study(s: Summary) -> Universality:
    assert s.cross_model is not None
    return s.cross_model

"""The numbered figures of the report: when each is drawn, and its caption."""

from __future__ import annotations

from emo.core.flags import FLAGGED_ANISOTROPY
from emo.reference import shared_geometry
from emo.report.summary import cross_model_drawings, drawings
from emo.report.summary.parts import Drawn, draw_or_say_why, not_drawn
from emo.summary.assemble import Summary

NO_RUN = "there is no comprehension run"
SEVERAL = 3
"""The fewest models of which figures show how models scatter."""


def rdm_of_rdms(s: Summary) -> list[Drawn]:
    """Figure 1, from three models on: rho of every model with every other."""
    u = s.cross_model
    if u is None or len(u.models) < SEVERAL:
        return []
    return [
        draw_or_say_why(
            "fig1_rdm_of_rdms",
            "Every model with every other",
            "Spearman rho of the models' RDMs. Left: all models read the same passages. Right: one "
            "model reads one half of the passages and the other model the other half, mean over "
            "random halves; the diagonal compares a model with itself. An asterisk marks a pair in "
            f"which a model has the published flag: raw anisotropy above {FLAGGED_ANISOTROPY}.",
            lambda: cross_model_drawings.rdm_of_rdms(u),
            _model_runs(s),
        )
    ]


def layer_sweep(s: Summary) -> list[Drawn]:
    """Figure 2: two criteria of the best layer against depth."""
    name, title = "fig2_layers", "Layer sweep"
    if not s.models:
        return [not_drawn(name, title, NO_RUN)]
    return [
        draw_or_say_why(
            name,
            title,
            "Left: the published criterion, the mean pairwise cosine of the centred emotion "
            "vectors; the dashed line is the value to which centring alone pins it. Right: "
            "split-half reliability. Open markers: the layer that each criterion chooses.",
            lambda: drawings.layer_sweep(s),
            _model_runs(s),
        )
    ]


def sizes(s: Summary) -> list[Drawn]:
    """Figure 3, from three models on: descriptors against the width of the model."""
    if len(s.models) < SEVERAL:
        return []
    return [
        draw_or_say_why(
            "fig3_size",
            "Size and descriptors",
            "Each descriptor at the model's published best layer against the width of the model. "
            "Filled: instruct; open: base. Dashed line: the published flag, raw anisotropy above "
            f"{FLAGGED_ANISOTROPY}.",
            lambda: drawings.sizes(s),
            _model_runs(s),
        )
    ]


def base_instruct(s: Summary) -> list[Drawn]:
    """Figure 4, if there are several models: base models with their instruct versions."""
    u = s.cross_model
    if u is None:
        return []
    name, title = "fig4_base_instruct", "Base and instruct"
    if not u.base_instruct():
        return [
            not_drawn(
                name, title, "these runs have no base and instruct model of one family and size"
            )
        ]
    return [
        draw_or_say_why(
            name,
            title,
            "Left: rho between a base model and its instruct version, on the same and on disjoint "
            "passages, with 95 % intervals over items. Right: the anisotropy of both, that is, what "
            "tuning changes in it.",
            lambda: cross_model_drawings.base_instruct(u),
            _model_runs(s),
        )
    ]


def four_layers(s: Summary) -> list[Drawn]:
    """Figure 5: rho of every contrast of the four layers."""
    name, title = "fig5_four_layers", "Four layers"
    if not any(t.table.rows for t in s.tables):
        return [
            not_drawn(
                name,
                title,
                "no model has two logged conditions; the commands below make them",
            )
        ]
    return [
        draw_or_say_why(
            name,
            title,
            "Post-centred rho per contrast. What replicates would give is shown where the verdict "
            f"rests on it. Grey, for comparison only: {shared_geometry().source.split(': ')[0]}, whose "
            "models and passages are others.",
            lambda: drawings.four_layers(s.tables),
            tuple(run.run_id for t in s.tables for run in t.runs.values()),
        )
    ]


def surviving(s: Summary) -> list[Drawn]:
    """Figure 6, from three models on: how much of their agreement other passages leave."""
    u = s.cross_model
    if u is None or len(u.models) < SEVERAL:
        return []
    return [
        draw_or_say_why(
            "fig6_surviving",
            "What survives other passages",
            "One line per pair of models: rho on all passages; on half as many, rho with both "
            "models on the same half, rho with each model on another half, and the ceiling that "
            "reliability sets to the latter. The fall from the same half to the ceiling is the "
            "noise of so few passages; only what disjoint rho lacks of its ceiling is disagreement. "
            "Bars: means.",
            lambda: cross_model_drawings.surviving(u),
            _model_runs(s),
        )
    ]


def _model_runs(s: Summary) -> tuple[str, ...]:
    return tuple(m.run_id for m in s.models)

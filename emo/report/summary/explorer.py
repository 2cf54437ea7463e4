"""The report's interactive figure: RDM, map and curves of a model and layer that the reader chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emo.core.compare.cross_model import ModelRun
from emo.core.records import EmotionVectors
from emo.report.pages.comprehension import geometry_of
from emo.report.pages.geometry import Geometry, geometry_data, shown_layers
from emo.report.pages.page import fragment
from emo.stimuli.poles import load_poles
from emo.summary.assemble import Summary

MOST_COSINES = 1_200_000
"""Cosines of all models together: a few megabytes of HTML."""


@dataclass(frozen=True)
class Explorer:
    """What the report shows on a screen in place of its pictures."""

    html: str
    data: list[dict[str, Any]]
    """Per model, what the script draws from."""
    left_out: tuple[str, ...]
    """Models that did not fit into the page."""


def explorer(s: Summary) -> Explorer | None:
    """The models of a summary at every layer; None where none has vectors of all layers."""
    own = s.config.stimuli.poles
    poles = load_poles(None if own is None else s.config.path(own))
    kind = str(s.config.stimuli.label)
    shown: list[Geometry] = []
    left_out: list[str] = []
    cosines = 0
    for model in s.models:
        if model.span is None:
            continue
        g = _geometry(model, model.span, poles.of(model.span.emotions), kind)
        n = len(g.vectors.emotions)
        cosines += len(shown_layers(g)) * n * (n - 1) // 2
        if shown and cosines > MOST_COSINES:
            left_out.append(model.name)
        else:
            shown.append(g)
    if not shown:
        return None
    thinned = sum(len(g.layers) - len(shown_layers(g)) for g in shown)
    html = fragment("geometry_drawn.html", kind=kind, thinned=thinned, models=len(shown))
    return Explorer(html, [geometry_data(g) for g in shown], tuple(left_out))


def _geometry(
    model: ModelRun, vectors: EmotionVectors, poles: dict[str, float], kind: str
) -> Geometry:
    return geometry_of(model.descriptors, vectors, poles, kind, model.name)

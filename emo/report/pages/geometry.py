"""The section of a run's geometry: layer slider, RDM, map and curves, with tables for all layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.geometry.maps import followed_maps
from emo.core.geometry.ordering import cluster_order
from emo.core.records import Bounds, EmotionVectors, LabelNull
from emo.report.pages.page import Section, fragment, packed

MOST_COSINES = 300_000
"""Cosines of all pairs and layers in one page; of more, every second, third, ... layer is shown."""
SCALE = 10_000
"""A cosine is kept as a whole number of ten-thousandths."""
DIGITS = 5
"""Decimals of the values of curves."""


@dataclass(frozen=True)
class Curve:
    """One panel: a value per layer, and what it is read against."""

    name: str
    title: str
    values: Float[np.ndarray, " layer"]
    colour: str = "blue"
    """Name of a colour in look.css."""
    interval: Bounds | None = None
    null: LabelNull | None = None
    line: tuple[float, str] | None = None
    """A constant to compare with, and its name."""


@dataclass(frozen=True)
class Choice:
    """A layer that a criterion chose, with its 95 % interval where there is one."""

    words: str
    layer: int
    low: int | None = None
    high: int | None = None
    curve: str = ""
    """The curve that the criterion looks at."""
    elsewhere: Mapping[str, float | None] = field(default_factory=dict)
    """What layers so chosen on half of the texts show on the other half, by the name of the measure."""


@dataclass(frozen=True)
class Geometry:
    """What the section shows."""

    vectors: EmotionVectors
    layers: Sequence[int]
    """Those with finite values."""
    start: int
    """The layer that is shown first."""
    curves: Sequence[Curve]
    choices: Sequence[Choice]
    cards: Mapping[str, str]
    """Curve -> what its value says, for the row of large numbers."""
    poles: Mapping[str, float] = field(default_factory=dict)
    """1 pleasant, -1 unpleasant, 0 neither."""
    kind: str = "emotion"
    """What the vectors are of."""
    model: str = ""
    """Which model's; empty where the page has one."""


def shown_layers(g: Geometry) -> list[int]:
    """The layers of the slider: all finite ones, or so many as a page can hold."""
    n = len(g.vectors.emotions)
    most = max(1, MOST_COSINES // max(1, n * (n - 1) // 2))
    step = -(-len(g.layers) // most)
    kept = {g.start, *(c.layer for c in g.choices)} if step > 1 else set()
    return [x for i, x in enumerate(g.layers) if i % step == 0 or x in kept]


def geometry_section(g: Geometry) -> Section:
    """RDM, map and curves at a layer that the reader chooses; tables for who has no JavaScript."""
    layers = shown_layers(g)
    html = fragment(
        "geometry.html",
        kind=g.kind,
        thinned=len(g.layers) - len(layers),
        models=0,
        curves=g.curves,
        chosen_columns=["at the layer", *(c.words for c in g.choices)],
        chosen_rows=_chosen_rows(g),
        layer_columns=["layer", *(c.title for c in g.curves)],
        layer_rows=[[str(x), *(float(c.values[x]) for c in g.curves)] for x in g.layers],
    )
    return Section("Geometry, layer by layer", html, [geometry_data(g)], "geometry")


def geometry_data(g: Geometry) -> dict[str, Any]:
    """What the script draws RDM, map and curves from."""
    layers = shown_layers(g)
    cosines = np.array([upper(cosine_matrix(g.vectors.values[layer])) for layer in layers])
    cosines = np.nan_to_num(cosines)
    maps = followed_maps(g.vectors, layers)
    return {
        "model": g.model,
        "kind": g.kind,
        "emotions": g.vectors.emotions,
        "poles": [g.poles.get(e) for e in g.vectors.emotions],
        "layers": layers,
        "start": g.start,
        "order": cluster_order(cosine_matrix(g.vectors.values[g.start])),
        "scale": SCALE,
        "cosines": packed(np.round(cosines * SCALE).astype(np.int16)),
        "points": np.round(maps.points, 4),
        "share": np.round(maps.share, 4),
        "curves": [_curve(c) for c in g.curves],
        "choices": [{k: v for k, v in vars(c).items() if k != "elsewhere"} for c in g.choices],
        "cards": dict(g.cards),
    }


def _chosen_rows(g: Geometry) -> list[list[Any]]:
    """One row per measure, one column per criterion."""
    intervals = [None if c.low is None else f"{c.low} to {c.high}" for c in g.choices]
    return [
        ["layer", *(c.layer for c in g.choices)],
        ["95 % of bootstrap replicates", *intervals],
        *([c.title, *(float(c.values[x.layer]) for x in g.choices)] for c in g.curves),
        *(
            [f"{name}, chosen on other texts", *(c.elsewhere.get(name) for c in g.choices)]
            for name in dict.fromkeys(name for c in g.choices for name in c.elsewhere)
        ),
    ]


def _curve(c: Curve) -> dict[str, Any]:
    def digits(values: Float[np.ndarray, " layer"]) -> np.ndarray:
        return np.round(values, DIGITS)

    out: dict[str, Any] = {
        "name": c.name,
        "title": c.title,
        "colour": c.colour,
        "values": digits(c.values),
        "line": c.line,
    }
    if c.interval is not None:
        out["interval"] = [digits(c.interval.low), digits(c.interval.high)]
    if c.null is not None:
        out["null"] = [digits(c.null.low), digits(c.null.high)]
        out["p"] = digits(c.null.p)
    return out

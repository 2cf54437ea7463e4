"""The planted worlds of the truth benchmark: what is true in each, and how studies are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmarks.planted_studies import (
    ALIKE,
    SAME_P,
    SHOWN,
    Ablated,
    Rounded,
    Study,
    SurfaceOnly,
    TwoModels,
)


@dataclass(frozen=True)
class World:
    """One planted truth, and how studies are drawn from it."""

    name: str
    truth: str
    study: Callable[[np.random.Generator], Study]
    before: Mapping[str, str] = field(default_factory=dict)


FORTY_SIX = 0.8
"""Correlation of the vectors at which their RDMs correlate about 0.46."""

WORLDS = (
    World(
        "no geometry, shared noise",
        "nothing is shared",
        TwoModels(geometry=0, shared=3.0),
        {SAME_P: "wrong 1.00 as evidence of shared geometry"},
    ),
    World("no geometry, own noise", "nothing is shared", TwoModels(geometry=0, own=3.0)),
    World(
        "unrelated, noise 0.5",
        "unrelated",
        TwoModels(alike=0, own=0.5, shared=0.5),
        {SHOWN: "wrong 0.24 to 0.38 (reliability 0.96 to 0.99)"},
    ),
    World(
        "unrelated, noise 1",
        "unrelated",
        TwoModels(alike=0),
        {SHOWN: "wrong 0.14 (reliability 0.89)"},
    ),
    World("unrelated, noise 2", "unrelated", TwoModels(alike=0, own=2.0), {SHOWN: "wrong 0.015"}),
    World("unrelated, noise 3.5", "unrelated", TwoModels(alike=0, own=3.5), {SHOWN: "wrong 0.00"}),
    World("unrelated, one direction dominates", "unrelated", TwoModels(alike=0, dominant=10.0)),
    World("identical, noise 1", "rho 1", TwoModels(), {ALIKE: "made 0.995"}),
    World("identical, noise 2.5", "rho 1", TwoModels(own=2.5)),
    World("identical, 3 situations", "rho 1", TwoModels(situations=(3, 3))),
    World("identical, 96 situations", "rho 1", TwoModels(own=4.0, situations=(96, 96))),
    World("identical, constant in one model", "rho 1", TwoModels(offset=50.0)),
    World(
        "identical, uneven counts, no situations",
        "rho 1",
        TwoModels(situations=(8, 8), declared=False),
    ),
    World("partly alike, noise 1", "rho about 0.46", TwoModels(alike=FORTY_SIX)),
    World("partly alike, noise 3.5", "rho about 0.46", TwoModels(alike=FORTY_SIX, own=3.5)),
    World(
        "partly alike, items of their own, noise 1",
        "rho about 0.46",
        TwoModels(alike=FORTY_SIX, situations=(24, 5), apart=True),
        {ALIKE: "wrong 0.03 (reliability 0.7)"},
    ),
    World(
        "partly alike, items of their own, noise 3",
        "rho about 0.46",
        TwoModels(alike=FORTY_SIX, own=3.0, situations=(24, 5), apart=True),
        {ALIKE: "wrong 0.50; 0.18 were called no agreement (reliability 0.3 to 0.4)"},
    ),
    World("identical, items of their own", "rho 1", TwoModels(situations=(24, 5), apart=True)),
    World(
        "unrelated, items of their own",
        "unrelated",
        TwoModels(alike=0, situations=(24, 5), apart=True),
    ),
    World(
        "two models hold the surface only",
        "nothing but the surface",
        SurfaceOnly(),
        {"agreement beyond the surface is shown": "partial rho 0.77 to 0.89, was to be 0.05"},
    ),
    World("surface and a geometry", "a geometry besides", SurfaceOnly(geometry=1.0)),
    World("precision, rounding only", "no change", Rounded()),
    World("precision, much rounding only", "no change", Rounded(rounding=1.5)),
    World("precision, changed weights", "another geometry", Rounded(changed=0.6)),
    World(
        "ablation, nothing has an effect",
        "no effect",
        Ablated(),
        {"a sub-parameter without effect is told from noise": "wrong 0.84 to 0.96"},
    ),
    World("ablation, one rewriting factor has an effect", "one effect", Ablated(moved=0)),
    World("ablation, one reading factor has an effect", "one effect", Ablated(moved=2)),
)

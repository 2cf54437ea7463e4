"""Emotion geometry of language models, and which of its numbers can be trusted.

``RUN_ID`` is the id that a command prints at its end; its first four characters will do.

Examples
--------
>>> import emo
>>> a, b = emo.load_run(RUN_ID), emo.load_run(OTHER_RUN_ID)
>>> a.vectors.emotions
('afraid', 'calm', 'happy', 'proud', 'sad')
>>> round(emo.compare(a, b).rho, 2)  # the two differ in their seed only
1.0
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emo.api import (
        LoadedRun,
        ReadTexts,
        RunComparison,
        RunRdm,
        Runs,
        RunVectors,
        SteeredText,
        compare,
        load_run,
        run,
        runs,
    )
    from emo.bundle.verifying import verify
    from emo.config.resolve import compose

__all__ = [
    "LoadedRun",
    "ReadTexts",
    "RunComparison",
    "RunRdm",
    "RunVectors",
    "Runs",
    "SteeredText",
    "compare",
    "compose",
    "load_run",
    "run",
    "runs",
    "verify",
]

HOMES = {
    "LoadedRun": "emo.api.loaded",
    "ReadTexts": "emo.api.reading",
    "RunComparison": "emo.api.comparing",
    "RunRdm": "emo.api.geometry",
    "RunVectors": "emo.api.geometry",
    "Runs": "emo.api.finding",
    "SteeredText": "emo.api.steered",
    "compare": "emo.api.comparing",
    "compose": "emo.config.resolve",
    "load_run": "emo.api.finding",
    "run": "emo.api.running",
    "runs": "emo.api.finding",
    "verify": "emo.bundle.verifying",
}
"""Where each public name is defined. It is imported at its first use: importing emo costs nothing."""


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(importlib.import_module(HOMES[name]), name)
    raise AttributeError(f"module 'emo' has no attribute {name!r}")

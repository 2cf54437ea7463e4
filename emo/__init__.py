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
    from emo.api import LoadedRun, compare, load_run
    from emo.bundle.verifying import verify
    from emo.config.resolve import compose

__all__ = ["LoadedRun", "compare", "compose", "load_run", "verify"]

HOMES = {
    "LoadedRun": "emo.api",
    "compare": "emo.api",
    "compose": "emo.config.resolve",
    "load_run": "emo.api",
    "verify": "emo.bundle.verifying",
}
"""Where each public name is defined. It is imported at its first use: importing emo costs nothing."""


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return getattr(importlib.import_module(HOMES[name]), name)
    raise AttributeError(f"module 'emo' has no attribute {name!r}")

"""Emotion geometry of language models, and which of its numbers can be trusted.

>>> import emo
>>> a, b = emo.load_run("RUN_ID"), emo.load_run("OTHER_RUN_ID")
>>> emo.compare(a, b).rho
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emo.api import LoadedRun, compare, load_run
    from emo.config.resolve import compose

__all__ = ["LoadedRun", "compare", "compose", "load_run"]


def __getattr__(name: str) -> Any:
    """Load on first use, so that importing the package costs nothing."""
    import importlib

    if name in ("LoadedRun", "compare", "load_run"):
        return getattr(importlib.import_module("emo.api"), name)
    if name == "compose":
        return importlib.import_module("emo.config.resolve").compose
    raise AttributeError(f"module 'emo' has no attribute {name!r}")

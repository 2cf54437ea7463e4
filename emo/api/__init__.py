"""Logged runs in a notebook: find them, look at vectors and RDMs, compare, read, steer."""

from __future__ import annotations

from emo.api.comparing import RunComparison, compare
from emo.api.finding import Runs, load_run, runs
from emo.api.geometry import RunRdm, RunVectors
from emo.api.loaded import LoadedRun
from emo.api.reading import ReadTexts
from emo.api.running import run
from emo.api.steered import SteeredText

__all__ = [
    "LoadedRun",
    "ReadTexts",
    "RunComparison",
    "RunRdm",
    "RunVectors",
    "Runs",
    "SteeredText",
    "compare",
    "load_run",
    "run",
    "runs",
]

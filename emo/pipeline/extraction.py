"""Emotion vectors of a configuration, by the method it names."""

from __future__ import annotations

from typing import Any, assert_never

from emo.config.enums import MethodName
from emo.config.schema import RunConfig
from emo.pipeline import comprehension, generation
from emo.runs.job import EnsuredRun


def ensure_extraction(config: RunConfig) -> EnsuredRun[Any]:
    """The finished run of job=extract for a config; it is made where there is none.

    Raises
    ------
    EmoError
        If it cannot be made.
    """
    match config.method.name:
        case MethodName.comprehension:
            return comprehension.run(config)
        case MethodName.generation:
            return generation.run(config)
        case method:
            assert_never(method)

"""Emotion vectors of a configuration, by the method it names: the finished run, or a new one."""

from __future__ import annotations

from typing import assert_never

from emo.config.enums import MethodName
from emo.config.schema import RunConfig
from emo.pipeline import comprehension, generation
from emo.runs.outcome import Outcome


def run(config: RunConfig) -> Outcome:
    """Extract, or find the finished run with the same fingerprint."""
    match config.method.name:
        case MethodName.comprehension:
            return comprehension.run(config)
        case MethodName.generation:
            return generation.run(config)
        case method:
            assert_never(method)

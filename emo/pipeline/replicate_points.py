"""Settings with what their replicates are measured on: all texts there are of a setting's kind.

The number of samples changes how noisy a geometry is, not which geometry it is: so a setting is
compared with the reference on the texts of the larger number, which are written in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from emo.config.enums import Decoding
from emo.config.schema import SubparamsConfig
from emo.core.conditions.replicates import Point
from emo.core.geometry.item_sets import ItemSet
from emo.errors import ConfigError
from emo.generation.stories import most_texts
from emo.stimuli.prompts import PromptSet

LEAST_SAMPLES = 2
"""Samples per emotion that are written at least: one text has no replicate."""


@dataclass(frozen=True)
class Replicated:
    """A setting, and the settings whose texts stand for it and for its replicates."""

    setting: SubparamsConfig
    whole: SubparamsConfig
    """The same with all samples that are written."""
    like: SubparamsConfig | None
    """The same, sampled, where greedy decoding of one prompt has a single text."""

    @classmethod
    def of(cls, sub: SubparamsConfig, prompts: PromptSet, samples: int) -> Replicated:
        """``samples`` are written per emotion."""
        whole = replace(sub, samples=samples)
        single = most_texts(prompts, whole) < 2
        return cls(sub, whole, replace(whole, decoding=Decoding.sampled) if single else None)

    @property
    def settings(self) -> tuple[SubparamsConfig, ...]:
        """All that have to be evaluated."""
        return (self.setting, self.whole, *(() if self.like is None else (self.like,)))

    def point(self, sets: Mapping[SubparamsConfig, ItemSet]) -> Point:
        """The data sets of the texts that are measured."""
        return Point(sets[self.whole], None if self.like is None else sets[self.like])


def needed(points: Sequence[Replicated]) -> list[SubparamsConfig]:
    """Every setting that has to be evaluated, each once, the points' own first."""
    settings = [p.setting for p in points]
    return list(dict.fromkeys([*settings, *(sub for p in points for sub in p.settings)]))


def check_reference(reference: Replicated, prompts: PromptSet) -> None:
    """Refuse a reference with one text per emotion: nothing could be compared with its replicate.

    Raises
    ------
    ConfigError
        Naming the prompts.
    """
    if reference.like is not None:
        raise ConfigError(
            "subparams.prompts_path",
            prompts.source,
            "prompts of which the reference has two: greedy decoding of one prompt is one text, which "
            "has no replicate to be compared with",
        )

"""Requests and generated texts: which are asked for, their weights, how many differ."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import assert_never

import numpy as np

from emo.config.enums import Decoding
from emo.errors import ConfigError


class Finish(Enum):
    """Why a text ends: an end-of-text token, the token budget, or (if steered) an overflow."""

    eos = "eos"
    length = "length"
    overflow = "overflow"


@dataclass(frozen=True)
class Sampling:
    """Settings of nucleus sampling (Holtzman et al. 2020, arXiv:1904.09751).

    The nucleus is the fewest most likely tokens whose probability reaches ``top_p``. The temperature is
    applied before, as in transformers. None in the place of this record means greedy decoding.
    """

    temperature: float = 0.7
    top_p: float = 0.9

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ConfigError(
                "subparams.temperature", self.temperature, "a value above 0 (or greedy decoding)"
            )
        if not 0 < self.top_p <= 1:
            raise ConfigError("subparams.top_p", self.top_p, "a value above 0, at most 1")


@dataclass(frozen=True)
class Request:
    """One text to generate. ``sample`` numbers the samples of one prompt; greedy texts have 0."""

    prompt: tuple[int, ...]
    sample: int = 0

    @property
    def digest(self) -> str:
        """Digest of the prompt's token ids; it names the random stream."""
        return hashlib.sha256(np.array(self.prompt, dtype=np.int64).tobytes()).hexdigest()


@dataclass(frozen=True)
class Order:
    """A text to generate, and how it is decoded."""

    request: Request
    budget: int
    """Most tokens of the text."""
    sampling: Sampling | None
    """None: greedy."""
    seed: int = 0


@dataclass(frozen=True)
class Generated:
    """A generated text.

    ``tokens`` are the generated ids that ``generate`` of transformers returns for one sequence: with the
    end-of-text token that ended it, without padding.
    """

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    finish: Finish

    @property
    def ids(self) -> tuple[int, ...]:
        """The whole sequence."""
        return self.prompt + self.tokens

    def truncated(self, max_new_tokens: int) -> Generated:
        """The text that a budget of ``max_new_tokens`` gives."""
        if len(self.tokens) < max_new_tokens + (self.finish is not Finish.overflow):
            return self
        return replace(self, tokens=self.tokens[:max_new_tokens], finish=Finish.length)


def plan_samples(
    prompts: Sequence[tuple[int, ...]], n_samples: int, decoding: Decoding
) -> dict[Request, int]:
    """Distinct requests for ``n_samples`` texts over prompts in rotation, each with its weight.

    A greedy repeat of a prompt is the same text, so it is requested once and weighs as many as there are
    repeats. Sampled repeats are further samples of the prompt, each of weight 1. The plan for fewer
    samples is part of the plan for more.
    """
    used: Counter[tuple[int, ...]] = Counter()
    plan: Counter[Request] = Counter()
    for i in range(n_samples):
        prompt = prompts[i % len(prompts)]
        match decoding:
            case Decoding.greedy:
                sample = 0
            case Decoding.sampled:
                sample = used[prompt]
            case _:
                assert_never(decoding)
        plan[Request(prompt, sample)] += 1
        used[prompt] += 1
    return dict(plan)


@dataclass(frozen=True)
class SampleCount:
    """How many texts a mean over generated texts rests on."""

    nominal: int
    distinct: int
    effective: float
    """Kish's effective number of the distinct texts, (sum w)^2 / sum w^2 over their weights w; equal to
    ``distinct`` if all weights are equal."""


def effective_n(texts: Sequence[Generated], weights: Sequence[int]) -> SampleCount:
    """Nominal, distinct and effective number of texts, where equal sequences are one text.

    Source of the formula: Kish 1965, Survey Sampling, section 8.2.
    """
    totals: Counter[tuple[int, ...]] = Counter()
    for text, weight in zip(texts, weights, strict=True):
        totals[text.ids] += weight
    nominal = sum(totals.values())
    squares = sum(w * w for w in totals.values())
    return SampleCount(nominal, len(totals), nominal**2 / squares if squares else 0.0)

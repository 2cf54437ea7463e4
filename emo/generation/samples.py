"""Which texts are generated, how often each counts, and how many of them differ."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from emo.errors import ConfigError


class Finish(Enum):
    """Why a text ends: an end-of-text token, the budget used up, or (steered) logits not finite."""

    eos = "eos"
    length = "length"
    overflow = "overflow"


@dataclass(frozen=True)
class Sampling:
    """Draws from the nucleus: the fewest most likely tokens whose probability reaches ``top_p``.

    The temperature is applied before (Holtzman et al. 2020, arXiv:1904.09751; the order of
    transformers). Where this is None, decoding is greedy.
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
    """One text to generate. ``sample`` counts the samples of one prompt; greedy has only 0."""

    prompt: tuple[int, ...]
    sample: int = 0

    @property
    def digest(self) -> str:
        """Digest of the prompt's token ids; names the random stream."""
        return hashlib.sha256(np.array(self.prompt, dtype=np.int64).tobytes()).hexdigest()


@dataclass(frozen=True)
class Generated:
    """A generated text.

    ``tokens`` are the generated ids as ``generate`` of transformers returns them for one sequence:
    the end-of-text token that stopped it is the last of them, padding is not.
    """

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    finish: Finish

    @property
    def ids(self) -> tuple[int, ...]:
        """The whole sequence."""
        return self.prompt + self.tokens

    def truncated(self, max_new_tokens: int) -> Generated:
        """The text as a smaller budget would have given it."""
        if len(self.tokens) < max_new_tokens + (self.finish is not Finish.overflow):
            return self
        return replace(self, tokens=self.tokens[:max_new_tokens], finish=Finish.length)


def plan_samples(
    prompts: Sequence[tuple[int, ...]], n_samples: int, greedy: bool
) -> dict[Request, int]:
    """Distinct requests for ``n_samples`` texts over prompts in rotation, and each one's weight.

    A greedy repeat of a prompt is the same text: requested once, with the number of repeats as its
    weight. Sampled repeats are further samples of the prompt, of weight 1. The plan for fewer
    samples is part of the plan for more.
    """
    used: Counter[tuple[int, ...]] = Counter()
    plan: Counter[Request] = Counter()
    for i in range(n_samples):
        prompt = prompts[i % len(prompts)]
        plan[Request(prompt, 0 if greedy else used[prompt])] += 1
        used[prompt] += 1
    return dict(plan)


@dataclass(frozen=True)
class SampleCount:
    """How many texts a mean over generated texts rests on."""

    nominal: int
    distinct: int
    effective: float
    """Kish's effective size of the distinct texts under their weights, (sum w)^2 / sum w^2; equals
    ``distinct`` where all weigh the same."""


def effective_n(texts: Sequence[Generated], weights: Sequence[int]) -> SampleCount:
    """Nominal, distinct and effective number of texts; equal sequences count as one, sampled or not.

    Source of the formula: Kish 1965, Survey Sampling, section 8.2.
    """
    totals: Counter[tuple[int, ...]] = Counter()
    for text, weight in zip(texts, weights, strict=True):
        totals[text.ids] += weight
    nominal = sum(totals.values())
    squares = sum(w * w for w in totals.values())
    return SampleCount(nominal, len(totals), nominal**2 / squares if squares else 0.0)

"""The texts a setting of the sub-parameters asks for, with the labels they carry from then on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emo.activations.backend import TokenSpan
from emo.config.enums import Centring, Decoding, Prompts, Templates
from emo.config.schema import SubparamsConfig
from emo.errors import ConfigError
from emo.generation.positions import is_short, span
from emo.generation.prompting import prompt_ids
from emo.generation.samples import (
    Generated,
    Request,
    SampleCount,
    Sampling,
    effective_n,
    plan_samples,
)
from emo.stimuli.prompts import PromptSet

NEUTRAL = "neutral"
"""Label of the stories that are the baseline; the emotion of that name has no stories."""


@dataclass(frozen=True)
class Story:
    """One distinct text to be written, and how many of the nominal samples it stands for."""

    emotion: str
    prompt_name: str
    prompt: str
    request: Request
    weight: int

    @property
    def group(self) -> Hashable:
        """Which stories may share a batch where the batch decides a text.

        Centring, the number of samples and halves of the templates take or leave whole groups, so
        that none of them changes a text which they do not ask for.
        """
        return NEUTRAL if self.emotion == NEUTRAL else (self.prompt_name, self.request.sample)


@dataclass(frozen=True)
class StoryPlan:
    """All texts of a run; ``templated`` says whether a chat template was applied."""

    stories: tuple[Story, ...]
    templated: bool


def check_templates(prompts: PromptSet, sub: SubparamsConfig) -> None:
    """Refuse half of the story templates where that is none.

    Raises
    ------
    ConfigError
        Naming the halves that there are.
    """
    if not _named(prompts, sub, ""):
        raise ConfigError(
            "subparams.templates",
            sub.templates.value,
            f"all, odd: there is one story template (prompts: {prompts.source})",
        )


def plan_stories(
    prompts: PromptSet,
    sub: SubparamsConfig,
    emotions: Sequence[str],
    tokenizer: Any,
    thinking: bool | None = None,
) -> StoryPlan:
    """Texts about every emotion but neutral and, where they are subtracted, the neutral stories.

    Every neutral topic is told once, whatever the number of samples an emotion.

    Raises
    ------
    ConfigError
        If there is no template in the half that is asked for, or the chat template has no switch for
        ``thinking``.
    ModelError
        If the model's chat template fails.
    """
    check_templates(prompts, sub)
    asked = [(e, _named(prompts, sub, e), sub.samples) for e in emotions if e != NEUTRAL]
    if sub.centring is Centring.neutral:
        topics = [(f"topic {i}", p) for i, p in enumerate(prompts.neutral_prompts(), 1)]
        asked.append((NEUTRAL, topics, len(topics)))
    stories, templated = [], False
    for emotion, named, samples in asked:
        encoded = [prompt_ids(tokenizer, text, sub.chat_template, thinking) for _, text in named]
        templated = encoded[0].templated
        labels = {p.ids: entry for p, entry in zip(encoded, named, strict=True)}
        wanted = plan_samples([p.ids for p in encoded], samples, sub.decoding is Decoding.greedy)
        stories += [Story(emotion, *labels[r.prompt], r, weight) for r, weight in wanted.items()]
    return StoryPlan(tuple(stories), templated)


def _named(prompts: PromptSet, sub: SubparamsConfig, emotion: str) -> list[tuple[str, str]]:
    """Name and text of every prompt for an emotion."""
    if sub.prompts is Prompts.paragraph:
        return [("paragraph", text) for text in prompts.paragraph_prompts(emotion)]
    named = [(f"story {i}", p) for i, p in enumerate(prompts.story_prompts(emotion), 1)]
    first = {Templates.all: slice(None), Templates.odd: slice(0, None, 2)}
    return named[first.get(sub.templates, slice(1, None, 2))]


def most_texts(prompts: PromptSet, sub: SubparamsConfig) -> int:
    """The most different texts an emotion can have: greedy decoding repeats those of a prompt."""
    greedy = sub.decoding is Decoding.greedy
    return min(sub.samples, len(_named(prompts, sub, ""))) if greedy else sub.samples


def sampling(sub: SubparamsConfig) -> Sampling | None:
    """The nucleus that is drawn from; None where decoding is greedy."""
    if sub.decoding is Decoding.greedy:
        return None
    return Sampling(sub.temperature, sub.top_p)


@dataclass(frozen=True)
class StoryTexts:
    """Written texts, one a story."""

    stories: tuple[Story, ...]
    texts: tuple[Generated, ...]

    def spans(self, sub: SubparamsConfig, causal: bool) -> list[TokenSpan]:
        """What is read of each text.

        In a causal model nothing behind the span can change it, so that it is cut off there: the same
        reading of a longer text is then the same entry of the store.
        """
        spans = [span(t.truncated(sub.max_new_tokens), sub.position) for t in self.texts]
        if not causal:
            return spans
        return [TokenSpan(s.ids[: s.stop], s.start, s.stop) for s in spans]

    @property
    def nominal(self) -> list[int]:
        """Index of the text of every nominal sample: a repeat of weight 2 is there twice."""
        return np.repeat(np.arange(len(self.stories)), [s.weight for s in self.stories]).tolist()

    @property
    def item_ids(self) -> tuple[str, ...]:
        """A name for every nominal sample; repeats of a text share theirs and are never parted."""
        return tuple(
            f"{s.prompt_name}/{s.request.sample + 1}" for s in self.stories for _ in range(s.weight)
        )

    @property
    def situations(self) -> tuple[str, ...] | None:
        """The prompt of every nominal sample, where emotions share several; else None."""
        names = {s.prompt_name for s in self.stories if s.emotion != NEUTRAL}
        if len(names) < 2:
            return None
        return tuple(s.prompt_name for s in self.stories for _ in range(s.weight))

    def counts(self, sub: SubparamsConfig) -> dict[str, SampleCount]:
        """Nominal, distinct and effective number of texts of every emotion."""
        of: dict[str, tuple[list[Generated], list[int]]] = defaultdict(lambda: ([], []))
        for story, text in zip(self.stories, self.texts, strict=True):
            of[story.emotion][0].append(text.truncated(sub.max_new_tokens))
            of[story.emotion][1].append(story.weight)
        return {emotion: effective_n(*entry) for emotion, entry in of.items()}

    def neutral_counts(self, sub: SubparamsConfig) -> tuple[int, int] | None:
        """How many neutral stories there are, and how many of them differ; None if there are none.

        Each has a prompt of its own, so that they are compared by what was written only.
        """
        own = [
            (story.weight, text.truncated(sub.max_new_tokens).tokens)
            for story, text in zip(self.stories, self.texts, strict=True)
            if story.emotion == NEUTRAL
        ]
        return (sum(w for w, _ in own), len({t for _, t in own})) if own else None

    def n_short(self, sub: SubparamsConfig) -> int:
        """How many distinct texts are too short for the position and read elsewhere."""
        cut = (t.truncated(sub.max_new_tokens) for t in self.texts)
        return sum(is_short(text, sub.position) for text in cut)

"""The texts that a setting of the sub-parameters asks for, and their labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np

from emo.activations.backend import TokenSpan
from emo.config.enums import Centring, Decoding, Prompts, Templates
from emo.config.schema import SubparamsConfig
from emo.core.records import NEUTRAL
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
from emo.stimuli.topics import TopicSet

NEEDS_NEUTRAL_STORIES = {
    Centring.neutral: True,
    Centring["global"]: False,
    Centring.none: False,
}
"""Whether a centring subtracts the mean over neutral stories."""


@dataclass(frozen=True)
class Story:
    """One distinct text to write; ``weight`` is the number of nominal samples that it represents."""

    emotion: str
    prompt_name: str
    prompt: str
    request: Request
    weight: int

    @property
    def group(self) -> Hashable:
        """The stories that may share a batch, where the batch decides a text.

        Centring, the number of samples and the choice of templates add or remove whole groups, so they
        change no text of another group.
        """
        return NEUTRAL if self.emotion == NEUTRAL else (self.prompt_name, self.request.sample)


@dataclass(frozen=True)
class StoryPlan:
    """All texts of a run; ``templated`` tells whether a chat template was applied."""

    stories: tuple[Story, ...]
    templated: bool


Prompting = PromptSet | TopicSet
"""The prompts of a run: those of the published protocols, or topics."""


def check_templates(prompts: Prompting, sub: SubparamsConfig) -> None:
    """Refuse a half of the story templates that is empty, and more topics than there are.

    Raises
    ------
    ConfigError
        Naming the halves that are not empty, or the number of topics.
    """
    if isinstance(prompts, TopicSet) and sub.topics > (n := len(prompts.topics)):
        raise ConfigError("subparams.topics", sub.topics, f"at most {n}: {prompts.source} has {n}")
    if not _named(prompts, sub, ""):
        raise ConfigError(
            "subparams.templates",
            sub.templates.value,
            f"all, odd: there is one story template (prompts: {prompts.source})",
        )


def plan_stories(
    prompts: Prompting,
    sub: SubparamsConfig,
    emotions: Sequence[str],
    tokenizer: Any,
    thinking: bool | None = None,
) -> StoryPlan:
    """The stories of every emotion but neutral and, if centring needs them, the neutral stories.

    There is one neutral story per topic, whatever the number of samples per emotion. Of texts about
    topics there are ``samples`` per emotion and topic, and neutral ones always.

    Raises
    ------
    ConfigError
        If the half of the templates that is asked for is empty, or the chat template has no switch for
        ``thinking``.
    ModelError
        If the model's chat template fails.
    """
    check_templates(prompts, sub)
    asked = [(e, _named(prompts, sub, e)) for e in emotions if e != NEUTRAL]
    asked = [(e, named, _n_samples(named, sub)) for e, named in asked]
    if topics := _neutral(prompts, sub):
        asked.append((NEUTRAL, topics, len(topics)))
    stories, templated = [], False
    for emotion, named, samples in asked:
        encoded = [prompt_ids(tokenizer, text, sub.chat_template, thinking) for _, text in named]
        templated = encoded[0].templated
        labels = {p.ids: entry for p, entry in zip(encoded, named, strict=True)}
        requests = plan_samples([p.ids for p in encoded], samples, sub.decoding)
        stories += [Story(emotion, *labels[r.prompt], r, n) for r, n in requests.items()]
    return StoryPlan(tuple(stories), templated)


def _n_samples(named: Sequence[tuple[str, str]], sub: SubparamsConfig) -> int:
    """Texts of one emotion, over all of its prompts."""
    return sub.samples * (len(named) if sub.prompts is Prompts.topics else 1)


def _neutral(prompts: Prompting, sub: SubparamsConfig) -> list[tuple[str, str]]:
    """Name and text of every neutral prompt; none where no neutral text is needed."""
    if isinstance(prompts, TopicSet):
        return prompts.neutral_prompts(sub.topics)[_half(sub.templates)]
    if not NEEDS_NEUTRAL_STORIES[sub.centring]:
        return []
    return [(f"topic {i}", p) for i, p in enumerate(prompts.neutral_prompts(), 1)]


def _named(prompts: Prompting, sub: SubparamsConfig, emotion: str) -> list[tuple[str, str]]:
    """Name and text of every prompt for an emotion."""
    if isinstance(prompts, TopicSet):
        return prompts.story_prompts(emotion, sub.topics)[_half(sub.templates)]
    match sub.prompts:
        case Prompts.paragraph:
            return [("paragraph", text) for text in prompts.paragraph_prompts(emotion)]
        case Prompts.stories:
            named = [(f"story {i}", p) for i, p in enumerate(prompts.story_prompts(emotion), 1)]
            return named[_half(sub.templates)]
        case Prompts.topics:
            raise TypeError("topics have prompts of their own: load_topics")
        case _:
            assert_never(sub.prompts)


def _half(templates: Templates) -> slice:
    match templates:
        case Templates.all:
            return slice(None)
        case Templates.odd:
            return slice(0, None, 2)
        case Templates.even:
            return slice(1, None, 2)
        case _:
            assert_never(templates)


def most_texts(prompts: Prompting, sub: SubparamsConfig) -> int:
    """The largest number of different texts per emotion; greedy decoding has one per prompt."""
    match sub.decoding:
        case Decoding.greedy:
            return min(sub.samples, len(_named(prompts, sub, "")))
        case Decoding.sampled:
            return sub.samples
        case _:
            assert_never(sub.decoding)


def sampling(sub: SubparamsConfig) -> Sampling | None:
    """The settings of nucleus sampling; None for greedy decoding."""
    match sub.decoding:
        case Decoding.greedy:
            return None
        case Decoding.sampled:
            return Sampling(sub.temperature, sub.top_p)
        case _:
            assert_never(sub.decoding)


@dataclass(frozen=True)
class StoryTexts:
    """Written texts, one per story."""

    stories: tuple[Story, ...]
    texts: tuple[Generated, ...]

    def spans(
        self, sub: SubparamsConfig, causal: bool, beginning: tuple[int, ...] = ()
    ) -> list[TokenSpan]:
        """The span that is read, per text.

        A text that is read without its prompt stands behind ``beginning``: the model's BOS, or nothing.
        In a causal model no token behind the span changes the reading, so the text is cut there; the
        same reading of a longer text is then the same entry of the store.
        """
        cut = [t.truncated(sub.max_new_tokens) for t in self.texts]
        if not sub.with_prompt:
            cut = [replace(text, prompt=beginning) for text in cut]
        spans = [span(text, sub.position, sub.start) for text in cut]
        if not causal:
            return spans
        return [TokenSpan(s.ids[: s.stop], s.start, s.stop) for s in spans]

    def without(self, places: Collection[int]) -> StoryTexts:
        """The texts but those at some places."""
        kept = [i for i in range(len(self.stories)) if i not in places]
        return StoryTexts(tuple(self.stories[i] for i in kept), tuple(self.texts[i] for i in kept))

    @property
    def nominal(self) -> list[int]:
        """Per nominal sample, the index of its text; a text of weight 2 is there twice."""
        return np.repeat(np.arange(len(self.stories)), [s.weight for s in self.stories]).tolist()

    @property
    def item_ids(self) -> tuple[str, ...]:
        """Per nominal sample, a name. Repeats of a text share it, so resampling keeps them together."""
        return tuple(
            f"{s.prompt_name}/{s.request.sample + 1}" for s in self.stories for _ in range(s.weight)
        )

    @property
    def situations(self) -> tuple[str, ...] | None:
        """Per nominal sample, its prompt; None if there is only one prompt."""
        names = {s.prompt_name for s in self.stories if s.emotion != NEUTRAL}
        if len(names) < 2:
            return None
        return tuple(s.prompt_name for s in self.stories for _ in range(s.weight))

    def counts(self, sub: SubparamsConfig) -> dict[str, SampleCount]:
        """Nominal, distinct and effective number of texts, per emotion."""
        by_emotion: dict[str, tuple[list[Generated], list[int]]] = defaultdict(lambda: ([], []))
        for story, text in zip(self.stories, self.texts, strict=True):
            texts, weights = by_emotion[story.emotion]
            texts.append(text.truncated(sub.max_new_tokens))
            weights.append(story.weight)
        return {emotion: effective_n(*entry) for emotion, entry in by_emotion.items()}

    def neutral_counts(self, sub: SubparamsConfig) -> tuple[int, int] | None:
        """How many neutral stories there are, and how many of them differ; None if there are none.

        Only the generated tokens are compared, because every neutral story has another prompt.
        """
        written = [
            (story.weight, text.truncated(sub.max_new_tokens).tokens)
            for story, text in zip(self.stories, self.texts, strict=True)
            if story.emotion == NEUTRAL
        ]
        if not written:
            return None
        return sum(weight for weight, _ in written), len({tokens for _, tokens in written})

    def n_short(self, sub: SubparamsConfig) -> int:
        """How many distinct texts are too short for the position, so that a substitute is read."""
        cut = (t.truncated(sub.max_new_tokens) for t in self.texts)
        return sum(is_short(text, sub.position, sub.start) for text in cut)

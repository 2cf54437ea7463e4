"""Texts about topics that name the emotion they should only show: found, counted, left out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, assert_never

from emo.config.enums import Leaks
from emo.config.schema import SubparamsConfig
from emo.core.records import NEUTRAL
from emo.errors import EmoError, first_of
from emo.generation.stories import StoryTexts
from emo.stimuli.leaks import leaked, stems_of

log = logging.getLogger(__name__)

LEAST_NEUTRAL = 3
"""Neutral texts are left out only if so many remain: their components are taken away."""
LEAST_EMOTIONS = 3
"""Fewer emotions make no geometry."""


@dataclass(frozen=True)
class LeakedTexts:
    """Which of the written texts name their emotion, and what is read."""

    written: StoryTexts
    words: tuple[tuple[str, ...], ...]
    """Per written text the words that name its emotion; of a neutral text any emotion of the run."""
    rule: Leaks

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many texts name their emotion, per emotion that has one; neutral ones under neutral."""
        pairs = zip(self.written.stories, self.words, strict=True)
        return dict(Counter(story.emotion for story, words in pairs if words))

    @cached_property
    def n_written(self) -> dict[str, int]:
        """How many texts are written, per emotion; neutral ones under neutral."""
        return dict(Counter(story.emotion for story in self.written.stories))

    @cached_property
    def left_out(self) -> frozenset[int]:
        """Places of the texts that are left out."""
        match self.rule:
            case Leaks.kept:
                return frozenset()
            case Leaks.left_out:
                stays = set() if self.enough_neutral else {NEUTRAL}
                return frozenset(
                    i
                    for i, words in enumerate(self.words)
                    if words and self.written.stories[i].emotion not in stays
                )
            case _:
                assert_never(self.rule)

    @property
    def enough_neutral(self) -> bool:
        """Whether enough neutral texts name no emotion."""
        n, named = (counts.get(NEUTRAL, 0) for counts in (self.n_written, self.counts))
        return n - named >= LEAST_NEUTRAL

    @cached_property
    def read(self) -> StoryTexts:
        """The texts that are read."""
        return self.written.without(self.left_out)

    @cached_property
    def lost(self) -> tuple[str, ...]:
        """Emotions of which no text is left, in their order."""
        left = {story.emotion for story in self.read.stories}
        return tuple(emotion for emotion in self.n_written if emotion not in left)

    def notes(self) -> list[str]:
        """Per written text the words that made it be left out, as one text; empty if it is read."""
        return [
            ", ".join(words) if i in self.left_out else "" for i, words in enumerate(self.words)
        ]


def find_leaks(
    written: StoryTexts, sub: SubparamsConfig, tokenizer: Any, emotions: Sequence[str]
) -> LeakedTexts:
    """The texts that name their emotion, by lexicon, and those that are read.

    A neutral text leaks if it names any of the run's emotions.
    """
    stems = {emotion: stems_of(emotion) for emotion in emotions}
    stems[NEUTRAL] = tuple(dict.fromkeys(stem for some in stems.values() for stem in some))
    texts = (
        tokenizer.decode(list(t.truncated(sub.max_new_tokens).tokens), skip_special_tokens=True)
        for t in written.texts
    )
    words = tuple(
        leaked(text, stems[story.emotion])
        for story, text in zip(written.stories, texts, strict=True)
    )
    return LeakedTexts(written, words, sub.leaks)


def warn_of_leaks(leaks: LeakedTexts) -> None:
    """Say how many texts name their emotion, per emotion, and which emotions are lost.

    Raises
    ------
    EmoError
        If too few emotions have a text left.
    """
    if leaks.counts:
        told = sum(n for emotion, n in leaks.n_written.items() if emotion != NEUTRAL)
        named = sum(n for emotion, n in leaks.counts.items() if emotion != NEUTRAL)
        log.warning(
            "%d of %d texts name their emotion or a near synonym (%s) and are %s",
            named,
            told,
            first_of(shares(leaks.counts, leaks.n_written), ", "),
            {Leaks.left_out: "left out", Leaks.kept: "kept, as subparams.leaks=kept says"}[
                leaks.rule
            ],
        )
    if neutral := leaks.counts.get(NEUTRAL, 0):
        stay = leaks.rule is Leaks.left_out and not leaks.enough_neutral
        log.warning(
            "%d of %d neutral texts name an emotion%s",
            neutral,
            leaks.n_written[NEUTRAL],
            f" and stay: fewer than {LEAST_NEUTRAL} would be left" if stay else "",
        )
    if leaks.lost:
        log.warning(
            "no text is left of %d emotions, so that they have no vector: %s; more texts: "
            "subparams.topics, subparams.samples",
            len(leaks.lost),
            first_of(leaks.lost, ", "),
        )
    left = len([e for e in leaks.n_written if e not in (*leaks.lost, NEUTRAL)])
    if left < LEAST_EMOTIONS:
        raise EmoError(
            f"subparams.leaks={leaks.rule.value}: {left} emotions have a text that does not name them, "
            f"a geometry needs {LEAST_EMOTIONS}; more texts: subparams.topics, subparams.samples; or "
            "subparams.leaks=kept"
        )


def shares(counts: Mapping[str, int], n_written: Mapping[str, int]) -> list[str]:
    """Emotions with the number of their texts that leak, the largest first: ``happy 3 of 12``."""
    told = [(emotion, n) for emotion, n in counts.items() if emotion != NEUTRAL]
    return [f"{e} {n} of {n_written[e]}" for e, n in sorted(told, key=lambda pair: -pair[1])]

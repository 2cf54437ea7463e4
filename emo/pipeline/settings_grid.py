"""Data sets of many settings of the sub-parameters, from few texts.

A text depends on its prompt, on decoding and on the chat template. So one set of texts is written per
combination of these, at the largest budget and number of samples; every setting takes its part.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emo.config.enums import Centring
from emo.config.schema import SubparamsConfig, canonical
from emo.core.geometry.generated import story_set
from emo.core.geometry.item_sets import ItemSet, Recipe
from emo.core.records import Activations
from emo.errors import ConfigError, EmoError
from emo.generation.stories import Story, StoryTexts
from emo.pipeline.writer import StorySource, Written, layer_number
from emo.report.runs.ablation import Cost
from emo.report.runs.generation import SHOWN, text_rows

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel

WRITTEN = ("prompts", "decoding", "chat_template")
"""The sub-parameters that a text depends on, besides its length."""
COLUMNS = (*WRITTEN, *SHOWN)
"""Of the table of all texts."""


class SettingGrid:
    """Evaluates settings of the sub-parameters; texts and plans are kept from one call to the next."""

    def __init__(
        self, source: StorySource, best_layer: int | None, max_new_tokens: int, samples: int
    ) -> None:
        self._source = source
        self.best_layer = best_layer
        """The comprehension run's, for settings with layer=best; may be given after :meth:`check`."""
        self._largest: dict[str, Any] = {"max_new_tokens": max_new_tokens, "samples": samples}
        self._written: dict[tuple[Any, ...], Written] = {}
        self._plans: dict[tuple[Any, ...], tuple[Story, ...]] = {}

    def let_go(self) -> None:
        """Let the model go; texts and plans are kept."""
        self._source.let_go()

    def check(self, settings: Sequence[SubparamsConfig], name: str, budgets: object) -> None:
        """Plan all settings and refuse what cannot be done, before anything is written.

        ``name`` is the parameter that ``budgets`` of tokens have been set by.

        Raises
        ------
        ConfigError
            If a budget leaves no room in the model's context, or it has no such layer.
        """
        # The model that is wanted first: the one that reads, if it is to name its best layer.
        named = self.best_layer is None and any(sub.layer == "best" for sub in settings)
        loaded = self._source.reader() if named else self._source.writer()
        try:
            for sub in self.sets(settings):
                self._source.planned(sub, loaded)
        except ConfigError as error:
            if error.parameter != "subparams.max_new_tokens":
                raise
            raise ConfigError(name, budgets, f"each {error.allowed}") from None
        for sub in {s.layer: s for s in settings if s.layer != "best"}.values():
            layer_number(sub, self._source.n_layers(loaded), None)
        self._plan(settings, loaded)

    def sets(self, settings: Sequence[SubparamsConfig]) -> list[SubparamsConfig]:
        """The sets of texts that settings take their parts of: the first of each with all its texts."""
        first: dict[tuple[Any, ...], SubparamsConfig] = {}
        for sub in settings:
            first.setdefault(written_as(sub), self._whole(sub))
        return list(first.values())

    def write(self, settings: Sequence[SubparamsConfig]) -> list[Written]:
        """The sets of texts that settings need and no earlier call has written."""
        new = [sub for sub in self.sets(settings) if written_as(sub) not in self._written]
        if new:
            made = self._source.write_all(new)
            self._written |= {written_as(sub): w for sub, w in zip(new, made, strict=True)}
        return [self._written[written_as(sub)] for sub in new]

    def texts(self, sub: SubparamsConfig) -> StoryTexts:
        """A setting's part of the texts that were written."""
        written = self._written[written_as(sub)].texts
        by_request = dict(zip((s.request for s in written.stories), written.texts, strict=True))
        stories = self._planned(sub)
        return StoryTexts(stories, tuple(by_request[s.request] for s in stories))

    def text_rows(
        self, settings: Sequence[SubparamsConfig], tokenizer: Any
    ) -> list[dict[str, Any]]:
        """All distinct texts, each with the values of ``WRITTEN`` that it was written with."""
        return [
            {**{name: canonical(getattr(sub, name)) for name in WRITTEN}, **row}
            for sub in self.sets(settings)
            for row in text_rows(self.texts(sub), sub, tokenizer)
        ]

    def templated(self, sub: SubparamsConfig) -> bool:
        """Whether a chat template was applied to a setting's prompts, which were written."""
        return self._written[written_as(sub)].templated

    def evaluate(self, settings: Sequence[SubparamsConfig]) -> tuple[list[ItemSet], Cost]:
        """The data set of every setting, at its layer and with its recipe.

        All texts are planned and written first, so that a model which only writes is loaded once;
        then the readings of each set of texts are taken together, in one pass per text.
        """
        start = time.perf_counter()
        made = self.write(settings)
        self._plan(settings)
        read_from = time.perf_counter()
        keys = dict.fromkeys(map(written_as, settings))
        sets: dict[int, ItemSet] = {}
        lengths: dict[Any, int] = {}
        passes = separate = nominal = 0
        for key in keys:
            written = self._written[key].texts
            for story, text in zip(written.stories, written.texts, strict=True):
                lengths[key[1], story.request] = len(text.tokens)
            group = {i: sub for i, sub in enumerate(settings) if written_as(sub) == key}
            readings: dict[SubparamsConfig, list[int]] = defaultdict(list)
            for i, sub in group.items():
                readings[_reading(sub)].append(i)
                part = self.texts(sub)
                for story, text in zip(part.stories, part.texts, strict=True):
                    length = min(len(text.tokens), sub.max_new_tokens)
                    separate += length
                    nominal += story.weight * length
            parts = [(self.texts(sub), sub) for sub in readings]
            per_reading, done, _ = self._source.read(parts)
            passes += done.done
            for activations, which in zip(per_reading, readings.values(), strict=True):
                for i in which:
                    sets[i] = self._item_set(activations, settings[i])
        return [sets[i] for i in range(len(settings))], Cost(
            texts_written=sum(w.done for w in made),
            texts_reused=sum(w.reused for w in made),
            tokens_written=sum(w.tokens for w in made),
            tokens_distinct=sum(lengths.values()),
            tokens_separate=separate,
            tokens_nominal=nominal,
            forward_passes=passes,
            seconds_writing=read_from - start,
            seconds_reading=time.perf_counter() - read_from,
            seconds_comparing=0.0,
        )

    def _whole(self, sub: SubparamsConfig) -> SubparamsConfig:
        """The setting that writes all texts which others of its kind take part of."""
        return replace(sub, **self._largest, centring=Centring.neutral)

    def _plan(self, settings: Sequence[SubparamsConfig], loaded: LoadedModel | None = None) -> None:
        """Have all plans: one made between readings would put the writer in the reader's place."""
        for sub in settings:
            self._planned(sub, loaded)
            self._planned(_reading(sub), loaded)

    def _planned(
        self, sub: SubparamsConfig, loaded: LoadedModel | None = None
    ) -> tuple[Story, ...]:
        key = (*written_as(sub), sub.samples, sub.centring)
        if key not in self._plans:
            self._plans[key] = self._source.planned(sub, loaded).stories
        return self._plans[key]

    def _item_set(self, activations: Activations, sub: SubparamsConfig) -> ItemSet:
        layer, _ = layer_number(sub, activations.n_layers, self.best_layer)
        recipe = Recipe(centring=sub.centring.value, unit_norm=sub.unit_norm)
        try:
            return story_set(activations, layer, recipe)
        except ValueError as error:
            raise EmoError(f"{error}; take precision=bf16 or precision=fp32") from error


def written_as(sub: SubparamsConfig) -> tuple[Any, ...]:
    """The values of a setting that its texts depend on."""
    return tuple(getattr(sub, name) for name in WRITTEN)


def _reading(sub: SubparamsConfig) -> SubparamsConfig:
    """What is read of which texts, whatever layer and centre are taken then."""
    return replace(sub, layer="middle", centring=Centring.neutral, unit_norm=True)

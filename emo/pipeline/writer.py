"""Texts of a model for settings of the sub-parameters, and what is read of them.

Everything is content-addressed: what one setting has written or read, the next one takes from the
stores. So the points of an ablation cost the distinct texts and one forward pass each.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.activations.embedding import table_rows, word_embeddings
from emo.activations.opening import open_backend
from emo.activations.reading import Passes, check_texts, digest, note_appended, read, tokenise
from emo.activations.store import ActivationStore
from emo.config.enums import BackendName, Decoding, Prompts, Readout
from emo.config.schema import BackendConfig, RunConfig, SubparamsConfig
from emo.core.geometry.generated import select
from emo.core.records import NEUTRAL, Activations
from emo.errors import ConfigError
from emo.generation.generating import (
    Generation,
    Wanted,
    check_prompts,
    check_room,
    generate_all,
)
from emo.generation.prompting import prompt_ids
from emo.generation.stories import (
    NEEDS_NEUTRAL_STORIES,
    Prompting,
    StoryPlan,
    StoryTexts,
    plan_stories,
    sampling,
)
from emo.generation.texts import TextStore
from emo.pipeline.reader import load_model
from emo.process.progress import track
from emo.runs.identity import batch_decides, reader_identity, text_identity
from emo.runs.plan import Plan
from emo.stimuli.emotion_lists import listed_emotions

if TYPE_CHECKING:
    from emo.activations.backend import TokenSpan
    from emo.generation.decoding import HFDecoder
    from emo.models.loading import LoadedModel
    from emo.models.quantised import WeightCount

log = logging.getLogger(__name__)


def story_emotions(plan: Plan) -> tuple[str, ...]:
    """The emotions that texts are written about: those of a list, or of the passages but neutral.

    Raises
    ------
    EmoError
        If they are too few for a geometry, or the list has problems.
    """
    if listed := listed_emotions(plan.config):
        return listed
    emotions = tuple(e for e in plan.stimuli.emotions if e != NEUTRAL)
    if len(emotions) < 3:
        raise ConfigError(
            "stimuli.path",
            plan.config.stimuli.path,
            f"passages of at least 3 emotions besides {NEUTRAL}, these have {len(emotions)}",
        )
    return emotions


@dataclass(frozen=True)
class Written:
    """Texts of one setting; how many distinct ones were written now, and how many tokens."""

    texts: StoryTexts
    templated: bool
    done: int
    reused: int
    tokens: int
    way: str
    """How texts are decoded, in words."""


class StorySource:
    """Writes and reads one model's texts.

    ``plan`` says which model reads; it writes, too, unless ``subparams.texts_from`` names another
    precision; never are two models held at a time.
    """

    def __init__(self, plan: Plan, prompts: Prompting, emotions: Sequence[str]) -> None:
        self.plan, self.prompts, self.emotions = plan, prompts, tuple(emotions)
        self._writer = replace(plan, config=plan.config.text_config())
        self._model: LoadedModel | None = None
        self._decoder: HFDecoder | None = None
        self.tokenizer: Any = None
        """The model's, from when it has been loaded."""

    def writer(self) -> LoadedModel:
        """The model that writes; tried when it is loaded.

        Raises
        ------
        ModelError
            If it cannot be read, or cannot write.
        """
        if self._model is None:
            from emo.generation.decoding import HFDecoder

            loaded = load_model(self._writer).for_writing()
            open_backend(loaded, BackendConfig(name=BackendName.hf))
            self._decoder = HFDecoder(loaded)
            note_appended(loaded.tokenizer)
            self._model, self.tokenizer = loaded, loaded.tokenizer
        return self._model

    def reader(self) -> LoadedModel:
        """The model that reads; one that only writes is let go first."""
        if self._writer.config is self.plan.config:
            return self.writer()
        self.let_go()
        return load_model(self.plan)

    def let_go(self) -> None:
        """Keep no model: another one is going to be loaded."""
        self._model = self._decoder = None

    def n_layers(self, loaded: LoadedModel | None = None) -> int:
        """Decoder blocks of the model."""
        loaded = loaded or self.writer()
        return int(loaded.model.config.get_text_config().num_hidden_layers)

    def planned(self, sub: SubparamsConfig, loaded: LoadedModel | None = None) -> StoryPlan:
        """The texts that a setting asks for.

        Raises
        ------
        ConfigError
            If prompt and token budget are longer than the model's context.
        """
        loaded = loaded or self.writer()
        thinking = self.plan.config.model.thinking
        plan = plan_stories(self.prompts, sub, self.emotions, loaded.tokenizer, thinking)
        requests = [s.request for s in plan.stories]
        check_room(requests, sub.max_new_tokens, loaded.context)
        check_prompts(requests, table_rows(loaded.model))
        return plan

    def write(self, sub: SubparamsConfig) -> Written:
        """All texts of a setting, from the store where it has them."""
        return self.write_all([sub])[0]

    def write_all(self, settings: Sequence[SubparamsConfig]) -> list[Written]:
        """All texts of several settings, which share batches where these do not decide the texts."""
        config, loaded = self._writer.config, self.writer()
        assert self._decoder is not None
        way = self._decoder.way
        plans = [self.planned(sub, loaded) for sub in settings]
        wanted = [
            Wanted(
                [s.request for s in plan.stories],
                self._generation(sub),
                [s.group for s in plan.stories],
            )
            for plan, sub in zip(plans, settings, strict=True)
        ]
        identity = text_identity(config, self._writer.weights, self._writer.device) | way.identity
        store = TextStore(config.path(config.paths.store), identity)
        made = generate_all(self._decoder, wanted, store, track)
        return [
            Written(
                texts=StoryTexts(plan.stories, texts.items),
                templated=plan.templated,
                done=texts.done,
                reused=texts.reused,
                tokens=texts.tokens,
                way=way.name,
            )
            for plan, texts in zip(plans, made, strict=True)
        ]

    def _generation(self, sub: SubparamsConfig) -> Generation:
        config = self._writer.config
        return Generation(
            max_new_tokens=sub.max_new_tokens,
            sampling=sampling(sub),
            seed=sub.seed if sub.decoding is Decoding.sampled else 0,
            batch_size=config.decode_batch_size,
            batch_decides=batch_decides(config),
        )

    def read(
        self, settings: Sequence[tuple[StoryTexts, SubparamsConfig]]
    ) -> tuple[list[Activations], Passes, WeightCount]:
        """Activations of every setting's nominal samples, all texts in one go."""
        plan, config = self.plan, self.plan.config
        loaded = self.reader()
        backend = open_backend(loaded, config.backend)
        of_topics = any(sub.prompts is Prompts.topics for _, sub in settings)
        sentences = () if of_topics else plan.stimuli.neutral  # such texts have neutral ones
        neutral = tokenise(loaded.tokenizer, sentences, Readout.last)
        names = [f"neutral sentence {i + 1}" for i in range(len(neutral))]
        check_texts(neutral, names, backend.context, table_rows(loaded.model))
        causal = config.precision.causal
        beginning = prompt_ids(loaded.tokenizer, "", chat_template=False).ids
        per_setting = [texts.spans(sub, causal, beginning) for texts, sub in settings]
        spans = [*neutral, *(span for each in per_setting for span in each)]
        store = _store(plan, spans)
        values, passes = read(
            backend,
            spans,
            store,
            config.batch_size,
            track,
            fixed_batches=config.precision.batched,
            causal=causal,
        )
        start, out = len(neutral), []
        for (texts, sub), each in zip(settings, per_setting, strict=True):
            rows = values[:, start : start + len(each)]
            out.append(_activations(texts, sub, rows, values[:, : len(neutral)]))
            start += len(each)
        return out, passes, loaded.weight_count


def emotion_words(loaded: LoadedModel, emotions: Sequence[str]) -> Activations:
    """The words for the emotions in the model's embedding table: they stand in every prompt."""
    values = word_embeddings(loaded, emotions)
    return Activations(
        values=values[None],
        item_ids=tuple(emotions),
        emotions=tuple(emotions),
        situations=None,
        neutral=np.zeros((1, 0, values.shape[1]), dtype=np.float32),
        position="embedding",
    )


def _store(plan: Plan, spans: Sequence[TokenSpan]) -> ActivationStore:
    config = plan.config
    identity = reader_identity(config, plan.weights, plan.device)
    if config.precision.batched:  # a text's numbers depend on the texts it is read with
        identity["texts"] = digest(spans)
    return ActivationStore(config.path(config.paths.store), identity)


def _activations(
    texts: StoryTexts, sub: SubparamsConfig, values: np.ndarray, neutral: np.ndarray
) -> Activations:
    """Activations of nominal samples; the neutral texts about topics stand for neutral sentences."""
    activations = Activations(
        values=values[:, texts.nominal],
        item_ids=texts.item_ids,
        emotions=tuple(texts.stories[i].emotion for i in texts.nominal),
        situations=texts.situations,
        neutral=neutral,
        position=sub.position.value,
    )
    if sub.prompts is not Prompts.topics:
        return activations
    plain = np.array([emotion == NEUTRAL for emotion in activations.emotions])
    activations = replace(activations, neutral=activations.values[:, plain])
    if NEEDS_NEUTRAL_STORIES[sub.centring]:
        return activations
    return select(activations, ~plain)


def layer_number(sub: SubparamsConfig, n_layers: int, best: int | None) -> tuple[int, str]:
    """The layer a setting names, and how it came to be it; ``best`` is the comprehension run's.

    Raises
    ------
    ConfigError
        If the model has no such layer.
    """
    if sub.layer == "best":
        assert best is not None
        return best, "best layer of the comprehension run"
    if sub.layer == "middle":
        return n_layers // 2, "middle, L // 2"
    if sub.layer == "two_thirds":
        return 2 * n_layers // 3, "two thirds, 2 L // 3"
    if int(sub.layer) >= n_layers:
        allowed = f"middle, best, two_thirds, 0 to {n_layers - 1}"
        raise ConfigError("subparams.layer", sub.layer, allowed)
    return int(sub.layer), "as configured"


def comprehension_config(config: RunConfig) -> RunConfig:
    """The comprehension run (condition A) of the same model, precision and stimuli.

    Only what is part of the identity of a run that takes its layer may reach it.
    """
    from emo.config.jobs import JobConfig
    from emo.config.schema import MethodConfig, VectorsConfig

    return replace(
        config, job=JobConfig(), method=MethodConfig(), vectors=VectorsConfig(), force=False
    )

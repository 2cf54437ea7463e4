"""A plan's texts through a model: activations, from the store where it has them."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from emo.activations.embedding import embedding_means, table_rows
from emo.activations.opening import open_backend
from emo.activations.reading import (
    Passes,
    check_texts,
    digest,
    note_appended,
    read,
    tokenise,
)
from emo.activations.store import ActivationStore
from emo.activations.trial import finite_in_trial
from emo.config.enums import Readout
from emo.core.records import Activations
from emo.errors import ConfigError, ModelError
from emo.pipeline.models import load_model
from emo.pipeline.workers import shared
from emo.process.progress import track
from emo.runs.identity import reader_identity
from emo.runs.plan import Plan, say
from emo.stimuli.special import special_tokens
from emo.stimuli.texts import texts_at_a_time

if TYPE_CHECKING:
    from jaxtyping import Float32

    from emo.models.loading import LoadedModel

log = logging.getLogger(__name__)


class Reader:
    """The plan's backend and its tokenised texts, checked before a run is opened.

    Without a model that is loaded already, it loads the plan's.

    Raises
    ------
    EmoError
        If the store is not writable, the backend cannot take the model, or the model cannot read a
        text.
    """

    def __init__(self, plan: Plan, loaded: LoadedModel | None = None) -> None:
        self.plan, config = plan, plan.config
        self._loaded = loaded = loaded or load_model(plan)
        self.backend = open_backend(loaded, config.backend)
        self.weights = loaded.weight_count
        passages = [p.text for p in plan.stimuli.items]
        method = config.method
        self._check_suffix()
        self.items = tokenise(loaded.tokenizer, passages, method.readout, method.suffix)
        # Anisotropy is of the position that is read, so neutral sentences are read there as well.
        self.neutral = tokenise(
            loaded.tokenizer, plan.stimuli.neutral, method.readout, method.suffix
        )
        names = [f"{p.emotion}/{p.id}" for p in plan.stimuli.items]
        names += [f"neutral sentence {i + 1}" for i in range(len(self.neutral))]
        if warning := special_tokens(loaded.tokenizer, [*passages, *plan.stimuli.neutral], names):
            say(logging.WARNING, warning)
        spans = [*self.items, *self.neutral]
        check_texts(
            spans,
            names,
            self.backend.context,
            table_rows(loaded.model),
            f"model={config.model.label}",
        )
        note_appended(loaded.tokenizer)
        identity = reader_identity(config, plan.weights, plan.device)
        if config.precision.batched:  # a text's numbers depend on the texts it is read with
            identity["texts"] = digest(spans)
        self.identity = identity
        self.store = ActivationStore(config.path(config.paths.store), identity)
        if config.batch_size != config.backend.batch_size:
            log.info(
                "int8: one text at a time instead of backend.batch_size=%d, as "
                "precision.int8.batched=false asks for",
                config.backend.batch_size,
            )

    def _check_suffix(self) -> None:
        """Refuse a suffix that leaves no token for a text: else every passage would be named."""
        method, most = self.plan.config.method, self.backend.context
        if method.readout is not Readout.suffix or most is None:
            return
        suffix = self._loaded.tokenizer(method.suffix, add_special_tokens=False)["input_ids"]
        if len(suffix) >= most:
            raise ConfigError(
                "method.suffix",
                method.suffix,
                f"a text of fewer than {most} tokens, which are all that the model reads; "
                f"this has {len(suffix)}",
            )

    def refuse_overflow(self) -> None:
        """Refuse a model that was finite at no layer when it was tried.

        Raises
        ------
        ModelError
            In the words that describing such activations would end in.
        """
        config = self.plan.config
        if not finite_in_trial(self.backend, self._loaded, config.backend.label):
            raise ModelError(
                f"model={config.model.label}: no layer has finite activations only; try "
                "precision=bf16 or fp32"
            )

    def embedding(self) -> Activations:
        """The passages before any block, as a one-layer model: a baseline for comparisons.

        All tokens of a passage count, whatever the readout; there are no neutral sentences in it.
        """
        model, tokenizer = self._loaded.model, self._loaded.tokenizer
        texts = [p.text for p in self.plan.stimuli.items]
        values = np.concatenate(
            [
                embedding_means(model, tokenise(tokenizer, some, Readout.mean_all))
                for some in texts_at_a_time(texts)
            ]
        )
        return self._labelled(
            values[None], np.zeros((1, 0, values.shape[1]), np.float32), "embedding"
        )

    def read(self) -> tuple[Activations, Passes]:
        """Activations of passages and neutral sentences, in one go."""
        texts, config = [*self.items, *self.neutral], self.plan.config
        values, passes = read(
            self.backend,
            texts,
            self.store,
            config.batch_size,
            track,
            fixed_batches=config.precision.batched,
            causal=config.precision.causal,
            share=partial(shared, self.plan, self.identity),
        )
        n = len(self.items)
        readout = config.method.readout.value
        return self._labelled(values[:, :n], values[:, n:], readout), passes

    def _labelled(
        self,
        values: Float32[np.ndarray, "layer item hidden"],
        neutral: Float32[np.ndarray, "layer sentence hidden"],
        position: str,
    ) -> Activations:
        stimuli = self.plan.stimuli
        return Activations(
            values=values,
            item_ids=tuple(p.id for p in stimuli.items),
            emotions=tuple(p.emotion for p in stimuli.items),
            situations=tuple(str(p.situation) for p in stimuli.items) if stimuli.crossed else None,
            neutral=neutral,
            position=position,
        )

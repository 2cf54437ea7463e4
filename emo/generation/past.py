"""What carries a text from one step of decoding to the next: the model's cache, or the text itself.

A transformer keeps keys and values, a recurrent model a state, under names that differ by family; a
forward that does not know the name of a given cache ignores it without an error. So
:mod:`emo.generation.ways` finds the right way for a model by comparison.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import torch
from jaxtyping import Bool, Float, Int64

from emo.generation.roomy import roomy_cache


@dataclass(frozen=True)
class StepInputs:
    """What one pass of a batch reads."""

    ids: Int64[torch.Tensor, "row token"]
    """The new tokens: in the first step the prompts, padded on the left, later one token per text."""
    mask: Int64[torch.Tensor, "row position"]
    """1 for every real token so far, from the start of the prompts to the last of ``ids``."""

    @property
    def first(self) -> bool:
        """Whether nothing has been read before."""
        return self.ids.shape == self.mask.shape


Announce = Callable[[Bool[torch.Tensor, "row token"]], None]
"""Called before a pass with a mask of its positions: which hold generated tokens."""

WholePass = Callable[
    [StepInputs, Int64[torch.Tensor, " position"]],
    Float[torch.Tensor, "row position vocabulary"],
]
"""From whole texts, padded on the right, to the logits at some of their positions."""


class Memory(Enum):
    """What is kept of a text between steps; the values are words for a log and a store's name."""

    key_values = "a key-value cache"
    own = "a cache of its own"
    own_state = "a state of its own"
    nothing = "no cache"


class Past(Protocol):
    """What is kept of a batch of texts."""

    def next_logits(
        self, inputs: StepInputs, announce: Announce
    ) -> Float[torch.Tensor, "row vocabulary"]:
        """Logits behind the last token of each text; the past then includes the new tokens."""
        ...

    def select(self, rows: Int64[torch.Tensor, " kept"]) -> None:
        """Drop all rows but these."""
        ...


class CachedPast:
    """A cache: transformers' key-value cache, or the one that the model returns when it gets none.

    ``own_state`` is for recurrent models, whose later steps take no mask.
    """

    def __init__(self, model: Any, memory: Memory) -> None:
        self._model, self._memory = model, memory
        self._parameters = inspect.signature(model.forward).parameters
        self._name, self._cache = "past_key_values", None
        if memory is Memory.key_values:
            self._cache: Any = roomy_cache(model)

    def next_logits(
        self, inputs: StepInputs, announce: Announce
    ) -> Float[torch.Tensor, "row vocabulary"]:
        """Logits behind the last token of each text.

        Raises
        ------
        LookupError
            If the model returns no cache.
        """
        ids, mask = inputs.ids, inputs.mask
        options: dict[str, Any] = {"input_ids": ids}
        if inputs.first or self._memory is not Memory.own_state:
            options["attention_mask"] = mask
        if "position_ids" in self._parameters:
            positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
            options["position_ids"] = positions[:, -ids.shape[1] :]
        if "logits_to_keep" in self._parameters:
            options["logits_to_keep"] = 1
        if self._cache is not None:
            options[self._name] = self._cache
        announce(torch.full_like(ids, not inputs.first, dtype=torch.bool))
        output = self._model(**options, use_cache=True)
        if self._memory is not Memory.key_values:
            self._keep(output)
        return output.logits[:, -1].float()

    def _keep(self, output: Any) -> None:
        names = [n for n in output if n in self._parameters]  # what it both returns and takes
        if not names:
            raise LookupError("it returns no cache")
        self._name, self._cache = names[0], output[names[0]]

    def select(self, rows: Int64[torch.Tensor, " kept"]) -> None:
        """Drop all rows but these."""
        # Caches with recurrent layers lack batch_select_indices, or skip these layers in it.
        self._cache.reorder_cache(rows)

    @property
    def cache(self) -> Any:
        """What the model keeps."""
        return self._cache


class RepeatedPast:
    """No cache: the whole text is read anew at every step, padded on the right.

    Padding on the right changes nothing in a causal model, whether or not the model heeds the mask.
    """

    def __init__(self, whole: WholePass) -> None:
        self._whole = whole
        self._ids = self._prompts = torch.empty(0)

    def next_logits(
        self, inputs: StepInputs, announce: Announce
    ) -> Float[torch.Tensor, "row vocabulary"]:
        """Logits behind the last token of each text."""
        lengths = inputs.mask.sum(dim=1)
        if inputs.first:
            self._ids, self._prompts = inputs.ids, lengths
        else:
            self._ids = torch.cat([self._ids, inputs.ids], dim=1)
        order = inputs.mask.argsort(dim=1, descending=True, stable=True)
        texts = StepInputs(self._ids.gather(1, order), inputs.mask.gather(1, order))
        n_rows, width = texts.ids.shape
        positions = torch.arange(width, device=texts.ids.device)
        announce(positions[None] >= self._prompts[:, None])
        ends, which_end = (lengths - 1).unique(return_inverse=True)
        logits = self._whole(texts, ends)
        return logits[torch.arange(n_rows, device=texts.ids.device), which_end].float()

    def select(self, rows: Int64[torch.Tensor, " kept"]) -> None:
        """Drop all rows but these."""
        self._ids, self._prompts = self._ids[rows], self._prompts[rows]

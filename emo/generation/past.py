"""What carries a text from one step of decoding to the next: a cache in the model's way, or the text.

A transformer keeps keys and values, a recurrent model a state, under names of their own; a forward
that does not know the name of what it is given reads on without memory and says nothing. So which
of these is right for a model is found by comparing, in :mod:`emo.generation.ways`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

import torch
from jaxtyping import Bool, Float, Int64
from transformers import DynamicCache

Announce = Callable[[Bool[torch.Tensor, "row token"]], None]
"""Called before a pass with the positions of it that hold generated tokens."""

WholePass = Callable[
    [
        Int64[torch.Tensor, "row token"],
        Int64[torch.Tensor, "row token"],
        Int64[torch.Tensor, " position"],
    ],
    Float[torch.Tensor, "row position vocabulary"],
]
"""Token ids padded on the right, their mask, and the positions whose logits are wanted."""


class Memory(Enum):
    """What is kept of a text; the values are words for a log."""

    key_values = "a key-value cache"
    own = "a cache of its own"
    own_state = "a state of its own"
    nothing = "no cache"


class Past(Protocol):
    """The past of a batch of texts."""

    def next_logits(
        self,
        ids: Int64[torch.Tensor, "row token"],
        mask: Int64[torch.Tensor, "row position"],
        announce: Announce,
    ) -> Float[torch.Tensor, "row vocabulary"]:
        """Logits behind the last of ``ids``, which the past takes up.

        The first call has the prompts, padded on the left; each later one a token per text. ``mask``
        covers everything up to here.
        """
        ...

    def select(self, rows: Int64[torch.Tensor, " kept"]) -> None:
        """Go on with these rows only."""
        ...


class CachedPast:
    """A cache: transformers' own, or what the model returns when it is given none.

    ``own_state`` is for models whose state has taken up the padding of the prompt: their later steps
    have no use for a mask.
    """

    def __init__(self, model: Any, memory: Memory) -> None:
        self._model, self._memory = model, memory
        self._parameters = inspect.signature(model.forward).parameters
        self._name, self._cache = "past_key_values", None
        if memory is Memory.key_values:
            self._cache: Any = DynamicCache(config=model.config)

    def next_logits(
        self,
        ids: Int64[torch.Tensor, "row token"],
        mask: Int64[torch.Tensor, "row position"],
        announce: Announce,
    ) -> Float[torch.Tensor, "row vocabulary"]:
        """Logits behind the last of ``ids``.

        Raises
        ------
        LookupError
            If the model returns no cache.
        """
        inputs: dict[str, Any] = {"input_ids": ids}
        prompt = ids.shape == mask.shape
        if prompt or self._memory is not Memory.own_state:
            inputs["attention_mask"] = mask
        if "position_ids" in self._parameters:
            positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
            inputs["position_ids"] = positions[:, -ids.shape[1] :]
        if "logits_to_keep" in self._parameters:
            inputs["logits_to_keep"] = 1
        if self._cache is not None:
            inputs[self._name] = self._cache
        announce(torch.full_like(ids, not prompt, dtype=torch.bool))
        output = self._model(**inputs, use_cache=True)
        if self._memory is not Memory.key_values:
            self._keep(output)
        return output.logits[:, -1].float()

    def _keep(self, output: Any) -> None:
        names = [n for n in output if n in self._parameters]  # what it returns and takes back
        if not names:
            raise LookupError("it returns no cache")
        self._name, self._cache = names[0], output[names[0]]

    def select(self, rows: Int64[torch.Tensor, " kept"]) -> None:
        """Go on with these rows only."""
        # Not batch_select_indices: caches with recurrent layers do not have it, or leave these out.
        self._cache.reorder_cache(rows)


class RepeatedPast:
    """No cache: the whole text is read anew at every step, padded on the right.

    There no mask is needed for padding to be without effect.
    """

    def __init__(self, whole: WholePass) -> None:
        self._whole = whole
        self._ids = self._prompts = torch.empty(0)

    def next_logits(
        self,
        ids: Int64[torch.Tensor, "row token"],
        mask: Int64[torch.Tensor, "row position"],
        announce: Announce,
    ) -> Float[torch.Tensor, "row vocabulary"]:
        """Logits behind the last of ``ids``."""
        lengths = mask.sum(dim=1)
        if ids.shape == mask.shape:
            self._ids, self._prompts = ids, lengths
        else:
            self._ids = torch.cat([self._ids, ids], dim=1)
        order = mask.argsort(dim=1, descending=True, stable=True)
        moved, there = self._ids.gather(1, order), mask.gather(1, order)
        place = torch.arange(moved.shape[1], device=moved.device)
        announce(place[None] >= self._prompts[:, None])
        ends, at = (lengths - 1).unique(return_inverse=True)
        logits = self._whole(moved, there, ends)
        return logits[torch.arange(len(moved), device=moved.device), at].float()

    def select(self, rows: Int64[torch.Tensor, " kept"]) -> None:
        """Go on with these rows only."""
        self._ids, self._prompts = self._ids[rows], self._prompts[rows]

"""Keys and values of a batch of conversations, kept over their turns.

A row holds the tokens of one conversation. New tokens are padded on the left, so that they end together;
what a row wrote after its end is masked. Both leave holes, which :meth:`Memory.close_gaps` closes: the
tokens of each row move together, and a position is the number of tokens before it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64

from emo.generation.past import Announce
from emo.generation.prefixes import common_beginning
from emo.generation.roomy import holds_every_token, roomy_cache, to_the_right


class Memory:
    """The cache of a batch; ``rows`` conversations, empty at first.

    ``announce`` is called before every pass with a mask of the new positions that hold generated tokens.
    """

    def __init__(
        self, model: Any, n_rows: int, device: str, pad_id: int, announce: Announce = lambda _: None
    ) -> None:
        self._model, self._pad_id, self._announce = model, pad_id, announce
        self._parameters = inspect.signature(model.forward).parameters
        self._cache: Any = roomy_cache(model)
        self._mask = torch.zeros((n_rows, 0), dtype=torch.bool, device=device)
        self._resting: list[Resting] = []

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return self._mask.sum(dim=1).tolist()

    def read_openings(
        self, texts: Sequence[tuple[int, ...]]
    ) -> Float[torch.Tensor, "row vocabulary"]:
        """What :meth:`read` gives of an empty memory; what all texts begin with is read once."""
        n = common_beginning(texts)
        if n:
            self._mask = self._mask[:1]
            self.read([texts[0][:n]])
            self.select([0] * len(texts))
        return self.read([text[n:] for text in texts])

    def read(self, texts: Sequence[Sequence[int]]) -> Float[torch.Tensor, "row vocabulary"]:
        """Logits behind new tokens of each row, which it then holds; at least one token each."""
        width, device = max(map(len, texts)), self._mask.device
        ids = torch.full((len(texts), width), self._pad_id, device=device)
        new = torch.zeros((len(texts), width), dtype=torch.bool, device=device)
        for row, text in enumerate(texts):
            ids[row, width - len(text) :] = torch.tensor(text, device=device)
            new[row, width - len(text) :] = True
        return self._pass(ids, new, torch.zeros_like(new))

    def add(
        self, tokens: Int64[torch.Tensor, " row"], held: Bool[torch.Tensor, " row"]
    ) -> Float[torch.Tensor, "row vocabulary"]:
        """Logits behind one generated token of each row, which rows that are ``held`` keep."""
        return self._pass(tokens[:, None], held[:, None], torch.ones_like(held[:, None]))

    def _pass(
        self,
        ids: Int64[torch.Tensor, "row token"],
        new: Bool[torch.Tensor, "row token"],
        generated: Bool[torch.Tensor, "row token"],
    ) -> Float[torch.Tensor, "row vocabulary"]:
        self._mask = torch.cat([self._mask, new], dim=1)
        mask = self._mask.long()
        options: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        if "position_ids" in self._parameters:
            options["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        if "logits_to_keep" in self._parameters:
            options["logits_to_keep"] = 1
        self._announce(generated)
        output = self._model(**options, past_key_values=self._cache, use_cache=True)
        return output.logits[:, -1].float()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """A block after which everything that was read in it is forgotten."""
        mask = self._mask
        held = [(layer.keys, layer.values) for layer in self._cache.layers]
        try:
            yield
        finally:
            self._mask = mask
            for layer, (keys, values) in zip(self._cache.layers, held, strict=True):
                layer.keys, layer.values = keys, values

    def rest(self, rows: Int64[torch.Tensor, " kept"]) -> None:
        """Go on with these rows only; the others keep what they hold until :meth:`wake`."""
        held = [(layer.keys, layer.values) for layer in self._cache.layers]
        self._resting.append(Resting(rows, self._mask, held))
        self.select(rows.tolist())

    def wake(self) -> None:
        """All rows again, in the order before the first :meth:`rest`, with what was read since."""
        while self._resting:
            resting = self._resting.pop()
            n = self._mask.shape[1] - resting.mask.shape[1]
            self._mask = resting.with_new(resting.mask, self._mask, n, 1)
            for layer, (keys, values) in zip(self._cache.layers, resting.held, strict=True):
                layer.keys = resting.with_new(keys, layer.keys, n, 2)
                layer.values = resting.with_new(values, layer.values, n, 2)

    def close_gaps(self) -> None:
        """Move the tokens of each row together, to the end of the row."""
        self._mask = to_the_right(self._cache, self._mask)

    def select(self, rows: Sequence[int]) -> None:
        """Keep only these rows, in this order."""
        index = torch.tensor(rows, device=self._mask.device)
        self._mask = self._mask[index]
        self._map(lambda x: x[index])

    def _map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        for layer in self._cache.layers:
            layer.keys, layer.values = change(layer.keys), change(layer.values)


@dataclass(frozen=True)
class Resting:
    """What a memory held when some of its rows went on alone."""

    rows: Int64[torch.Tensor, " kept"]
    """Those that went on."""
    mask: Bool[torch.Tensor, "row token"]
    held: list[tuple[torch.Tensor, torch.Tensor]]

    def with_new(self, before: torch.Tensor, after: torch.Tensor, n: int, dim: int) -> torch.Tensor:
        """``before`` with the last ``n`` columns of the rows in ``after``; zeros in the other rows."""
        new = before.new_zeros(*before.shape[:dim], n, *before.shape[dim + 1 :])
        new[self.rows] = after.narrow(dim, after.shape[dim] - n, n)
        return torch.cat([before, new], dim=dim)


def can_remember(model: Any) -> bool:
    """Whether conversations can be kept in a model's cache."""
    return holds_every_token(model)

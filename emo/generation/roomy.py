"""Keys and values with room for the tokens to come, which therefore are not copied at every step.

The cache of transformers grows by copying all of it at every token. Here a layer has room for some more
tokens and writes a new one into it; what attention reads are the same numbers.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

BLOCK = 64
"""Tokens that there is room for when the room is made anew: a copy of the cache in so many steps."""

States = Float[torch.Tensor, "row head token width"]
"""Keys or values of a layer."""


class RoomyLayer(DynamicLayer):
    """Keys and values of one layer, as views into larger tensors.

    ``keys`` and ``values`` may be replaced from outside, as all methods of the parent do; what replaces
    them is copied into new room at the next token.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._rooms: tuple[torch.Tensor, ...] = ()

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of all tokens, the new ones included."""
        if not self.is_initialized or self.keys is None or self.values is None:
            self.lazy_initialization(key_states, value_states)
            self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
            self._rooms = ()
        start, n = self.keys.shape[2], key_states.shape[2]
        held = (self.keys, self.values)
        if not self._rooms or not all(
            _begins(room, states) and room.shape[2] >= start + n
            for room, states in zip(self._rooms, held, strict=True)
        ):
            self._rooms = tuple(_room(states, n + BLOCK) for states in held)
        for room, new in zip(self._rooms, (key_states, value_states), strict=True):
            room[:, :, start : start + n] = new
        self.keys, self.values = (room[:, :, : start + n] for room in self._rooms)
        return self.keys, self.values

    def move_into(self, rooms: tuple[torch.Tensor, torch.Tensor], n_tokens: int) -> None:
        """Hold the first ``n_tokens`` of keys and values that have room behind them."""
        self._rooms = rooms
        self.keys, self.values = (room[:, :, :n_tokens] for room in rooms)


def _room(states: torch.Tensor, more: int) -> torch.Tensor:
    """A tensor that begins with ``states`` and has room for ``more`` tokens."""
    n_rows, n_heads, n_tokens, width = states.shape
    room = states.new_empty((n_rows, n_heads, n_tokens + more, width))
    room[:, :, :n_tokens] = states
    return room


def _begins(room: torch.Tensor, states: torch.Tensor) -> bool:
    """Whether ``states`` are the first tokens of all rows of ``room``, and not a copy of them."""
    return (
        states.data_ptr() == room.data_ptr()
        and states.stride() == room.stride()
        and len(states) == len(room)
    )


def roomy_cache(model: Any) -> DynamicCache:
    """An empty cache for a model; layers that do not hold all keys and values stay as they are."""
    cache = DynamicCache(config=model.config)
    cache.layers = [
        RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    return cache


def holds_every_token(model: Any) -> bool:
    """Whether a model's cache holds keys and values of all tokens, at positions that it is told.

    Not so with windows that forget, with states, and where positions are counted in the cache.
    """
    layers = DynamicCache(config=model.config).layers
    plain = all(type(layer) is DynamicLayer for layer in layers) and bool(layers)
    return plain and "position_ids" in inspect.signature(model.forward).parameters


def to_the_right(
    cache: DynamicCache, mask: Bool[torch.Tensor, "row token"]
) -> Bool[torch.Tensor, "row token"]:
    """Move the tokens of each row together, to the end of the row; their new mask.

    Columns that no row needs are dropped. The cache must hold every token.
    """
    width = int(mask.sum(dim=1).max())
    order = mask.long().argsort(dim=1, stable=True)[:, -width:]
    for layer in _roomy(cache):
        layer.keys, layer.values = _ordered(layer.keys, order), _ordered(layer.values, order)
    return mask.gather(1, order)


def _ordered(states: Any, order: Int64[torch.Tensor, "row token"]) -> torch.Tensor:
    where = order[:, None, :, None].to(states.device)
    return states.gather(2, where.expand(-1, states.shape[1], -1, states.shape[3]))


def join(
    caches: Sequence[DynamicCache], rows: Sequence[Int64[torch.Tensor, " kept"]], width: int
) -> None:
    """Put some rows of all caches into the first one, each with its last ``width`` tokens.

    Rows with fewer tokens get empty ones in front, which their mask must leave out. The caches must hold
    every token.
    """
    for layers in zip(*(_roomy(cache) for cache in caches), strict=True):
        keys = _joined([layer.keys for layer in layers], rows, width)
        values = _joined([layer.values for layer in layers], rows, width)
        layers[0].move_into((keys, values), width)


def _joined(
    parts: Sequence[Any], rows: Sequence[Int64[torch.Tensor, " kept"]], width: int
) -> torch.Tensor:
    """A room that begins with the last ``width`` tokens of the rows of all parts."""
    _, n_heads, _, size = parts[0].shape
    room = parts[0].new_zeros((sum(map(len, rows)), n_heads, width + BLOCK, size))
    start = 0
    for states, kept in zip(parts, rows, strict=True):
        last = states[:, :, -width:]
        room[start : start + len(kept), :, width - last.shape[2] : width] = last[kept]
        start += len(kept)
    return room


def _roomy(cache: DynamicCache) -> list[RoomyLayer]:
    layers = cache.layers
    assert all(isinstance(layer, RoomyLayer) for layer in layers), "a cache that forgets"
    return [layer for layer in layers if isinstance(layer, RoomyLayer)]

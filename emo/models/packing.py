"""Linear layers with a second copy of their weights, in the order in which a CPU multiplies them.

A matrix product first brings the weights into blocks, at every call; where few tokens are read at once,
that takes as long as the product itself. Here oneDNN, which torch carries, does it once per model. In
fp32 the products are those of the usual layers up to rounding (docs/benchmarks.md).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from jaxtyping import Float

log = logging.getLogger(__name__)

LEAST = 100_000
"""Weights of a layer from which on it is packed. One of 110,000 was slower packed up to 16 tokens at
once and faster from 24 on (measured on an AMD EPYC), larger ones were faster from 8 on."""
SHARE = 0.25
"""Share of the main memory that the copies may take; above it nothing is packed."""
TOKENS = 64
"""Tokens at once that oneDNN arranges the weights for; it is as fast with others."""


def pack(model: nn.Module) -> int:
    """Pack the large linear layers of a model in fp32 on the CPU; bytes that their copies take.

    0 if the processor's library has no packed products, or the copies would take too much memory.
    """
    if not torch.backends.mkldnn.is_available():
        return 0
    layers = [m for m in model.modules() if isinstance(m, nn.Linear) and _can_be_packed(m)]
    n_bytes = sum(layer.weight.nbytes for layer in layers)
    if n_bytes > SHARE * main_memory():
        log.info(
            "backend.packed: not done, a second copy of %.1f GiB of weights is too much for this "
            "machine's memory",
            n_bytes / 2**30,
        )
        return 0
    for layer in layers:
        layer.forward = Packed(layer)
    return n_bytes


def main_memory() -> int:
    """Bytes of this machine's memory, free or not, so that a model is always packed here or never."""
    import psutil

    return psutil.virtual_memory().total


def _can_be_packed(module: nn.Linear) -> bool:
    return (
        type(module) is nn.Linear  # and no subclass, whose product may be another
        and module.weight.numel() >= LEAST
        and module.weight.dtype is torch.float32
        and module.weight.device.type == "cpu"
    )


class Packed:
    """The forward pass of a linear layer with packed weights.

    Weights that have changed since (another tensor, other data, or written into) and gradients take the
    usual way. Writing into ``weight.data`` leaves no trace, so it must be done before: peft merges an
    adapter in this way, and a model is packed after that.
    """

    def __init__(self, layer: nn.Linear) -> None:
        self._layer = layer
        self._weight, self._state = layer.weight, state_of(layer.weight)
        self._packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), TOKENS)

    def __call__(
        self, input: Float[torch.Tensor, "*rows feature"]
    ) -> Float[torch.Tensor, "*rows out"]:
        layer = self._layer
        if torch.is_grad_enabled() or not self._current(input):
            return nn.functional.linear(input, layer.weight, layer.bias)
        linear: Any = torch.ops.mkldnn._linear_pointwise
        return linear(input, self._packed, layer.bias, "none", [], None)

    def _current(self, input: torch.Tensor) -> bool:
        weight = self._layer.weight
        same = weight is self._weight and state_of(weight) == self._state
        return same and input.dtype is weight.dtype and input.device == weight.device


def state_of(weight: torch.Tensor) -> tuple[int, int]:
    """Where a tensor's numbers lie and how often they were written: another pair where they changed."""
    return weight.data_ptr(), weight._version

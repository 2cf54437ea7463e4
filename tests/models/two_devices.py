"""Two pretended devices: a machine without GPUs refuses what a machine with two of them refuses.

Tensors are on the CPU and carry the name of a device, ``cpu:0`` or ``cpu:1``. Inside :class:`TwoDevices`
an operation on tensors of two devices raises, as CUDA's would.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

MAIN = "cpu"
"""Main memory: it has no number."""


def place_of(tensor: torch.Tensor) -> str:
    return getattr(tensor, "place", MAIN)


def put(module: torch.nn.Module, place: str) -> None:
    """Pretend that the weights and buffers of a module are on a device."""
    for tensor in (*module.parameters(), *module.buffers()):
        tensor.place = place  # pyright: ignore


class TwoDevices(TorchFunctionMode):
    """A block in which tensors of two devices do not meet."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        if name == "__get__":
            if func.__self__ is torch.Tensor.device:  # pyright: ignore
                return torch.device(place_of(args[0]))
            return self._named(func(*args, **kwargs), place_of(args[0]))
        if name in ("to", "cpu"):
            return self._moved(func, args, kwargs)
        if name == "numpy":
            assert place_of(args[0]) == MAIN, "numpy of a tensor that is not in main memory"
        own = [t for t in tensors if t.ndim] or tensors
        if name in ("__getitem__", "__setitem__"):  # an index may be in main memory
            own = [t for t in own if t is args[0] or place_of(t) != MAIN]
        places = {place_of(t) for t in own}
        if name != "copy_" and len(places) > 1:
            raise RuntimeError(f"{name}: found two devices, {' and '.join(sorted(places))}")
        if not tensors and kwargs.get("device") is not None:
            places = {str(kwargs["device"])}
        place = place_of(args[0]) if name == "copy_" else next(iter(places), MAIN)
        return self._named(func(*args, **kwargs), place)

    def _moved(self, func: Any, args: Any, kwargs: Any) -> Any:
        """A tensor on the device that ``to`` names; a new one where that is another."""
        place = MAIN if func.__name__ == "cpu" else place_of(args[0])
        for value in (*args[1:], *kwargs.values()):
            if isinstance(value, torch.Tensor):
                place = place_of(value)
            elif isinstance(value, torch.device) or (
                isinstance(value, str) and value.startswith(MAIN)
            ):
                place = str(value)
        out = func(*args, **kwargs)
        return self._named(out.view_as(out) if out is args[0] else out, place)

    def _named(self, out: Any, place: str) -> Any:
        def name(value: Any) -> Any:
            if isinstance(value, torch.Tensor):
                value.place = place  # pyright: ignore
            return value

        return tree_map(name, out)

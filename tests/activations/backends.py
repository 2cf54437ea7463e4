"""The backends that the contract suites run over: one row per backend."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from emo.activations.backend import Backend, Batch, OutOfMemory
from emo.activations.hf import decoder_layers
from emo.activations.opening import open_backend
from emo.config.enums import BackendName, Implementation
from emo.config.schema import BackendConfig
from emo.models.loading import LoadedModel
from emo.models.tiny import ARCHITECTURES

CONFIGS = {
    "hf": BackendConfig(name=BackendName.hf),
    "bridge": BackendConfig(name=BackendName.tl, implementation=Implementation.bridge),
    "hooked": BackendConfig(name=BackendName.tl, implementation=Implementation.hooked),
}
"""The backends that a config can name, by their labels."""


@dataclass(frozen=True)
class Row:
    """One backend under the contract."""

    open: Callable[[LoadedModel], Backend]
    families: tuple[str, ...]
    modules: Callable[[Any], tuple[torch.nn.Module, Any]]
    """The module that an opened backend runs, and the list of its blocks."""


class OneByOne:
    """A dummy: the smallest backend that fulfils the contract, one text at a time without padding."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.model: Any = loaded.model
        self.device = loaded.device
        self.n_layers = int(loaded.model.config.num_hidden_layers)
        self.hidden = int(loaded.model.config.hidden_size)
        self.pad_id, self.context = 0, loaded.context

    def resid_post(self, batch: Batch) -> np.ndarray:
        streams = [self._one(ids[mask]) for ids, mask in zip(batch.ids, batch.mask, strict=True)]
        skipped = batch.mask.argmax(axis=1)
        items = [
            streams[row][:, start - skipped[row] : stop - skipped[row]].mean(dim=1)
            for row, (start, stop) in zip(batch.rows.tolist(), batch.spans.tolist(), strict=True)
        ]
        return torch.stack(items, dim=1).float().cpu().numpy()

    def _one(self, ids: np.ndarray) -> torch.Tensor:
        seen: list[torch.Tensor] = []

        def keep(_module: object, _args: object, output: Any) -> None:
            seen.append(output[0] if isinstance(output, tuple) else output)

        handles = [m.register_forward_hook(keep) for m in decoder_layers(self.model)]
        try:
            with torch.inference_mode():
                self.model(torch.from_numpy(ids)[None].to(self.device))
        except RuntimeError as error:
            raise OutOfMemory from error
        finally:
            for handle in handles:
                handle.remove()
        return torch.stack([stream[0] for stream in seen])


def _named(label: str) -> Callable[[LoadedModel], Backend]:
    return lambda loaded: open_backend(loaded, CONFIGS[label])


ALL = tuple(sorted(ARCHITECTURES))
ROWS = {
    "hf": Row(_named("hf"), ALL, lambda b: (b._body, b._layers)),
    "bridge": Row(_named("bridge"), ALL, lambda b: (b.model, b.model.blocks)),
    "hooked": Row(
        _named("hooked"),
        tuple(a for a in ALL if a != "falcon"),
        lambda b: (b.model, b.model.blocks),
    ),
    "one_by_one": Row(OneByOne, ("llama", "gpt2"), lambda b: (b.model, decoder_layers(b.model))),
}

"""TransformerLens backend: hook_resid_post of every block, through either of its implementations.

``bridge`` wraps transformers' own modules and takes nearly any family. ``hooked`` is a second
implementation of the forward pass, for the families in :mod:`emo.activations.hooked`. In both the
weights are those that were loaded, unprocessed, and they are given token ids and masks: their own
tokenisation adds or strips a BOS.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float32

from emo.activations.backend import Batch, OutOfMemory
from emo.activations.hf import pool, translated_oom
from emo.activations.hooked import hooked_transformer
from emo.choices import Implementation
from emo.errors import ModelError

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import PreTrainedModel

    from emo.models.loading import LoadedModel


class _AllRead(Exception):
    """Raised behind the last block: the final norm and the unembedding are not needed."""


class TLBackend:
    """Reads resid_post through TransformerLens's hooks; keeps the pooled rows only.

    A bridge puts its wrappers into the modules of the loaded model, once; from then on the model runs
    through them. Without TransformerLens it is then read to the same bits, but for families whose
    joint query, key and value matrix the bridge splits (GPT-2, Falcon, BLOOM): within rounding.
    ``hooked`` holds a second copy of the weights.
    """

    def __init__(self, loaded: LoadedModel, implementation: Implementation) -> None:
        def wrap() -> Any:
            if implementation is Implementation.bridge:
                return bridge_of(loaded)
            return hooked_transformer(loaded.model)

        # HookedTransformer fills no cache unless it is given one.
        self._options = {"use_cache": False} if implementation is Implementation.bridge else {}
        try:
            with translated_oom():
                self.model: Any = wrap()
        except OutOfMemory:
            raise ModelError(
                f"backend.implementation={implementation.value}: no memory on {loaded.device} for a "
                "second copy of the weights; take bridge, or backend=hf"
            ) from None
        config = loaded.model.config.get_text_config()
        self._device = loaded.device
        self.n_layers = int(config.num_hidden_layers)
        self.hidden = int(config.hidden_size)
        self.context = loaded.context
        pad_id = loaded.tokenizer.pad_token_id
        self.pad_id = 0 if pad_id is None else int(pad_id)

    def resid_post(self, batch: Batch) -> Float32[np.ndarray, "layer item hidden"]:
        """Mean of resid_post over each span, for every layer; one forward pass."""
        out: dict[int, torch.Tensor] = {}

        def keep(layer: int) -> Any:
            def hook(stream: torch.Tensor, hook: object) -> None:
                out[layer] = pool(stream, batch)
                if layer == self.n_layers - 1:
                    raise _AllRead

            return hook

        hooks = [(f"blocks.{i}.hook_resid_post", keep(i)) for i in range(self.n_layers)]
        ids = torch.from_numpy(batch.ids).to(self._device)
        mask = torch.from_numpy(batch.mask.astype(np.int64)).to(self._device)
        with torch.inference_mode(), translated_oom():
            with suppress(_AllRead):
                self.model.run_with_hooks(
                    ids, fwd_hooks=hooks, attention_mask=mask, return_type=None, **self._options
                )
            return torch.stack([out[i] for i in range(self.n_layers)]).cpu().numpy()


def bridge_of(loaded: LoadedModel) -> TransformerBridge:
    """The bridge around a loaded model: built once, a second would wrap the wrappers of the first.

    Raises
    ------
    ModelError
        As :func:`bridge` does.
    """
    name = Implementation.bridge.value
    if name not in loaded.wrapped:
        loaded.wrapped[name] = bridge(loaded.model)
    return loaded.wrapped[name]


def bridge(model: PreTrainedModel) -> TransformerBridge:
    """A TransformerBridge around a loaded model.

    Raises
    ------
    ModelError
        If TransformerLens cannot take the model, with the reason.
    """
    # Not boot_transformers: it changes the tokenizer it is given, or loads another.
    from transformer_lens.model_bridge.sources import build_bridge_from_module

    config = model.config
    if config is not config.get_text_config():
        # Bridging one makes TransformerLens look for, and install, image processors.
        raise _refusal(model, "it reads more than text")
    try:
        return build_bridge_from_module(model, type(model).__name__, hf_config=config)
    except (ValueError, AttributeError, KeyError, TypeError, NotImplementedError) as error:
        raise _refusal(model, " ".join(str(error).split())[:200]) from error


def _refusal(model: PreTrainedModel, reason: str) -> ModelError:
    return ModelError(
        f"model of type {model.config.model_type}: TransformerLens cannot take it ({reason}); take "
        "backend=hf"
    )

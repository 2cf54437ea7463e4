"""Hugging Face backend: forward hooks on the decoder layers of any causal language model."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from emo.activations.backend import Batch, OutOfMemory
from emo.activations.embedding import padding_id
from emo.errors import ModelError

if TYPE_CHECKING:
    from jaxtyping import Float, Float32
    from transformers import PreTrainedModel

    from emo.models.loading import LoadedModel


def decoder_layers(model: PreTrainedModel) -> nn.ModuleList:
    """The model's decoder blocks: the outermost list that is as long as the config says.

    Raises
    ------
    ModelError
        If there is no such list.
    """
    config = model.config.get_text_config()
    n_layers = config.num_hidden_layers
    candidates = [
        (name.count("."), name, module)
        for name, module in model.base_model.named_modules()
        if isinstance(module, nn.ModuleList)
        and len(module) == n_layers
        and not any(word in name for word in ("vision", "audio", "encoder."))
    ]
    if not candidates:
        raise ModelError(
            f"model of type {config.model_type}: no list of {n_layers} decoder layers in it; "
            "only decoder-only transformers can be read"
        )
    return min(candidates, key=lambda entry: entry[:2])[2]


def answer_with_records(model: PreTrainedModel) -> None:
    """Make the model return records with names, where its config asks for tuples.

    The config is changed because a ``return_dict`` argument does not reach the parts of a model.
    """
    for config in (model.config, model.config.get_text_config()):
        config.return_dict = True


@dataclass(frozen=True)
class ResidualStream:
    """The place of the residual stream in what a decoder block returns.

    A block returns a tensor [text token hidden], or a tuple or list that begins with one. Models of the
    AltUp kind (Gemma-3n) carry several streams [stream text token hidden]; the active one, which
    their config names, is read and edited. Models with any other output (hyper-connections) have no
    single residual stream and are refused.
    """

    family: str
    hidden: int
    active: int | None

    @classmethod
    def of_model(cls, model: PreTrainedModel) -> ResidualStream:
        """The stream of a loaded model, from its config."""
        config = model.config.get_text_config()
        active = getattr(config, "altup_active_idx", None)
        return cls(config.model_type, int(config.hidden_size), active)

    def take(
        self, output: Any, shape: Sequence[int] | None = None
    ) -> Float[torch.Tensor, "text token hidden"]:
        """The stream in a block's output; ``shape`` is the shape of the token ids, if known.

        Raises
        ------
        ModelError
            If the output is not [text token hidden].
        """
        stream = output[0] if isinstance(output, (tuple, list)) else output
        if self._several(stream):
            stream = stream[self.active]
        actual = tuple(getattr(stream, "shape", ()))
        expected = (*(actual[:2] if shape is None else shape), self.hidden)
        if not isinstance(stream, torch.Tensor) or actual != expected:
            raise ModelError(
                f"model of type {self.family}: a decoder block gives {actual or type(stream).__name__} "
                f"where one residual stream [text, token, hidden] = {expected} is due; such models "
                "cannot be read"
            )
        return stream

    def put(self, output: Any, stream: Float[torch.Tensor, "text token hidden"]) -> Any:
        """The output with ``stream`` in place of the stream that :meth:`take` gives."""
        if isinstance(output, (tuple, list)):
            return type(output)([self.put(output[0], stream), *output[1:]])
        if self._several(output):
            output = output.clone()
            output[self.active] = stream
            return output
        return stream

    def _several(self, output: Any) -> bool:
        return self.active is not None and getattr(output, "ndim", 0) == 4


NO_MEMORY = ("out of memory", "allocate memory", "not enough memory", "alloc_failed")
"""Words of CUDA and MPS, of the CPU, and of CUDA's libraries (CUBLAS_STATUS_ALLOC_FAILED), in lower
case."""


@contextmanager
def translated_oom() -> Iterator[None]:
    """Raise OutOfMemory for the out-of-memory error of any device."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemory from error
    except RuntimeError as error:  # the kind that torch raises for CUDA, MPS and their libraries
        message = str(error).lower()
        if isinstance(error, torch.OutOfMemoryError) or any(w in message for w in NO_MEMORY):
            raise OutOfMemory from error
        raise


class HFBackend:
    """Reads resid_post through hooks; runs no output head and fills no cache.

    Hooks are needed because ``hidden_states[-1]`` of transformers is taken after the final norm.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self._body: Any = loaded.model.base_model
        answer_with_records(loaded.model)
        self._layers = decoder_layers(loaded.model)
        self._stream = ResidualStream.of_model(loaded.model)
        self._device = loaded.device
        self._takes_positions = "position_ids" in inspect.signature(self._body.forward).parameters
        self.n_layers = len(self._layers)
        self.hidden = self._stream.hidden
        self.context = loaded.context
        self.pad_id = padding_id(loaded)

    def resid_post(self, batch: Batch) -> Float32[np.ndarray, "layer item hidden"]:
        """Mean of resid_post over each span, for every layer, in one forward pass."""
        out: list[torch.Tensor | None] = [None] * self.n_layers
        spans = Spans.of(batch, self._device)

        def keep(layer: int) -> Any:
            def hook(_module: nn.Module, _args: object, output: Any) -> None:
                out[layer] = pool(self._stream.take(output, batch.ids.shape), spans)

            return hook

        handles = []
        try:
            handles = [m.register_forward_hook(keep(i)) for i, m in enumerate(self._layers)]
            with torch.inference_mode(), translated_oom():
                self._body(**self.inputs(batch), use_cache=False)
                # Blocks may lie on several devices (backend.placement=balanced).
                read = [t.to(self._device) for t in out if t is not None]
                return torch.stack(read).cpu().numpy()
        finally:
            for handle in handles:
                handle.remove()

    def stated(self, batch: Batch) -> list[Float32[np.ndarray, "text token hidden"]]:
        """The hidden states that the model itself returns, if any: a check of the hooks."""
        with torch.inference_mode(), translated_oom():
            output = self._body(**self.inputs(batch), use_cache=False, output_hidden_states=True)
            states = getattr(output, "hidden_states", None) or ()
            return [state.float().cpu().numpy() for state in states]

    def inputs(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Model inputs on the device; with left padding, positions count from the first real token."""
        mask = torch.from_numpy(batch.mask.astype(np.int64)).to(self._device)
        inputs = {"input_ids": torch.from_numpy(batch.ids).to(self._device), "attention_mask": mask}
        if not batch.mask[:, 0].all() and self._takes_positions:
            inputs["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)
        return inputs


@dataclass(frozen=True)
class Spans:
    """The places at which a batch is read; computed once and used for every layer."""

    where: list[tuple[int, int, int]]
    """Row and half-open span of positions, per item."""
    index: tuple[torch.Tensor, torch.Tensor] | None
    """Rows and positions on the device, if every span is one position; else None."""

    @classmethod
    def of(cls, batch: Batch, device: str | torch.device) -> Spans:
        """The spans of a batch, on a device."""
        start, stop = batch.spans.T
        where = list(zip(batch.rows.tolist(), start.tolist(), stop.tolist(), strict=True))
        if not (stop - start == 1).all():
            return cls(where, None)
        rows, positions = (torch.from_numpy(x).to(device) for x in (batch.rows, start))
        return cls(where, (rows, positions))


def pool(
    stream: Float[torch.Tensor, "text token hidden"], spans: Spans
) -> Float[torch.Tensor, "item hidden"]:
    """Mean over each span, in float32."""
    if spans.index is not None:
        rows, positions = (index.to(stream.device) for index in spans.index)
        return stream[rows, positions].float()
    # One span at a time, so that the sum does not depend on the padding of the batch.
    return torch.stack([stream[row, a:b].float().mean(dim=0) for row, a, b in spans.where])

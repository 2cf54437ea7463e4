"""TransformerLens backend: hook_resid_post of every block, through either of its implementations.

``bridge`` wraps transformers' own modules and takes nearly any family; where it puts a computation
of its own in their place the numbers may differ, so it is compared before it is used. ``hooked`` is a
second implementation of the forward pass, for the families in :mod:`emo.activations.hooked`. In both the
weights are those that were loaded, unprocessed, and they are given token ids and masks: their own
tokenisation adds or strips a BOS.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Float32

from emo.activations.backend import Batch, OutOfMemory, TokenSpan, pad_texts
from emo.activations.embedding import padding_id
from emo.activations.hf import HFBackend, ResidualStream, Spans, pool, translated_oom
from emo.activations.hooked import hooked_transformer
from emo.activations.trial import trial_ids
from emo.config.enums import Implementation
from emo.core.compare.readers import ROUNDOFF, differences, tolerance
from emo.errors import ModelError, NoMemory

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import PreTrainedModel

    from emo.models.loading import LoadedModel

log = logging.getLogger(__name__)

FORMATS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}

_faults: WeakKeyDictionary[PreTrainedModel, str] = WeakKeyDictionary()
"""Models whose bridge has been compared, or need not be, and what is wrong with it: "" for nothing."""


class _AllRead(Exception):
    """Raised behind the last block: the final norm and the unembedding are not needed."""


class TLBackend:
    """Reads resid_post through TransformerLens's hooks; keeps the pooled rows only.

    A bridge puts its wrappers into the modules of the loaded model, once; from then on the model runs
    through them, and transformers reads it within rounding of what it read before. ``hooked`` holds a
    second copy of the weights.
    """

    def __init__(self, loaded: LoadedModel, implementation: Implementation) -> None:
        if implementation is Implementation.bridge:
            self.model: Any = bridge_of(loaded)
            self._options = {"use_cache": False}
        else:
            self.model = _hooked(loaded)
            self._options = {}  # HookedTransformer fills no cache unless it is given one
        config = loaded.model.config.get_text_config()
        self._device = loaded.device
        self.n_layers = int(config.num_hidden_layers)
        self.hidden = int(config.hidden_size)
        self.context = loaded.context
        self.pad_id = padding_id(loaded)
        self._stream = ResidualStream.of_model(loaded.model)

    def resid_post(self, batch: Batch) -> Float32[np.ndarray, "layer item hidden"]:
        """Mean of resid_post over each span, for every layer; one forward pass."""
        return _read(self.model, batch, self.n_layers, self._stream, self._device, **self._options)


def _read(
    model: Any,
    batch: Batch,
    n_layers: int,
    residual: ResidualStream,
    device: str,
    **options: Any,
) -> Float32[np.ndarray, "layer item hidden"]:
    """One forward pass through a model of TransformerLens, up to the last block."""
    out: dict[int, torch.Tensor] = {}
    spans = Spans.of(batch, device)

    def keep(layer: int) -> Any:
        def hook(stream: torch.Tensor, hook: object) -> None:
            out[layer] = pool(residual.take(stream, batch.ids.shape), spans)
            if layer == n_layers - 1:
                raise _AllRead

        return hook

    hooks = [(f"blocks.{i}.hook_resid_post", keep(i)) for i in range(n_layers)]
    ids = torch.from_numpy(batch.ids).to(device)
    mask = torch.from_numpy(batch.mask.astype(np.int64)).to(device)
    with torch.inference_mode(), translated_oom():
        with suppress(_AllRead):
            model.run_with_hooks(
                ids, fwd_hooks=hooks, attention_mask=mask, return_type=None, **options
            )
        return torch.stack([out[i] for i in range(n_layers)]).cpu().numpy()


def _hooked(loaded: LoadedModel) -> Any:
    """A HookedTransformer of a loaded model; NoMemory if there is no room for both."""
    # Raised outside the handler: an error in its context would keep half a copy alive.
    with suppress(OutOfMemory), translated_oom():
        return hooked_transformer(loaded.model)
    raise NoMemory(
        f"backend.implementation=hooked: no memory on {loaded.device} for a second copy of the "
        "weights; take bridge, or backend=hf"
    )


def bridge_of(loaded: LoadedModel) -> TransformerBridge:
    """A bridge around a loaded model that reads a short text as transformers does.

    Both read every token of it, transformers before the model is wrapped, once a model. They may be
    apart by what :func:`emo.core.compare.readers.tolerance` allows the format of the residual stream. A
    quantised model that does not repeat its own numbers to the bit cannot be compared and is taken.

    Raises
    ------
    ModelError
        If TransformerLens cannot take the model, or computes something else.
    """
    if fault := _faults.get(loaded.model):
        raise ModelError(fault)
    name = Implementation.bridge.value
    if name not in loaded.wrapped:  # a second bridge would wrap the wrappers of the first
        known = loaded.model in _faults
        loaded.wrapped[name] = bridge(loaded.model) if known else _compared(loaded)
    return loaded.wrapped[name]


def _compared(loaded: LoadedModel) -> TransformerBridge:
    model, batch = loaded.model, _check_batch(loaded)
    no_room = (
        f"backend.implementation=bridge: no memory on {loaded.device} for one short text; take a "
        "smaller precision, or another device"
    )
    with suppress(OutOfMemory), translated_oom():
        transformers = HFBackend(loaded)
        reference = transformers.resid_post(batch)
        repeats = loaded.precision.value in ROUNDOFF or np.array_equal(
            reference, transformers.resid_post(batch), equal_nan=True
        )
        wrapped = bridge(model)
        _faults[model] = no_room  # until it is compared: transformers reads through it now
        if repeats:
            residual = ResidualStream.of_model(model)
            got = _read(wrapped, batch, len(reference), residual, loaded.device, use_cache=False)
            _faults[model] = _fault(model, reference, got)
        else:
            log.info("the bridge is not compared: this model does not repeat its own numbers")
            _faults[model] = ""
        if _faults[model]:
            raise ModelError(_faults[model])
        return wrapped
    raise NoMemory(no_room)


def take_as_it_is(loaded: LoadedModel) -> None:
    """Spare a model's bridge the comparison, where comparing it is what it is opened for."""
    _faults[loaded.model] = ""


def _check_batch(loaded: LoadedModel) -> Batch:
    ids = trial_ids(loaded)
    return pad_texts([[TokenSpan(ids, i, i + 1) for i in range(len(ids))]], 0)


def _fault(
    model: PreTrainedModel,
    reference: Float32[np.ndarray, "layer item hidden"],
    got: Float32[np.ndarray, "layer item hidden"],
) -> str:
    """What is wrong with a bridge's numbers, "" for nothing; where the reference overflows, nothing."""
    allowed = tolerance(FORMATS[model.dtype])
    finite = np.all(np.isfinite(reference), axis=(1, 2))
    _, relative = differences(reference, np.nan_to_num(got, nan=np.inf), finite)
    outside = [int(i) for i in np.flatnonzero(finite) if not relative[i] <= allowed]
    if not outside:
        return ""
    return (
        f"model of type {model.config.model_type}: TransformerLens's bridge computes something else "
        f"than transformers (a relative difference of {relative[outside[0]]:.1e} at layer "
        f"{outside[0]}, where rounding allows {allowed:.1e}); take backend=hf"
    )


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

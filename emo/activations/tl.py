"""TransformerLens backend: hook_resid_post of every block, through either of its implementations.

``bridge`` wraps the modules of transformers and takes nearly every family. For some families it
computes a part itself and may get other numbers, so it is compared with transformers before it is
used. ``hooked`` is a second implementation of the forward pass, for the families in
:mod:`emo.activations.hooked`. Both use the loaded weights without processing. They get token ids and
masks rather than texts, because TransformerLens's tokenisation adds or strips a BOS.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, assert_never
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
"""What is wrong with the bridge of a model ("" for nothing), once it is compared or excused."""


class _AllRead(Exception):
    """Raised after the last block, because the final norm and the unembedding are not needed."""


class TLBackend:
    """Reads resid_post through TransformerLens's hooks, and keeps the pooled rows only.

    A bridge puts its wrappers into the modules of the loaded model, once. The model then runs through
    them, and transformers' numbers change by rounding at most. ``hooked`` holds a second copy of the
    weights.
    """

    def __init__(self, loaded: LoadedModel, implementation: Implementation) -> None:
        match implementation:
            case Implementation.bridge:
                self.model: Any = bridge_of(loaded)
                self._options = {"use_cache": False}
            case Implementation.hooked:
                self.model = _hooked(loaded)
                self._options = {}  # HookedTransformer fills no cache unless it is given one
            case _:
                assert_never(implementation)
        config = loaded.model.config.get_text_config()
        self._device = loaded.device
        self.n_layers = int(config.num_hidden_layers)
        self.hidden = int(config.hidden_size)
        self.context = loaded.context
        self.pad_id = padding_id(loaded)
        self._stream = ResidualStream.of_model(loaded.model)

    def resid_post(self, batch: Batch) -> Float32[np.ndarray, "layer item hidden"]:
        """Mean of resid_post over each span, for every layer, in one forward pass."""
        return _read(self.model, batch, self.n_layers, self._stream, self._device, **self._options)


def _read(
    model: Any,
    batch: Batch,
    n_layers: int,
    residual: ResidualStream,
    device: str,
    **options: Any,
) -> Float32[np.ndarray, "layer item hidden"]:
    """Pooled resid_post of every layer, from one pass through a TransformerLens model."""
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
    """A HookedTransformer of a loaded model; raises NoMemory if the copy does not fit."""
    # NoMemory is raised outside the handler, where its traceback would keep half a copy alive.
    with suppress(OutOfMemory), translated_oom():
        return hooked_transformer(loaded.model)
    raise NoMemory(
        f"backend.implementation=hooked: no memory on {loaded.device} for a second copy of the "
        "weights; take bridge, or backend=hf"
    )


def bridge_of(loaded: LoadedModel) -> TransformerBridge:
    """A bridge around a loaded model, which has been compared with transformers on a short text.

    The comparison is done once per model, at every token; transformers reads before the model is
    wrapped. The two may differ by what :func:`emo.core.compare.readers.tolerance` allows for the format
    of the residual stream. A quantised model that does not repeat its own numbers to the bit cannot be
    compared and is accepted.

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
        _faults[model] = no_room  # holds until it is compared: transformers now runs through it
        if repeats:
            residual = ResidualStream.of_model(model)
            values = _read(wrapped, batch, len(reference), residual, loaded.device, use_cache=False)
            _faults[model] = _fault(model, reference, values)
        else:
            log.info("the bridge is not compared: this model does not repeat its own numbers")
            _faults[model] = ""
        if _faults[model]:
            raise ModelError(_faults[model])
        return wrapped
    raise NoMemory(no_room)


def take_as_it_is(loaded: LoadedModel) -> None:
    """Accept a model's bridge without the comparison, for a job whose purpose is to compare it."""
    _faults[loaded.model] = ""


def _check_batch(loaded: LoadedModel) -> Batch:
    ids = trial_ids(loaded)
    return pad_texts([[TokenSpan(ids, i, i + 1) for i in range(len(ids))]], 0)


def _fault(
    model: PreTrainedModel,
    reference: Float32[np.ndarray, "layer item hidden"],
    values: Float32[np.ndarray, "layer item hidden"],
) -> str:
    """What is wrong with a bridge's numbers, "" for nothing; layers that overflow are not judged."""
    allowed = tolerance(FORMATS[model.dtype])
    finite = np.all(np.isfinite(reference), axis=(1, 2))
    _, relative = differences(reference, np.nan_to_num(values, nan=np.inf), finite)
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
    # boot_transformers would change the given tokenizer, or load another.
    from transformer_lens.model_bridge.sources import build_bridge_from_module

    config = model.config
    if config is not config.get_text_config():
        # TransformerLens would look for image processors, and install them.
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

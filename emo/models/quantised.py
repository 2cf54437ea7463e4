"""Quantised models through bitsandbytes: LLM.int8, NF4 and FP4; the size of a model's weights.

Every linear layer but the output head is quantised at loading; embeddings and norms are not.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never

from emo.config.precisions import Engine, listed_unquantised
from emo.config.schema import PrecisionConfig
from emo.errors import ConfigError, ModelError
from emo.models import own_columns
from emo.models.placement import distinct_weights, places

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import BitsAndBytesConfig, PreTrainedModel

DEVICES = ("cuda", "cpu")
SKIPPED = ("lm_head", "embed_out")
"""Names of output heads in transformers; they stay in the compute dtype, as in both papers."""


def check(precision: PrecisionConfig, device: str, hooked: bool = False) -> None:
    """Refuse what cannot be quantised here, before anything is loaded.

    Raises
    ------
    ConfigError
        If bitsandbytes is missing, the device is none it was tried on, or the reader is
        HookedTransformer, which multiplies with plain copies of the weights.
    """
    if not precision.quantised:
        return
    name, plain = precision.name.value, listed_unquantised()
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigError(
            "precision", name, f"{plain} without bitsandbytes (pip install bitsandbytes)"
        )
    if device not in DEVICES:
        raise ConfigError(
            "precision", name, f"{plain} on {device}; {name} runs on {', '.join(DEVICES)}"
        )
    if hooked:
        raise ConfigError(
            "precision",
            name,
            f"{plain} with backend.implementation=hooked; take bridge, or backend=hf",
        )


def quantisation(precision: PrecisionConfig, compute_dtype: torch.dtype) -> BitsAndBytesConfig:
    """The settings transformers quantises with while it loads."""
    _quieten()
    from transformers import BitsAndBytesConfig

    match precision.traits.engine:
        case Engine.llm_int8:
            return BitsAndBytesConfig(
                load_in_8bit=True,
                llm_int8_threshold=precision.int8.threshold,
                llm_int8_skip_modules=list(SKIPPED),
            )
        case Engine.bnb_4bit:
            return BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type=precision.name.value,
                bnb_4bit_compute_dtype=compute_dtype,
                llm_int8_skip_modules=list(SKIPPED),
            )
        case Engine.plain:
            raise ValueError(f"precision={precision.name} is not quantised")
        case unknown:
            assert_never(unknown)


def _quieten() -> None:
    """Silence the line that bitsandbytes logs at each matrix product: LLM.int8 must round to fp16."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def quantise_built(model: PreTrainedModel, **loading: Any) -> PreTrainedModel:
    """A model in memory, quantised like one on disk: saved, and loaded again."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return type(model).from_pretrained(folder, **loading)


def finish(model: PreTrainedModel, label: str) -> None:
    """Make a loaded model compute in its precision, after a check that it is quantised.

    LLM.int8 takes its outlier columns from each text of a batch (:mod:`emo.models.own_columns`).

    On CPUs with AVX512-BF16, bitsandbytes repacks 4-bit weights at the first pass, rounds their scales
    to bf16 and multiplies in bf16, whatever the compute dtype is. That path is disabled here, so that a
    4-bit model gives the same numbers on every CPU.

    Raises
    ------
    ModelError
        If most weights are not quantised (some families do not keep them in plain linear layers, and
        the library skips these silently), or a layer does not have the size that config.json says,
        which transformers does not check for quantised weights.
    """
    layers = list(quantised_layers(model))
    for layer in layers:
        stored, expected = _original_shape(layer), (layer.out_features, layer.in_features)
        if stored != expected:
            raise ModelError(
                f"model={label}: its checkpoint does not fit its config.json: it has a weight matrix "
                f"of {stored[0]}x{stored[1]} where {expected[0]}x{expected[1]} is due"
            )
    quantised, skipped = sum(map(_original_size, layers)), _skipped_size(model)
    if quantised <= skipped:
        share = quantised / max(1, quantised + skipped)
        raise ModelError(
            f"model={label}: bitsandbytes quantises only {share:.0%} of this family's weight "
            "matrices; take precision=fp16 or bf16"
        )
    for layer in layers:
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False
    own_columns.install(model)


def _skipped_size(model: nn.Module) -> int:
    """Number of parameters in weight matrices that should be quantised and are not."""
    from torch import nn

    return sum(
        parameter.numel()
        for name, module in model.named_modules()
        if not isinstance(module, nn.Embedding) and not name.endswith(SKIPPED)
        for parameter in module.parameters(recurse=False)
        if parameter.ndim > 1 and parameter.is_floating_point()
    )


def quantised_layers(model: nn.Module) -> Iterator[Any]:
    """The layers with quantised weights."""
    import torch

    for module in model.modules():
        weight = module._parameters.get("weight")  # a live adapter offers that of its layer
        if isinstance(weight, torch.nn.Parameter) and not weight.is_floating_point():
            yield module


@dataclass(frozen=True)
class WeightCount:
    """Numbers of all parameters and of quantised ones, and the bytes of all.

    Tied weights count once. The scales of quantised weights count as bytes, not as parameters.
    """

    parameters: int
    quantised: int
    bytes: int
    places: dict[str, int] = field(default_factory=dict)
    """Bytes by place, if the model lies on several (:mod:`emo.models.placement`)."""

    def metrics(self) -> dict[str, float]:
        """The three numbers as metrics of a run, and the bytes on each of several places."""
        return {
            "weights_parameters": self.parameters,
            "weights_quantised_parameters": self.quantised,
            "weights_bytes": self.bytes,
            **{f"weights_bytes_{place.replace(':', '')}": n for place, n in self.places.items()},
        }


def count_weights(model: nn.Module) -> WeightCount:
    """The weight count of a loaded model, quantised or not."""
    quantised = scales = packed = 0
    for layer in quantised_layers(model):
        quantised += _original_size(layer)
        packed += layer.weight.numel()
        scales += sum(t.nbytes for t in _scales(layer))
    weights = [weight for _, weight in distinct_weights(model)]
    stored = sum(weight.numel() for weight in weights)
    spread = places(model)
    return WeightCount(
        parameters=stored - packed + quantised,
        quantised=quantised,
        bytes=sum(weight.nbytes for weight in weights) + scales,
        places=spread if len(spread) > 1 else {},
    )


def _original_size(layer: Any) -> int:
    return math.prod(_original_shape(layer))


def _original_shape(layer: Any) -> tuple[int, ...]:
    state = getattr(layer.weight, "quant_state", None)
    return tuple(layer.weight.shape if state is None else state.shape)


def _scales(layer: Any) -> list[torch.Tensor]:
    """Scale factors of a quantised layer: per row in int8, per block of 64 weights in 4 bits."""
    if (state := getattr(layer.weight, "quant_state", None)) is not None:
        return [state.absmax]
    scales = layer.weight.SCB  # moves to the layer's state at the first pass
    return [layer.state.SCB if scales is None else scales]

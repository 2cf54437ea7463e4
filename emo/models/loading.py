"""A located model, loaded in a precision onto a device."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from emo.config.enums import Attention, Device, FloatFormat, PrecisionName, Source
from emo.config.schema import ModelConfig, PrecisionConfig
from emo.errors import ConfigError, ModelError
from emo.models import placement, quantised
from emo.models.adapters import merge, with_adapter
from emo.models.emulated import has_products
from emo.models.gguf import converted_file
from emo.models.nudging import set_nudge
from emo.models.own_columns import set_columns
from emo.models.packaged import converted_folder
from emo.models.placement import Room
from emo.models.pretrained import Checkpoint, from_pretrained
from emo.models.quantised import WeightCount, count_weights
from emo.models.translating import about_model, quiet
from emo.models.weights import Weights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A model in eval mode on its device, with its tokenizer and the identity of its weights."""

    model: PreTrainedModel
    tokenizer: Any
    weights: Weights
    device: str
    precision: PrecisionName
    head: bool = True
    """Whether the model has its output head; without it, it can be read but cannot write."""
    weight_count: WeightCount = field(init=False)
    """Counted before TransformerLens wraps the modules, which adds copies of weights."""
    wrapped: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """Wrappers around the modules of this model (its bridge), by name; they stay for good."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight_count", count_weights(self.model))

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens; None if the model states none."""
        config = self.model.config.get_text_config()
        for name in ("max_position_embeddings", "n_positions", "seq_length"):
            if (value := getattr(config, name, None)) is not None:
                return int(value)
        return None

    def for_writing(self) -> LoadedModel:
        """This model, for a caller that needs its logits.

        Raises
        ------
        ModelError
            If its checkpoint has no output head.
        """
        if not self.head:
            raise ModelError(
                f"model.id={self.weights.id}: its checkpoint has no output head: passages can be read "
                "with it (job=extract with method=comprehension, job=precision), it writes no text"
            )
        return self


def pick_device(device: Device) -> str:
    """The device type to run on.

    Raises
    ------
    ConfigError
        If this machine does not have the device.
    """
    import torch

    usable = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    available = [name for name, is_usable in usable.items() if is_usable]
    match device:
        case Device.auto:
            return available[0]
        case Device.cuda | Device.mps | Device.cpu:
            if device.value in available:
                return device.value
            raise ConfigError(
                "backend.device",
                device.value,
                f"{', '.join(available)}, auto (this machine has no {device.value})",
            )
        case _:
            assert_never(device)


def torch_dtype(format: FloatFormat) -> torch.dtype:
    """The dtype of activations, and of weights that are not quantised."""
    import torch

    return {
        FloatFormat.fp32: torch.float32,
        FloatFormat.bf16: torch.bfloat16,
        FloatFormat.fp16: torch.float16,
    }[format]


def load(
    config: ModelConfig,
    weights: Weights,
    precision: PrecisionConfig,
    attention: Attention,
    device: str,
    weights_folder: Path,
    room: Room = Room(),  # noqa: B008
) -> LoadedModel:
    """The model and its tokenizer.

    Raises
    ------
    ModelError
        If the weights, the family or the memory do not allow it.
    ConfigError
        If this machine cannot run the precision.
    """
    quiet()
    sum_in_fp32()
    quantised.check(precision, device)
    _check_attention(attention)
    dtype = torch_dtype(precision.compute_dtype)
    options: dict[str, Any] = {"dtype": dtype, "attn_implementation": attention.value}
    if precision.quantised:
        options |= {
            "quantization_config": quantised.quantisation(precision, dtype),
            "device_map": {"": device},
        }
    subject = f"model={config.label}"
    head = True
    try:
        with placement.placing(room, device, weights_folder) as placed:
            match config.source:
                case Source.tiny:
                    with about_model(subject, "it"):
                        model, tokenizer = _tiny(config, precision, options, placed)
                case Source.hub | Source.smollm2_package | Source.gemma3_package:
                    checkpoint = _checkpoint(config, weights, weights_folder)
                    loaded = from_pretrained(checkpoint, options | placed)
                    model, tokenizer, head = loaded.model, loaded.tokenizer, loaded.head
                case _:
                    assert_never(config.source)
            placement.keep_folder(model, placed)
            placement.refuse_overfull(model, room, subject)
        with about_model(subject, "it"):
            if precision.quantised:
                quantised.finish(model, config.label)
            elif not placed:
                # Without a dtype, because transformers keeps some buffers (rotary frequencies) in fp32.
                model = model.to(device=device)  # pyright: ignore
    except MemoryError:
        raise ModelError(
            f"{subject}: its weights do not fit into the memory of {device} in "
            f"{precision.name.value}; take a smaller precision, or backend.device=cpu"
        ) from None
    set_nudge(model, precision.nudge)
    set_columns(model, precision.columns)
    if placed:
        sizes = placement.in_words(placement.places(model))
        log.info("backend.placement=%s: %s", room.placement.value, sizes)
    if weights.adapter is not None and weights.adapter.merged:
        merge(model, weights.adapter)
    base = weights.base
    _quicken(model, precision, device, room.packed and not placed)
    loaded = LoadedModel(model.eval(), tokenizer, base, device, precision.name, head)
    return loaded if base is weights else with_adapter(loaded, weights)


def sum_in_fp32() -> None:
    """Have CUDA's libraries sum products of 16-bit numbers in fp32.

    They may add partial sums in 16 bits, which torch allows unless told otherwise.
    """
    import torch

    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False


def _quicken(
    model: PreTrainedModel, precision: PrecisionConfig, device: str, may_copy: bool
) -> None:
    """Let a model compute the same numbers, up to rounding, in less time."""
    from emo.models import grouped, packing

    if precision.name is PrecisionName.fp32:
        grouped.group(model)
        if may_copy:
            packing.pack(model)
    elif device == "cpu" and not has_products(precision.compute_dtype):
        grouped.group(model, wide=True)


def _check_attention(attention: Attention) -> None:
    from transformers.utils.import_utils import is_flash_attn_2_available

    if attention is Attention.flash_attention_2 and not is_flash_attn_2_available():
        raise ConfigError(
            "backend.attention",
            attention.value,
            "eager, sdpa here: the package flash_attn, or a GPU that it works on, is missing",
        )


def _checkpoint(config: ModelConfig, weights: Weights, weights_folder: Path) -> Checkpoint:
    """What is loaded: a hub id at its commit, or a folder; for a GGUF file the converted folder."""
    subject = f"model.id={config.id}"
    if weights.id is None:
        return Checkpoint(str(converted_folder(config.source, weights_folder)), None, subject)
    if not weights.local:
        return Checkpoint(weights.id, weights.checkpoint_revision, subject)
    if Path(weights.id).is_file():
        folder = converted_file(Path(weights.id), weights.checkpoint_revision, weights_folder)
        return Checkpoint(str(folder), None, subject)
    return Checkpoint(weights.id, None, subject)


def _tiny(
    config: ModelConfig,
    precision: PrecisionConfig,
    options: dict[str, Any],
    placed: dict[str, Any],
) -> tuple[PreTrainedModel, Any]:
    from emo.models.tiny import build

    shape = config.tiny
    model, tokenizer = build(shape.architecture, shape.n_layers, shape.hidden, shape.seed)
    if precision.quantised:
        model = quantised.quantise_built(model, **(options | placed))
        return model, tokenizer
    for parameter in model.parameters():  # without the buffers, like from_pretrained
        parameter.data = parameter.data.to(options["dtype"])
    if options["attn_implementation"] != Attention.eager.value:
        model.set_attn_implementation(options["attn_implementation"])
    return placement.place_built(model, placed) if placed else model, tokenizer

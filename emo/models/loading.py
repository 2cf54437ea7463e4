"""Load a located model in a precision onto a device."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.config.enums import Attention, Device, FloatFormat, PrecisionName, Source
from emo.config.schema import ModelConfig, PrecisionConfig
from emo.errors import ConfigError, ModelError
from emo.models import quantised
from emo.models.gguf import converted_file
from emo.models.packaged import converted_folder
from emo.models.pretrained import Checkpoint, from_pretrained
from emo.models.quantised import WeightCount, count_weights
from emo.models.translating import about_model, quiet
from emo.models.weights import Weights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class LoadedModel:
    """A model in eval mode on its device, its tokenizer, and which weights they are."""

    model: PreTrainedModel
    tokenizer: Any
    weights: Weights
    device: str
    precision: PrecisionName
    head: bool = True
    """Whether it has its output head; without it the model can be read and cannot write."""
    weight_count: WeightCount = field(init=False)
    """The model's own weights: TransformerLens adds copies when it wraps the modules."""
    wrapped: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What was put around the modules of this model and stays there: its bridge."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight_count", count_weights(self.model))

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens, where the model states one."""
        config = self.model.config.get_text_config()
        for name in ("max_position_embeddings", "n_positions", "seq_length"):
            if (value := getattr(config, name, None)) is not None:
                return int(value)
        return None

    def for_writing(self) -> LoadedModel:
        """The model itself, asked for by whoever needs its logits.

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
        If the one asked for is not there.
    """
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device is Device.auto:
        return next(name for name, available in there.items() if available)
    if not there[device.value]:
        raise ConfigError(
            "backend.device",
            device.value,
            f"{', '.join(n for n, a in there.items() if a)}, auto (this machine has no "
            f"{device.value})",
        )
    return device.value


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
) -> LoadedModel:
    """Load model and tokenizer.

    Raises
    ------
    ModelError
        One line for whatever is wrong with the weights, the family or the memory.
    ConfigError
        If the precision cannot be had on this machine.
    """
    quiet()
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
        if config.source is Source.tiny:
            with about_model(subject, "it"):
                model, tokenizer = _tiny(config, precision, options)
        else:
            found = from_pretrained(_checkpoint(config, weights, weights_folder), options)
            model, tokenizer, head = found.model, found.tokenizer, found.head
        with about_model(subject, "it"):
            if precision.quantised:
                quantised.finish(model, config.label)
            else:
                # No dtype here: transformers keeps some buffers (rotary frequencies) in fp32.
                model = model.to(device=device)  # pyright: ignore
    except MemoryError:
        raise ModelError(
            f"{subject}: its weights do not fit into the memory of {device} in "
            f"{precision.name.value}; take a smaller precision, or backend.device=cpu"
        ) from None
    return LoadedModel(model.eval(), tokenizer, weights, device, precision.name, head)


def _check_attention(attention: Attention) -> None:
    from transformers.utils.import_utils import is_flash_attn_2_available

    if attention is Attention.flash_attention_2 and not is_flash_attn_2_available():
        raise ConfigError(
            "backend.attention",
            attention.value,
            "eager, sdpa here: the package flash_attn, or a GPU that it works on, is missing",
        )


def _checkpoint(config: ModelConfig, weights: Weights, weights_folder: Path) -> Checkpoint:
    """What is loaded: a hub id at its commit, or a folder, of GGUF files the converted one."""
    subject = f"model.id={config.id}"
    if weights.id is None:
        return Checkpoint(str(converted_folder(config.source, weights_folder)), None, subject)
    if not weights.local:
        return Checkpoint(weights.id, weights.revision, subject)
    if Path(weights.id).is_file():
        made = converted_file(Path(weights.id), weights.revision, weights_folder)
        return Checkpoint(str(made), None, subject)
    return Checkpoint(weights.id, None, subject)


def _tiny(
    config: ModelConfig, precision: PrecisionConfig, options: dict[str, Any]
) -> tuple[PreTrainedModel, Any]:
    from emo.models.tiny import build

    shape = config.tiny
    model, tokenizer = build(shape.architecture, shape.n_layers, shape.hidden, shape.seed)
    if precision.quantised:
        model = quantised.quantise_built(model, **options)
        return model, tokenizer
    for parameter in model.parameters():  # and no buffers, as from_pretrained does it
        parameter.data = parameter.data.to(options["dtype"])
    if options["attn_implementation"] != Attention.eager.value:
        model.set_attn_implementation(options["attn_implementation"])
    return model, tokenizer

"""Load a located model in a precision onto a device."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.choices import Attention, Device, FloatFormat, PrecisionName, Source
from emo.config import ModelConfig, PrecisionConfig
from emo.errors import ConfigError, ModelError
from emo.models import quantised
from emo.models.packaged import converted_folder
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

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens, where the model states one."""
        config = self.model.config.get_text_config()
        for name in ("max_position_embeddings", "n_positions", "seq_length"):
            if (value := getattr(config, name, None)) is not None:
                return int(value)
        return None


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
    quiet_unless_watched()
    quantised.check(precision, device)
    dtype = torch_dtype(precision.compute_dtype)
    options: dict[str, Any] = {"dtype": dtype, "attn_implementation": attention.value}
    if precision.quantised:
        options |= {
            "quantization_config": quantised.quantisation(precision, dtype),
            "device_map": {"": device},
        }
    try:
        if config.source is Source.tiny:
            model, tokenizer = _tiny(config, precision, options)
        else:
            where = weights.id or str(converted_folder(config.source, weights_folder))
            revision = weights.revision if _is_hub_id(where) else None
            model, tokenizer = _from_pretrained(where, revision, options, config)
        if precision.quantised:
            quantised.finish(model, config.label)
        else:
            model = model.to(device=device, dtype=dtype)  # pyright: ignore
    except RuntimeError as error:
        if "memory" in str(error).lower():
            raise ModelError(
                f"model={config.label}: its weights do not fit into the memory of {device} in "
                f"{precision.name.value}; take a smaller precision, or backend.device=cpu"
            ) from None
        raise
    return LoadedModel(model.eval(), tokenizer, weights, device, precision.name)


def _tiny(
    config: ModelConfig, precision: PrecisionConfig, options: dict[str, Any]
) -> tuple[PreTrainedModel, Any]:
    from emo.models.tiny import build

    shape = config.tiny
    model, tokenizer = build(shape.architecture, shape.n_layers, shape.hidden, shape.seed)
    if precision.quantised:
        model = quantised.quantise_built(model, **options)
    elif options["attn_implementation"] != Attention.eager.value:
        model.set_attn_implementation(options["attn_implementation"])
    return model, tokenizer


def quiet_unless_watched() -> None:
    """The library's own progress bars where somebody looks, and nowhere else."""
    from transformers.utils import logging as transformers_logging

    if not sys.stderr.isatty():
        transformers_logging.disable_progress_bar()


def _is_hub_id(where: str) -> bool:
    return not Path(where).is_dir()


def _from_pretrained(
    where: str,
    revision: str | None,
    options: dict[str, Any],
    config: ModelConfig,
) -> tuple[PreTrainedModel, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    common: dict[str, Any] = {"revision": revision} if revision else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, **common)
        model = AutoModelForCausalLM.from_pretrained(
            where, low_cpu_mem_usage=True, **options, **common
        )
    except (OSError, ValueError, ImportError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"model.id={config.id}: cannot be loaded: {reason[:300]}") from error
    return model, tokenizer

"""Load a located model in a precision onto a device."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from emo.choices import Attention, Device, FloatFormat, PrecisionName, Source
from emo.config import ModelConfig, PrecisionConfig
from emo.errors import ConfigError, ModelError
from emo.models import quantised
from emo.models.packaged import converted_folder
from emo.models.quantised import WeightCount, count_weights
from emo.models.weights import Weights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel


@dataclass(frozen=True)
class LoadedModel:
    """A model in eval mode on its device, its tokenizer, and which weights they are."""

    model: PreTrainedModel
    tokenizer: Any
    weights: Weights
    device: str
    precision: PrecisionName
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
            # No dtype here: transformers keeps some buffers (rotary frequencies) in fp32.
            model = model.to(device=device)  # pyright: ignore
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
        return model, tokenizer
    for parameter in model.parameters():  # and no buffers, as from_pretrained does it
        parameter.data = parameter.data.to(options["dtype"])
    if options["attn_implementation"] != Attention.eager.value:
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
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM

    common: dict[str, Any] = {"revision": revision} if revision else {}
    broken = (
        OSError,
        ValueError,
        ImportError,
        KeyError,
        EOFError,
        UnpicklingError,
        SafetensorError,
    )
    try:
        _refuse_quantised(AutoConfig.from_pretrained(where, **common), config)
        tokenizer = _tokenizer(where, common, config)
        with _one_line():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                where,
                low_cpu_mem_usage=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # named below
                **options,
                **common,
            )
    except broken as error:
        raise _cannot_be_loaded(error, config) from error
    except RuntimeError as error:
        if "memory" in str(error).lower():
            raise
        raise _cannot_be_loaded(error, config) from error
    model, info = loaded
    _refuse_incomplete(info, config)
    return model, tokenizer


def _cannot_be_loaded(error: Exception, config: ModelConfig, what: str = "") -> ModelError:
    reason = " ".join(str(error).split())
    return ModelError(f"model.id={config.id}: {what}cannot be loaded: {reason[:300]}")


def _refuse_quantised(checkpoint: PreTrainedConfig, config: ModelConfig) -> None:
    """A checkpoint that is quantised already computes neither what a precision says nor fp32."""
    for part in (checkpoint, checkpoint.get_text_config()):
        if (how := getattr(part, "quantization_config", None)) is not None:
            method = how.get("quant_method") if isinstance(how, dict) else None
            raise ModelError(
                f"model.id={config.id}: its weights are quantised already "
                f"({method or 'quantization_config in its config.json'}); take the checkpoint they "
                "were made from, every precision starts from that"
            )


def _tokenizer(where: str, common: dict[str, Any], config: ModelConfig) -> Any:
    """The model's tokenizer, refused if it knows no text.

    Without files, transformers makes some families an empty one, which gives no tokens, or the
    unknown one for every text.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(where, **common)
    except Exception as error:  # the tokenizers library raises nothing more special
        raise _cannot_be_loaded(error, config, "its tokenizer ") from error
    ids = tokenizer("A week has seven days.", add_special_tokens=False)["input_ids"]
    if set(ids) <= set(tokenizer.all_special_ids):
        raise ModelError(
            f"model.id={config.id}: its tokenizer knows no text; its files (tokenizer.json or "
            "tokenizer.model, tokenizer_config.json) are missing or empty"
        )
    return tokenizer


def _refuse_incomplete(info: dict[str, Any], config: ModelConfig) -> None:
    """Transformers draws at random what a checkpoint lacks, and only warns."""
    missing = sorted(info["missing_keys"])
    wrong = [
        f"{name} ({_shape(found)} in the checkpoint, {_shape(wanted)} in the model)"
        for name, found, wanted in sorted(info["mismatched_keys"])
    ]
    problems = [
        f"{words} {_some(names)}" for words, names in (("lacks", missing), ("has", wrong)) if names
    ]
    if problems:
        raise ModelError(
            f"model.id={config.id}: its checkpoint does not fit its config.json: it "
            f"{' and '.join(problems)}; such weights would be random"
        )


@contextmanager
def _one_line() -> Iterator[None]:
    """Without transformers' table of the tensors that are refused in one line."""

    def other(record: logging.LogRecord) -> bool:
        return not any(word in record.getMessage() for word in ("MISSING", "MISMATCH"))

    logger = logging.getLogger("transformers.modeling_utils")
    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)


def _shape(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more

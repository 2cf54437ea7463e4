"""A model and its tokenizer from a checkpoint of transformers, or one line with the reason why not.

Transformers draws missing weights at random, runs code of the model's repository if it is allowed to,
and applies adapters that it finds; here it does none of this. The model is first built without memory
for its weights (on torch's ``meta`` device) and compared with the checkpoint.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emo.errors import ModelError
from emo.models.folders import MERGE
from emo.models.placement import at_hand
from emo.models.translating import about_model, needs_code

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel

log = logging.getLogger(__name__)

CLASSES = {
    "CausalLM": "MODEL_FOR_CAUSAL_LM_MAPPING",
    "MultimodalLM": "MODEL_FOR_MULTIMODAL_LM_MAPPING",
}
"""Transformers' kinds of models that write text, in the order in which they are tried, each with the
name of its mapping. Of the second kind (images or sound besides text) only the language part is used."""
PROBE = "A week has seven days."


@dataclass(frozen=True)
class Pretrained:
    """A model on the device it was loaded to, and its tokenizer."""

    model: PreTrainedModel
    tokenizer: Any
    head: bool
    """Whether the checkpoint has the output head; without it the model can only be read."""


@dataclass(frozen=True)
class Checkpoint:
    """The place of a model: a folder, or a hub id with its commit. Errors begin with ``subject``."""

    where: str
    revision: str | None
    subject: str

    @property
    def common(self) -> dict[str, Any]:
        """Arguments of every loader of transformers."""
        arguments: dict[str, Any] = {"trust_remote_code": False}
        return arguments | ({"revision": self.revision} if self.revision else {})


def from_pretrained(checkpoint: Checkpoint, options: dict[str, Any]) -> Pretrained:
    """The model of a checkpoint; ``options`` are dtype, attention, device map and quantisation.

    Raises
    ------
    ModelError
        If the checkpoint cannot be used, with the reason in one line.
    MemoryError
        If it does not fit into memory.
    """
    subject = checkpoint.subject
    with about_model(subject, "its config.json"):
        config = _config(checkpoint)
    loader = _loader(config, subject)
    with about_model(subject, "its tokenizer"):
        tokenizer = _tokenizer(checkpoint)
    with about_model(subject, "the model that its config.json describes"):
        head = _held_against(checkpoint, loader, tokenizer)
    with about_model(subject, "it"):
        model, info = loader.from_pretrained(
            checkpoint.where,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refuse_incomplete names them
            **options,
            **checkpoint.common,
        )
    name = _head_name(model)
    refuse_incomplete(info, subject, "" if head else name)
    if getattr(model, "_hf_peft_config_loaded", False):  # an adapter on the hub
        raise ModelError(f"{subject}: a PEFT adapter stands beside the weights; {MERGE}")
    if not head:
        _take_out(model, name)
    _refuse_non_finite(model, subject)
    return Pretrained(model, tokenizer, head)


def _config(checkpoint: Checkpoint) -> PreTrainedConfig:
    """The checkpoint's config, refused if transformers has no code for the family."""
    import transformers
    from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig

    raw, _ = PreTrainedConfig.get_config_dict(checkpoint.where, revision=checkpoint.revision)
    family = raw.get("model_type")
    if family not in CONFIG_MAPPING:
        if raw.get("auto_map"):
            raise ModelError(f"{checkpoint.subject}: {needs_code('it')}")
        what = "it names no model_type" if family is None else f"its family {family!r} is unknown"
        raise ModelError(
            f"{checkpoint.subject}: its config.json cannot be used: {what} to transformers "
            f"{transformers.__version__}"
        )
    config = AutoConfig.from_pretrained(checkpoint.where, **checkpoint.common)
    _refuse_quantised(config, checkpoint.subject)
    return config


def _refuse_quantised(config: PreTrainedConfig, subject: str) -> None:
    """Refuse a checkpoint that is quantised already, because it computes in none of our precisions."""
    for part in (config, config.get_text_config()):
        if (how := getattr(part, "quantization_config", None)) is not None:
            method = how.get("quant_method") if isinstance(how, dict) else None
            raise ModelError(
                f"{subject}: its weights are quantised already "
                f"({method or 'quantization_config in its config.json'}); take the checkpoint they "
                "were made from, every precision starts from that"
            )


def _loader(config: PreTrainedConfig, subject: str) -> Any:
    """The class of transformers that loads models of this config.

    Raises
    ------
    ModelError
        If the model does not write text with a decoder alone.
    """
    import transformers

    parts = (config, config.get_text_config())
    decodes = not any(getattr(part, "is_encoder_decoder", False) for part in parts)
    for kind, mapping in CLASSES.items():
        if decodes and type(config) in getattr(transformers, mapping):
            return getattr(transformers, f"AutoModelFor{kind}")
    raise ModelError(
        f"{subject}: it is no decoder-only language model to transformers "
        f"{transformers.__version__} (model of type {config.model_type})"
    )


def _tokenizer(checkpoint: Checkpoint) -> Any:
    """The model's tokenizer, refused if it cannot encode plain text.

    If the files are missing, transformers gives some families an empty tokenizer, whose texts have no
    tokens or only unknown ones. The package mistral-common is not used, so that the tokenizer of a
    Mistral model does not depend on whether it is installed.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        checkpoint.where, mistral_format=False, **checkpoint.common
    )
    if set(_probe(tokenizer)) <= set(tokenizer.all_special_ids):
        raise ModelError(
            f"{checkpoint.subject}: its tokenizer knows no text; its files (tokenizer.json or "
            "tokenizer.model, tokenizer_config.json) are missing or empty"
        )
    return tokenizer


def _probe(tokenizer: Any) -> list[int]:
    """Token ids of a plain sentence."""
    return tokenizer(PROBE, add_special_tokens=False)["input_ids"]


def _held_against(checkpoint: Checkpoint, loader: Any, tokenizer: Any) -> bool:
    """Whether the checkpoint has the model's output head, after all other checks without memory.

    The model is built without memory for its weights, and names and shapes are compared with the
    checkpoint.

    Raises
    ------
    ModelError
        If another weight is missing or has another shape, or the tokenizer is another model's.
    """
    model, info = loader.from_pretrained(
        checkpoint.where,
        device_map="meta",
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        **checkpoint.common,
    )
    name = _head_name(model)
    head = not any(_belongs(key, name) for key in info["missing_keys"])
    refuse_incomplete(info, checkpoint.subject, name)
    if unread := sorted(info["unexpected_keys"]):
        log.debug("%s: not part of the model: %s", checkpoint.subject, ", ".join(unread))
    rows = model.get_input_embeddings().num_embeddings
    if (highest := max(_probe(tokenizer))) >= rows:
        raise ModelError(
            f"{checkpoint.subject}: its tokenizer gives plain text the token id {highest}, its "
            f"embedding table has {rows} rows: the tokenizer is another model's"
        )
    return head


def _head_name(model: PreTrainedModel) -> str:
    """Name of the module that computes logits; "" if there is no such module."""
    head = model.get_output_embeddings()
    return next((name for name, module in model.named_modules() if module is head), "")


def _belongs(key: str, module: str) -> bool:
    return bool(module) and key.startswith(f"{module}.")


def refuse_incomplete(info: dict[str, Any], subject: str, may_lack: str = "") -> None:
    """Refuse a checkpoint with missing weights, which transformers draws at random with a warning.

    ``info`` is the loading info of transformers, ``may_lack`` the name of a module that may be missing.

    Raises
    ------
    ModelError
        Naming the weights that are missing or have another shape.
    """
    missing = sorted(key for key in info["missing_keys"] if not _belongs(key, may_lack))
    wrong = [
        f"{name} ({_shape(stored)} in the checkpoint, {_shape(expected)} in the model)"
        for name, stored, expected in sorted(info["mismatched_keys"])
    ]
    problems = [
        f"{words} {_some(names)}" for words, names in (("lacks", missing), ("has", wrong)) if names
    ]
    if problems:
        raise ModelError(
            f"{subject}: its checkpoint does not fit its config.json: it "
            f"{' and '.join(problems)}; such weights would be random"
        )


def _shape(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more


def _take_out(model: PreTrainedModel, head: str) -> None:
    """Remove the output head of a model whose checkpoint has none, because it is random."""
    from torch import nn

    model.set_submodule(head, nn.Identity())


def _refuse_non_finite(model: PreTrainedModel, subject: str) -> None:
    """Refuse weights that are NaN, or too large for the precision."""
    for part, module in model.named_modules():
        with at_hand(module):
            for name, weight in module.named_parameters(part, recurse=False):
                if not _finite(weight.detach()):
                    kind = str(weight.dtype).removeprefix("torch.")
                    raise ModelError(
                        f"{subject}: its weight {name} is not finite in {kind}: the checkpoint is "
                        "damaged, or its numbers are too large for this precision (precision=bf16 or "
                        "fp32)"
                    )


def _finite(weight: torch.Tensor) -> bool:
    import torch

    if not weight.is_floating_point() or not weight.numel():
        return True
    return bool(torch.stack(torch.aminmax(weight)).isfinite().all())

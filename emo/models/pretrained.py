"""A checkpoint in transformers' layout as a model and a tokenizer, or one line that says why not.

Transformers draws at random what a checkpoint lacks, runs a repository's own code if it is allowed to,
and applies adapters it finds; nothing of this happens here. What is loaded is first built without
memory for its weights (on torch's ``meta`` device) and held against the checkpoint.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emo.errors import ModelError
from emo.models.folders import MERGE
from emo.models.translating import about_model, needs_code

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

log = logging.getLogger(__name__)

CLASSES = ("CausalLM", "MultimodalLM")
"""Transformers' kinds of models that write text, in the order in which they are tried. Of the second
kind (images or sound besides text) only the language part is used."""
PROBE = "A week has seven days."


@dataclass(frozen=True)
class Pretrained:
    """A model on the device it was loaded to, and its tokenizer."""

    model: PreTrainedModel
    tokenizer: Any
    head: bool
    """Whether the checkpoint has the output head; without it the model can be read only."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a model is: a folder, or a hub id with its commit; ``subject`` is what errors are about."""

    where: str
    revision: str | None
    subject: str

    @property
    def common(self) -> dict[str, Any]:
        """What every loader of transformers is given."""
        found: dict[str, Any] = {"trust_remote_code": False}
        return found | ({"revision": self.revision} if self.revision else {})


def from_pretrained(checkpoint: Checkpoint, options: dict[str, Any]) -> Pretrained:
    """Load a checkpoint; ``options`` are dtype, attention, device map and quantisation.

    Raises
    ------
    ModelError
        One line for whatever is wrong with it.
    MemoryError
        If there is no room for it.
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
            ignore_mismatched_sizes=True,  # named by refuse_incomplete
            **options,
            **checkpoint.common,
        )
    name = _head_name(model)
    refuse_incomplete(info, subject, "" if head else name)
    if getattr(model, "_hf_peft_config_loaded", False):  # found after all, on the hub
        raise ModelError(f"{subject}: a PEFT adapter stands beside the weights; {MERGE}")
    if not head:
        _take_out(model, name)
    _refuse_non_finite(model, subject)
    return Pretrained(model, tokenizer, head)


def _config(checkpoint: Checkpoint) -> PreTrainedConfig:
    """The checkpoint's config, refused if no code of ours or transformers' is for it."""
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
    """A checkpoint that is quantised already computes neither what a precision says nor fp32."""
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
        If none does that writes text with a decoder alone.
    """
    import transformers

    parts = (config, config.get_text_config())
    decodes = not any(getattr(part, "is_encoder_decoder", False) for part in parts)
    kinds = {
        "CausalLM": "MODEL_FOR_CAUSAL_LM_MAPPING",
        "MultimodalLM": "MODEL_FOR_MULTIMODAL_LM_MAPPING",
    }
    for kind in CLASSES:
        if decodes and type(config) in getattr(transformers, kinds[kind]):
            return getattr(transformers, f"AutoModelFor{kind}")
    raise ModelError(
        f"{subject}: it is no decoder-only language model to transformers "
        f"{transformers.__version__} (model of type {config.model_type})"
    )


def _tokenizer(checkpoint: Checkpoint) -> Any:
    """The model's tokenizer, refused if it knows no text.

    Without files, transformers makes some families an empty one, which gives no tokens, or the
    unknown one for every text. Which of two tokenizers a Mistral model gets would depend on whether
    the package mistral-common is installed: it is not asked.
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
    """Build the model without memory for its weights; whether the checkpoint has its output head.

    Names and shapes are compared as they will be when it is loaded, before room is made for any.

    Raises
    ------
    ModelError
        If anything else is missing or has another shape, or the tokenizer is another model's.
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
    """Name of the module that makes logits; "" if the model has none of its own."""
    head = model.get_output_embeddings()
    return next((name for name, module in model.named_modules() if module is head), "")


def _belongs(key: str, module: str) -> bool:
    return bool(module) and key.startswith(f"{module}.")


def refuse_incomplete(info: dict[str, Any], subject: str, may_lack: str = "") -> None:
    """Refuse what transformers has not found in a checkpoint: it draws it at random and only warns.

    ``info`` is its loading info, ``may_lack`` a module that need not be there.

    Raises
    ------
    ModelError
        Naming what is missing or has another shape.
    """
    missing = sorted(key for key in info["missing_keys"] if not _belongs(key, may_lack))
    wrong = [
        f"{name} ({_shape(found)} in the checkpoint, {_shape(wanted)} in the model)"
        for name, found, wanted in sorted(info["mismatched_keys"])
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
    """Leave no output head in a model whose checkpoint has none: its weights would be random."""
    from torch import nn

    model.set_submodule(head, nn.Identity())


def _refuse_non_finite(model: PreTrainedModel, subject: str) -> None:
    """Refuse weights that are no numbers, or too large for the precision."""
    import torch

    for name, weight in model.named_parameters():
        if not weight.is_floating_point() or not weight.numel():
            continue
        if not torch.stack(torch.aminmax(weight.detach())).isfinite().all():
            kind = str(weight.dtype).removeprefix("torch.")
            raise ModelError(
                f"{subject}: its weight {name} is not finite in {kind}: the checkpoint is damaged, or "
                "its numbers are too large for this precision (precision=bf16 or fp32)"
            )

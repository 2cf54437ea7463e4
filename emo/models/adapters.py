"""PEFT adapters on a model: merged into its weights, or live beside them.

A live adapter leaves the base weights as they are, so a base model and its fine-tunes are read with one
set of weights in memory (Hu et al. 2021, arXiv:2106.09685, section 4.1: the tune computes W x + B A x).
A merged one changes them once; in half precision that rounds W + B A to the format.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from emo.config.checks import is_path
from emo.config.enums import Placement
from emo.config.schema import BackendConfig, ModelConfig, PrecisionConfig
from emo.errors import ConfigError, ModelError
from emo.models.digests import folder_digest
from emo.models.folders import ModelFolder, Unusable, read_object, refuse_stand_in
from emo.models.safetensors_header import damage, tensor_names
from emo.models.translating import about_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from emo.models.loading import LoadedModel
    from emo.models.weights import Weights

log = logging.getLogger(__name__)

CONFIG, FILE = "adapter_config.json", "adapter_model.safetensors"
KINDS = ("LORA", "IA3", "LOHA", "LOKR")
"""PEFT's kinds of adapters that are taken; each has a test."""


@dataclass(frozen=True)
class Adapter:
    """One exact adapter: a folder with its configuration and its weights."""

    folder: Path
    digest: str
    base: str
    """The model that it was trained on, in the words of its configuration; "" if it names none."""
    merged: bool

    @property
    def revision(self) -> str:
        """What follows the revision of the base weights: merged and live differ in rounding."""
        return f"+adapter-{self.digest[:16]}{'-merged' if self.merged else ''}"


def check(model: ModelConfig, backend: BackendConfig, precision: PrecisionConfig) -> None:
    """Refuse an adapter where the reader, the placement or the precision cannot have it.

    Raises
    ------
    ConfigError
        Naming the parameter and what is allowed.
    """
    if model.adapter is None:
        if model.adapter_merged:
            raise ConfigError("model.adapter_merged", True, "false without model.adapter")
        return
    if backend.placement is Placement.offload:
        allowed = "null with backend.placement=offload; take single or balanced"
        raise ConfigError("model.adapter", model.adapter, allowed)
    if model.adapter_merged and precision.quantised:
        name = precision.name.value
        raise ConfigError("model.adapter_merged", True, f"false with precision={name}")
    if not model.adapter_merged and backend.label not in ("hf", "auto"):
        raise ConfigError("model.adapter_merged", False, "true with backend=tl")


def add_adapter(
    weights: Weights, model: ModelConfig, path: Callable[[str], Path], cache: Path | None
) -> Weights:
    """The weights of a model with its configured adapter, if there is one; nothing is loaded.

    Raises
    ------
    ConfigError
        If peft is not installed.
    ModelError
        If the adapter is missing, damaged, or of a kind that is not taken.
    """
    if model.adapter is None:
        return weights
    subject = f"model.adapter={model.adapter}"
    place = path(model.adapter)
    if not place.exists() and not is_path(model.adapter):
        place = _from_hub(model.adapter)
    try:
        adapter = _read(place, model.adapter_merged, cache)
    except Unusable as error:
        raise ModelError(f"{subject}: {error}") from None
    if importlib.util.find_spec("peft") is None:
        raise ConfigError(
            "model.adapter",
            model.adapter,
            "null without the package peft (pip install 'emotion-geometry[adapters]')",
        )
    if adapter.base and weights.id and Path(adapter.base).name != Path(weights.id).name:
        _warn(f"{subject}: it was trained on {adapter.base}, the base here is {model.id}")
    how = "merged" if adapter.merged else "live"
    note = "; ".join(filter(None, (weights.note, f"adapter {place.name} ({how})")))
    revision = weights.revision + adapter.revision
    return replace(weights, revision=revision, note=note, adapter=adapter, untuned=weights)


@cache
def _warn(line: str) -> None:
    """Log a warning, in this process once: one job locates its weights several times."""
    log.warning("%s", line)


def _from_hub(id: str) -> Path:
    """The folder of the hub's cache with an adapter, fetched where there is network."""
    import huggingface_hub as hub

    with about_model(f"model.adapter={id}", "the adapter"):
        return Path(hub.snapshot_download(id, allow_patterns=[CONFIG, FILE]))


def _read(folder: Path, merged: bool, cache: Path | None) -> Adapter:
    """The adapter in a folder, refused if it cannot be used."""
    if not folder.is_dir():
        raise Unusable(f"no such folder ({folder}), and no hub id of an adapter")
    for name in (CONFIG, FILE):
        if not (folder / name).is_file():
            raise Unusable(
                f"{name} is missing; a folder is taken that PEFT's save_pretrained wrote"
            )
        refuse_stand_in(folder / name, folder)
    if reason := damage(folder / FILE):
        raise Unusable(f"{FILE} is damaged: {reason}")
    settings = read_object(folder / CONFIG)
    if (kind := settings.get("peft_type")) not in KINDS:
        raise Unusable(f"its peft_type is {kind}; taken are {', '.join(KINDS)}")
    if settings.get("modules_to_save") and not merged:
        raise Unusable(
            "it replaces whole modules (modules_to_save); take model.adapter_merged=true"
        )
    files = ModelFolder(folder, (folder / CONFIG,), (folder / FILE,))
    base = str(settings.get("base_model_name_or_path") or "")
    return Adapter(folder, folder_digest(files, cache), base, merged)


_attached: WeakKeyDictionary[PreTrainedModel, tuple[Adapter, Any]] = WeakKeyDictionary()
"""By base model: the live adapter in it, and peft's wrapper that can take it out."""


def with_adapter(loaded: LoadedModel, weights: Weights) -> LoadedModel:
    """A loaded base model as ``weights`` ask for it: under their live adapter, or as it is.

    An adapter of before is taken out. What was loaded before shares the modules, so it must not be used
    until it is asked for again.

    Raises
    ------
    ModelError
        If the adapter does not fit the model.
    """
    from emo.models.loading import LoadedModel

    if (before := _attached.pop(loaded.model, None)) is not None:
        _take_out(loaded.model, before[1])
    adapter = weights.adapter
    if adapter is None or adapter.merged:
        return loaded
    _attached[loaded.model] = (adapter, _attach(loaded.model, adapter))
    # Another object of the same modules: what is known of the base model is not known of the tune.
    return LoadedModel(
        copy.copy(loaded.model),
        loaded.tokenizer,
        weights,
        loaded.device,
        loaded.precision,
        loaded.head,
    )


def merge(model: PreTrainedModel, adapter: Adapter) -> None:
    """Add an adapter to the weights of a model.

    Raises
    ------
    ModelError
        If the adapter does not fit the model, or a weight is not finite then.
    """
    wrapper = _attach(model, adapter)
    with about_model(_subject(adapter), "it"):
        wrapper.merge_and_unload(safe_merge=True)
    _forget(model)


def _attach(model: PreTrainedModel, adapter: Adapter) -> Any:
    """Put an adapter into a model's modules; peft's wrapper around the model."""
    import torch
    from peft import PeftModel, get_peft_model_state_dict  # pyright: ignore[reportMissingImports]

    subject = _subject(adapter)
    with about_model(subject, "it"):
        wrapper = PeftModel.from_pretrained(
            model, str(adapter.folder), autocast_adapter_dtype=False, torch_device="cpu"
        )
        ours = get_peft_model_state_dict(wrapper.eval(), save_embedding_layers=False)
    stored = set(tensor_names(adapter.folder / FILE))
    if wrong := sorted(stored ^ set(ours)):
        _take_out(model, wrapper)
        raise ModelError(
            f"{subject}: {len(wrong)} of its weights have no place in this model, or lack one "
            f"({wrong[0]}): it is another model's adapter"
        )
    if not all(bool(torch.isfinite(weight).all()) for weight in ours.values()):
        _take_out(model, wrapper)
        raise ModelError(f"{subject}: a weight in {FILE} is not finite in this precision")
    return wrapper


def _subject(adapter: Adapter) -> str:
    return f"model.adapter={adapter.folder}"


def _take_out(model: PreTrainedModel, wrapper: Any) -> None:
    """Give a model its own modules back."""
    wrapper.unload()
    _forget(model)


def _forget(model: PreTrainedModel) -> None:
    """Remove peft's note on a model, which would warn of the next adapter."""
    if hasattr(model, "peft_config"):
        del model.peft_config

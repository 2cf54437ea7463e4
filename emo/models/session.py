"""The model that was loaded last, kept for the next job of the same process.

The jobs of a multirun run one after the other in one process. Each model is loaded once and freed
before the next one is loaded, so that memory never holds two. A caller that changes the model (its
weights, hooks, modules) must undo the change or call :func:`release`.
"""

from __future__ import annotations

import gc
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

from emo.config.enums import Attention, Source
from emo.config.schema import ModelConfig, PrecisionConfig
from emo.models.adapters import with_adapter
from emo.models.emulated import warn_if_emulated
from emo.models.loading import LoadedModel, load
from emo.models.nudging import set_nudge
from emo.models.own_columns import set_columns
from emo.models.placement import Room
from emo.models.weights import Weights

log = logging.getLogger(__name__)

Key = tuple[Source, Weights, str, Attention, str, str, Room]
_held: dict[Key, LoadedModel] = {}
"""Empty, or one entry."""


def get(
    config: ModelConfig,
    weights: Weights,
    precision: PrecisionConfig,
    attention: Attention,
    device: str,
    weights_folder: Path,
    backend: str = "hf",
    room: Room = Room(),  # noqa: B008
) -> LoadedModel:
    """The model asked for: the kept one, or a new one after the kept one has been freed.

    ``backend`` is the label of the backend that will read it, because the bridge of TransformerLens puts
    wrappers into the modules.

    Raises
    ------
    EmoError
        Like :func:`emo.models.loading.load`; no model is kept then.
    """
    # Only what decides the weights: variants of INT8 are one model, and so are inputs that are moved and
    # inputs that are not.
    settings = json.dumps(replace(precision, nudge=None).settings())
    # So are a base model and its tunes by live adapters.
    base = weights.base
    key = (config.source, base, settings, attention, device, backend, room)
    what = f"{config.label} in {precision.name.value} on {device}"
    what += "" if backend == "hf" else f" for backend.implementation={backend}"
    if key in _held:
        log.info("reusing %s: it is still loaded", what)
    else:
        release()
        log.info("loading %s", what)
        warn_if_emulated(precision, device)
        _held[key] = load(config, base, precision, attention, device, weights_folder, room)
    set_nudge(_held[key].model, precision.nudge)
    set_columns(_held[key].model, precision.columns)
    return with_adapter(_held[key], weights)


def release() -> None:
    """Free the kept model, and any model that was released while a caller still had a reference.

    The memory is free once no caller has a reference.
    """
    _held.clear()
    torch = sys.modules.get("torch")
    if torch is None:  # nothing was ever loaded
        return
    gc.collect()  # modules and their hooks have references to each other
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

"""The model loaded last, kept for the next job of the same process.

The jobs of one multirun follow each other in one process: each model is loaded once, and freed
before the next one is loaded, so that two never share the memory. Who changes the model it gets
(its weights, hooks, modules) must take that back or call :func:`release`.
"""

from __future__ import annotations

import gc
import json
import logging
import sys
from pathlib import Path

from emo.config.enums import Attention, Source
from emo.config.schema import ModelConfig, PrecisionConfig
from emo.models.loading import LoadedModel, load
from emo.models.weights import Weights

log = logging.getLogger(__name__)

Key = tuple[Source, Weights, str, Attention, str, str]
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
) -> LoadedModel:
    """The model asked for: the one that is held, or a fresh one after that has been freed.

    ``backend`` is who will read it: TransformerLens's bridge puts its wrappers into the modules.

    Raises
    ------
    EmoError
        As :func:`emo.models.loading.load` does; no model is held then.
    """
    # Only what decides the weights and the arithmetic: batched and single INT8 are one model.
    settings = json.dumps(precision.settings())
    key = (config.source, weights, settings, attention, device, backend)
    what = f"{config.label} in {precision.name.value} on {device}"
    what += "" if backend == "hf" else f" for backend.implementation={backend}"
    if key in _held:
        log.info("reusing %s: it is still loaded", what)
    else:
        release()
        log.info("loading %s", what)
        _held[key] = load(config, weights, precision, attention, device, weights_folder)
    return _held[key]


def release() -> None:
    """Free the held model. Its memory returns as soon as no caller has a reference to it either.

    With none held this frees one that a caller still had when it was released.
    """
    _held.clear()
    torch = sys.modules.get("torch")
    if torch is None:  # nothing was ever loaded
        return
    gc.collect()  # modules and their hooks refer to each other
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

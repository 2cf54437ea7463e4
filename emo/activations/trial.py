"""One short text through a reader before anything is written: what cannot be read is said then.

Some families return something else than a residual stream, some break when they are quantised, some
overflow at once. A pass over a dozen tokens shows that before a run is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from emo.activations.backend import Backend, OutOfMemory, TokenSpan, pad_texts
from emo.activations.embedding import table_rows
from emo.errors import EmoError, ModelError, NoMemory

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from emo.models.loading import LoadedModel

CHECK_TEXT = "It rained all night, and in the morning the street was quiet."

_finite: WeakKeyDictionary[PreTrainedModel, dict[str, tuple[int, ...]]] = WeakKeyDictionary()
"""Layers that were finite, by reader: a model is tried once by each."""


def trial_ids(loaded: LoadedModel) -> tuple[int, ...]:
    """Token ids of a short text: such as the model has an embedding for, within its context."""
    rows = table_rows(loaded.model)
    known = [i for i in loaded.tokenizer(CHECK_TEXT)["input_ids"] if i < rows]
    return tuple(known or [0])[: loaded.context]


def finite_in_trial(backend: Backend, loaded: LoadedModel, reader: str) -> tuple[int, ...]:
    """Layers at which the last token of a short text is finite; ``reader`` names the backend.

    The last token attends to all the others, so that an overflow anywhere in the text reaches it.

    Raises
    ------
    ModelError
        If the model cannot be read in this precision, with what it says.
    NoMemory
        If there is no room for a dozen tokens.
    """
    known = _finite.setdefault(loaded.model, {})
    if reader not in known:
        known[reader] = _finite_layers(backend, loaded, reader)
    return known[reader]


def _finite_layers(backend: Backend, loaded: LoadedModel, reader: str) -> tuple[int, ...]:
    ids = trial_ids(loaded)
    text = [TokenSpan(ids, i, i + 1) for i in range(len(ids))]
    try:
        values = backend.resid_post(pad_texts([text], backend.pad_id))
    except OutOfMemory:
        raise NoMemory(
            f"no memory on {loaded.device} for one short text; take a smaller precision, or another "
            "device"
        ) from None
    except EmoError:
        raise
    except Exception as error:  # whatever the code of a family raises at what it was not made for
        raise _unreadable(loaded, reader, error) from error
    return tuple(int(i) for i in np.flatnonzero(np.isfinite(values[:, -1]).all(axis=-1)))


def _unreadable(loaded: LoadedModel, reader: str, error: Exception) -> ModelError:
    fixes = "take precision=fp32, bf16 or fp16" if is_quantised(loaded) else ""
    if not fixes and reader != "hf":
        fixes = "take backend=hf"
    family = loaded.model.config.get_text_config().model_type
    return ModelError(
        f"model of type {family}: cannot be read in {loaded.precision.value} ({reason(error)})"
        + (f"; {fixes}" if fixes else "")
    )


def is_quantised(loaded: LoadedModel) -> bool:
    """Whether some of its weights are."""
    return loaded.weight_count.quantised > 0


def reason(error: Exception) -> str:
    """An error of somebody else's code in one line."""
    words = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__

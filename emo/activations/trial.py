"""A trial of a reader on one short text, which refuses an unreadable model before a run is opened.

Some families return something other than a residual stream, some break when they are quantised, some
overflow at once. A pass over a dozen tokens shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import numpy as np

from emo.activations.backend import Backend, Batch, OutOfMemory, TokenSpan, pad_texts
from emo.activations.embedding import table_rows
from emo.errors import EmoError, ModelError, NoMemory

if TYPE_CHECKING:
    from jaxtyping import Float32
    from transformers import PreTrainedModel

    from emo.models.loading import LoadedModel

NEAR = 0.1
"""Relative difference below which two readings count as the same quantity. Two passes differ by
rounding at most; the outputs of two different modules differ by about 1."""
CHECK_TEXT = "It rained all night, and in the morning the street was quiet."


@runtime_checkable
class Stating(Protocol):
    """A backend that can give the hidden states that the model itself returns."""

    def stated(self, batch: Batch) -> list[Float32[np.ndarray, "text token hidden"]]: ...


_finite: WeakKeyDictionary[PreTrainedModel, dict[str, tuple[int, ...]]] = WeakKeyDictionary()
"""Finite layers by model and reader: each reader tries a model once."""


def trial_ids(loaded: LoadedModel) -> tuple[int, ...]:
    """Token ids of a short text that fit the model's embedding table and context."""
    rows = table_rows(loaded.model)
    known = [i for i in loaded.tokenizer(CHECK_TEXT)["input_ids"] if i < rows]
    return tuple(known or [0])[: loaded.context]


def finite_in_trial(backend: Backend, loaded: LoadedModel, reader: str) -> tuple[int, ...]:
    """Layers at which the last token of a short text is finite; ``reader`` names the backend.

    The last token attends to all others, so an overflow anywhere in the text reaches it.

    Raises
    ------
    ModelError
        If the model cannot be read in this precision, with the reason.
    NoMemory
        If a dozen tokens do not fit into memory.
    """
    known = _finite.setdefault(loaded.model, {})
    if reader not in known:
        known[reader] = _finite_layers(backend, loaded, reader)
    return known[reader]


def _finite_layers(backend: Backend, loaded: LoadedModel, reader: str) -> tuple[int, ...]:
    ids = trial_ids(loaded)
    text = pad_texts([[TokenSpan(ids, i, i + 1) for i in range(len(ids))]], backend.pad_id)
    try:
        values = backend.resid_post(text)
        if not _agree(values, _states(backend, text)):
            raise ModelError(
                f"model of type {_family(loaded)}: its decoder blocks were not found (what they give "
                "is not what the model calls its hidden states); such models cannot be read"
            )
    except OutOfMemory:
        raise NoMemory(
            f"no memory on {loaded.device} for one short text; take a smaller precision, or another "
            "device"
        ) from None
    except EmoError:
        raise
    except Exception as error:  # the code of a family may raise anything
        raise _unreadable(loaded, reader, error) from error
    return tuple(int(i) for i in np.flatnonzero(np.isfinite(values[:, -1]).all(axis=-1)))


def _states(backend: Backend, text: Batch) -> list[Float32[np.ndarray, "text token hidden"]]:
    """The hidden states that the model returns; none if it cannot be asked."""
    try:
        return backend.stated(text) if isinstance(backend, Stating) else []
    except OutOfMemory:
        raise
    except Exception:
        return []


def _agree(
    values: Float32[np.ndarray, "layer token hidden"],
    states: Sequence[Float32[np.ndarray, "text token hidden"]],
) -> bool:
    """Whether activations are the model's hidden states, without the last layer, which is normed.

    Most families count the embeddings as the first state, recurrent ones do not. States of another
    shape, and states that overflow, are no evidence against it.
    """
    for first in (1, 0):
        pairs = [(v, s[0]) for v, s in zip(values[:-1], states[first:], strict=False)]
        if any(v.shape != s.shape for v, s in pairs):
            return True
        if all(_near(v, s) for v, s in pairs):
            return True
    return False


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        difference = np.linalg.norm(a.astype(np.float64) - b)
        relative = difference / np.linalg.norm(b.astype(np.float64))
    return not np.isfinite(relative) or bool(relative < NEAR)


def _unreadable(loaded: LoadedModel, reader: str, error: Exception) -> ModelError:
    fixes = "take precision=fp32, bf16 or fp16" if is_quantised(loaded) else ""
    if not fixes and reader != "hf":
        fixes = "take backend=hf"
    return ModelError(
        f"model of type {_family(loaded)}: cannot be read in {loaded.precision.value} ({reason(error)})"
        + (f"; {fixes}" if fixes else "")
    )


def _family(loaded: LoadedModel) -> str:
    return loaded.model.config.get_text_config().model_type


def is_quantised(loaded: LoadedModel) -> bool:
    """Whether some of a model's weights are quantised."""
    return loaded.weight_count.quantised > 0


def reason(error: Exception) -> str:
    """An error of another library in one line."""
    words = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__

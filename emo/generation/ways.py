"""The fastest way of decoding that gives a model's own numbers, by comparison on a few tokens.

The reference is one pass over a whole text. Each way then decodes that text and its beginning, padded
on the left, as one batch along the same tokens; one row leaves the batch, as finished texts do. A way
is right if the logits of both rows equal the reference. The fastest way is tried first. This is done
once per model.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int64

from emo.activations.backend import OutOfMemory
from emo.activations.hf import translated_oom
from emo.activations.trial import reason, trial_ids
from emo.config.precisions import TRAITS
from emo.errors import ModelError, NoMemory
from emo.generation.past import CachedPast, Memory, Past, RepeatedPast, StepInputs, WholePass

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from emo.models.loading import LoadedModel

log = logging.getLogger(__name__)

TOKENS = 9
"""Length of the text that is compared."""
STEPS = 3
"""Decoding steps that are compared. In some families the state is lost only at the second."""
ALLOWED = {torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.2}
"""Largest relative difference of the centred logits in a right way, by the format of the residual
stream. Measured on 110 random families and SmolLM2: at most 3e-6, 0.003 and 0.01 in right ways, 0.05
to 0.9 with padding in a recurrent state, about 1 without memory."""
ALLOWED_INT8 = 0.5
"""The limit for LLM.int8, whose numbers depend on the whole batch; right ways reach 0.1."""
OVERFLOW = (
    "the model's logits are not finite in this precision, so it cannot generate; take precision=bf16 "
    "or precision=fp32"
)


@dataclass(frozen=True)
class Way:
    """How texts are written: what is kept between steps, and whether texts share a batch."""

    memory: Memory = Memory.key_values
    alone: bool = False
    """Whether texts are written one at a time, because padding in front of a text changes it."""

    @property
    def name(self) -> str:
        """The way in words, for a log and a tag."""
        return f"{self.memory.value}, {'one text at a time' if self.alone else 'in batches'}"

    @property
    def identity(self) -> dict[str, str]:
        """The part of a text store's name that depends on the way; empty for the usual way."""
        return {} if self == Way() else {"decoding": self.name}

    def past(self, model: Any, whole: WholePass) -> Past:
        """A new, empty past for a batch."""
        match self.memory:
            case Memory.nothing:
                return RepeatedPast(whole)
            case Memory.key_values | Memory.own | Memory.own_state:
                return CachedPast(model, self.memory)
            case _:
                assert_never(self.memory)


_ways: WeakKeyDictionary[PreTrainedModel, dict[str, Way]] = WeakKeyDictionary()
"""By model and by what runs it: the modules of a bridge have their own forward."""


def way_of(
    loaded: LoadedModel, whole: WholePass, pad_id: int, runner: str = "", *, cached: bool = True
) -> Way:
    """The fastest way that is right for a model.

    ``runner`` names what runs the model, "" for transformers; ``cached`` says whether that has a cache.

    Raises
    ------
    ModelError
        If no way is right, or no logit is finite.
    NoMemory
        If a few tokens do not fit into memory.
    """
    known = _ways.setdefault(loaded.model, {})
    key = "/".join([runner, *sorted(loaded.wrapped)])
    if key not in known:
        candidates = list(_candidates(cached))
        try:
            with torch.inference_mode():
                known[key] = _first_right(candidates, loaded, whole, pad_id)
        except OutOfMemory:
            raise NoMemory(
                f"no memory on {loaded.device} to write a few tokens; take a smaller precision, or "
                "another device"
            ) from None
        if known[key] != candidates[0]:
            log.info(
                "model of type %s: texts are written with %s", _family(loaded), known[key].name
            )
    return known[key]


def _candidates(cached: bool) -> Iterator[Way]:
    """All ways, the fastest first: any cache before none, batches before single texts."""
    caches = [Memory.key_values, Memory.own, Memory.own_state] if cached else []
    for group in (caches, [Memory.nothing]):
        for alone in (False, True):
            yield from (Way(memory, alone) for memory in group)


def _first_right(candidates: list[Way], loaded: LoadedModel, whole: WholePass, pad_id: int) -> Way:
    ids = trial_ids(loaded)
    ids = (ids * TOKENS)[: min(TOKENS, loaded.context or TOKENS)]
    if len(ids) < STEPS + 2:  # the context is too short for a text
        return candidates[0]
    text = torch.tensor(ids, device=loaded.device)
    everywhere = torch.arange(len(ids), device=loaded.device)
    try:
        with translated_oom():
            whole_text = StepInputs(text[None], torch.ones_like(text)[None])
            reference = whole(whole_text, everywhere)[0].float()
    except OutOfMemory:
        raise
    except Exception as error:  # the code of a family may raise anything
        raise _cannot_write(loaded, reason(error)) from error
    if not _comparable(reference).any():
        raise ModelError(OVERFLOW)
    faults = []
    for way in candidates:
        try:
            with translated_oom():
                worst = _worst(way.past(loaded.model, whole), way.alone, text, reference, pad_id)
        except OutOfMemory:
            raise
        except Exception as error:  # an unknown cache, or one that cannot drop rows
            faults.append(reason(error))
            continue
        if worst <= _allowed(loaded):
            return way
        faults.append(f"logits apart by {worst:.1e}")
    raise _cannot_write(loaded, faults[-1])


def _worst(
    past: Past,
    alone: bool,
    text: Int64[torch.Tensor, " token"],
    reference: Float[torch.Tensor, "token vocabulary"],
    pad_id: int,
) -> float:
    """Largest difference from the reference, over all steps and rows; one row if ``alone``."""
    first = len(text) - STEPS
    lengths = torch.tensor([first] if alone else [first, first // 2])
    ids = torch.full((len(lengths), first), pad_id, device=text.device)
    mask = torch.zeros_like(ids)
    for row, n in enumerate(lengths.tolist()):
        ids[row, first - n :] = text[:n]
        mask[row, first - n :] = 1
    worst = 0.0
    for step in range(STEPS + 1):
        logits = past.next_logits(StepInputs(ids, mask), lambda _: None)
        places = (lengths + step - 1).to(text.device)
        worst = max(worst, _apart(logits, reference[places]))
        if step == 1 and not alone:
            kept = torch.tensor([1])
            past.select(kept.to(text.device))
            lengths, mask = lengths[kept], mask[kept.to(text.device)]
        if step < STEPS:
            ids = text[lengths.to(text.device) + step][:, None]
            mask = torch.cat([mask, torch.ones_like(ids)], dim=1)
    return worst


def _apart(
    logits: Float[torch.Tensor, "row vocabulary"], reference: Float[torch.Tensor, "row vocabulary"]
) -> float:
    """Largest relative difference of a row's centred logits; softmax ignores a constant.

    Rows whose reference overflows are skipped, and so are tokens that the model rules out (-inf).
    """
    worst = 0.0
    for row in _comparable(reference).nonzero().flatten().tolist():
        allowed = reference[row].isfinite()
        a, b = logits[row][allowed], reference[row][allowed]
        a, b = a - a.mean(), b - b.mean()
        relative = float((a - b).norm() / b.norm().clamp(min=torch.finfo(b.dtype).tiny))
        worst = max(worst, relative if relative == relative else float("inf"))
    return worst


def _comparable(logits: Float[torch.Tensor, "row vocabulary"]) -> torch.Tensor:
    """Rows whose largest logit is finite, so that a token can be chosen."""
    return logits.amax(dim=-1).isfinite()


def _allowed(loaded: LoadedModel) -> float:
    if not TRAITS[loaded.precision].causal:
        return ALLOWED_INT8
    return ALLOWED[loaded.model.dtype]


def _family(loaded: LoadedModel) -> str:
    return loaded.model.config.get_text_config().model_type


def _cannot_write(loaded: LoadedModel, why: str) -> ModelError:
    return ModelError(
        f"model of type {_family(loaded)}: cannot write texts in {loaded.precision.value} ({why}); it "
        "can only be read: method=comprehension"
    )

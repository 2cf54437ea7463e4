"""Passes over whole texts: residual norms of prompts, likelihood and entropy of written texts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, assert_never

import numpy as np
import torch
from jaxtyping import Bool, Float64

from emo.activations.backend import Batch, OutOfMemory, TokenSpan, pad
from emo.activations.hf import translated_oom
from emo.config.enums import SteerNorm, SteerPositions
from emo.errors import ModelError
from emo.generation.samples import Finish, Generated
from emo.steering.injection import Addition, Injection, steered_places
from emo.steering.steerable import Steerable
from emo.stimuli.special import special_ids

log = logging.getLogger(__name__)

LOGITS_AT_ONCE = 1 << 26
"""Largest number of logits held at a time (256 MiB in float32)."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Track = Callable[[Iterable[Any], str], Iterable[Any]]


@dataclass(frozen=True)
class Likelihood:
    """Log perplexity and entropy of a written text, in nats, without its end-of-text token.

    NaN if nothing was written, or the model's logits are not finite.
    """

    log_perplexity: float
    entropy: float
    """Mean entropy of the model's distributions at the positions of the tokens."""


def written(text: Generated) -> tuple[int, ...]:
    """The generated tokens of a text, without the end-of-text token."""
    return text.tokens[:-1] if text.finish is Finish.eos else text.tokens


def mean_norms(
    model: Steerable,
    prompts: Sequence[tuple[int, ...]],
    batch_size: int,
    layers: Iterable[int] | None = None,
    norm: SteerNorm = SteerNorm.mean,
) -> Float64[np.ndarray, "prompt layer"]:
    """Mean Euclidean norm of resid_post over the :func:`counted` tokens of each prompt, unsteered.

    The norms must be finite at ``layers``, the steered ones (None: all).

    Raises
    ------
    ModelError
        If TransformerLens has no hook at such a layer, or its norm is not finite.
    """
    chunks = [prompts[i : i + batch_size] for i in range(0, len(prompts), batch_size)]
    parts = [
        part for chunk in chunks for part in _halving(lambda c: [_norms(model, c, norm)], chunk)
    ]
    norms = np.concatenate(parts)
    steered = range(model.n_layers) if layers is None else sorted(set(layers))
    if bad := [layer for layer in steered if not np.isfinite(norms[:, layer]).all()]:
        raise ModelError(
            f"layers {', '.join(map(str, bad))}: the residual stream is not finite or cannot be "
            "hooked, so no steering strength can be set; take precision=bf16 or fp32"
        )
    return norms


def counted(
    prompt: Sequence[int], special: Collection[int], norm: SteerNorm
) -> Bool[np.ndarray, " token"]:
    """The tokens of a prompt whose norms are averaged.

    ``mean`` leaves out position 0, the attention sink of many models
    (:func:`emo.config.readouts.without_sink`), and special tokens wherever they stand: those of a chat
    template are some. A prompt of which nothing is left is measured at its last token.
    """
    match norm:
        case SteerNorm.mean_all:
            return np.ones(len(prompt), dtype=bool)
        case SteerNorm.mean:
            counts = np.array([place > 0 and i not in special for place, i in enumerate(prompt)])
            counts[-1] |= not counts.any()
            return counts
        case _:
            assert_never(norm)


def _norms(
    model: Steerable, prompts: Sequence[tuple[int, ...]], norm: SteerNorm
) -> Float64[np.ndarray, "prompt layer"]:
    norms = np.full((len(prompts), model.n_layers), np.nan)
    batch = pad([TokenSpan(p, 0, len(p)) for p in prompts], 0)
    ids, mask = _tensors(batch, model)
    special, places = special_ids(model.loaded.tokenizer), batch.mask.copy()
    places[places] = np.concatenate([counted(p, special, norm) for p in prompts])
    read = torch.from_numpy(places).to(ids.device)

    def keep(layer: int, stream: torch.Tensor) -> None:
        here = read.to(stream.device)
        length = stream.float().norm(dim=-1).masked_fill(~here, 0)
        norms[:, layer] = (length.sum(dim=1) / here.sum(dim=1)).cpu().numpy()

    edits = {i: partial(keep, i) for i in range(model.n_layers)}
    with torch.inference_mode(), translated_oom(), model.editing(edits):
        model.logits(ids, mask)
    return norms


def likelihoods(
    model: Steerable,
    texts: Sequence[Generated],
    addition: Callable[[int], Addition] = lambda _: {},
    positions: SteerPositions = SteerPositions.all,
    batch_size: int = 16,
    track: Track = lambda items, _: items,
) -> list[Likelihood]:
    """Likelihood of every text, in one pass; ``addition`` gives what steers the text of an index.

    By default the model is unsteered. The logits are the model's own: they do not include the
    repetition penalty that decoding applies if the model's generation config has one.
    """
    order = sorted(range(len(texts)), key=lambda i: len(texts[i].ids))
    by_index: dict[int, Likelihood] = {}
    vocabulary = int(model.loaded.model.config.get_text_config().vocab_size)
    widest = len(texts[order[-1]].ids) if order else 1
    size = max(1, min(batch_size, LOGITS_AT_ONCE // (widest * vocabulary)))
    chunks = [order[i : i + size] for i in range(0, len(order), size)]

    def read(chunk: Sequence[int]) -> list[Likelihood]:
        additions = [addition(i) for i in chunk]
        return _pass(model, [texts[i] for i in chunk], additions, positions)

    for chunk in track(chunks, "reading texts"):
        by_index |= dict(zip(chunk, _halving(read, chunk), strict=True))
    return [by_index[i] for i in range(len(texts))]


def _halving(read: Callable[[Sequence[Item]], list[Result]], chunk: Sequence[Item]) -> list[Result]:
    """Results of one batch, which is halved until it fits into memory.

    Raises
    ------
    ModelError
        If a single text does not fit.
    """
    try:
        return read(chunk)
    except OutOfMemory:
        if len(chunk) == 1:
            raise ModelError(
                "out of memory on a single text; take a smaller precision or another device"
            ) from None
    log.warning("out of memory with %d texts at once; going on with half as many", len(chunk))
    half = len(chunk) // 2
    return [*_halving(read, chunk[:half]), *_halving(read, chunk[half:])]


def _pass(
    model: Steerable,
    texts: Sequence[Generated],
    additions: Sequence[Addition],
    positions: SteerPositions,
) -> list[Likelihood]:
    spans = [
        TokenSpan(t.prompt + written(t), len(t.prompt), len(t.prompt) + len(written(t)))
        for t in texts
    ]
    batch = pad(spans, 0)
    ids, mask = _tensors(batch, model)
    injection = Injection(additions, model.loaded.device)
    starts = torch.from_numpy(batch.spans[:, :1]).to(ids.device)
    generated = torch.arange(ids.shape[1], device=ids.device)[None] >= starts
    injection.select(np.arange(len(texts)), steered_places(generated, positions))
    with torch.inference_mode(), translated_oom(), model.editing(injection.edits()):
        logits = model.logits(ids, mask)
        return [
            _likelihood(row[start - 1 : stop - 1].float(), tokens[start:stop])
            for row, tokens, (start, stop) in zip(logits, ids, batch.spans.tolist(), strict=True)
        ]


def _likelihood(logits: torch.Tensor, tokens: torch.Tensor) -> Likelihood:
    if not len(tokens):
        return Likelihood(float("nan"), float("nan"))
    log_p = logits.log_softmax(dim=-1)
    entropy = -(log_p.exp() * log_p).nansum(dim=-1)  # 0 log 0 is 0
    entropy = entropy.where(log_p.amax(dim=-1).isfinite(), torch.nan)
    return Likelihood(
        float(-log_p.gather(1, tokens[:, None]).double().mean()), float(entropy.double().mean())
    )


def _tensors(batch: Batch, model: Steerable) -> tuple[torch.Tensor, torch.Tensor]:
    device = model.loaded.device
    ids = torch.from_numpy(batch.ids).to(device)
    return ids, torch.from_numpy(batch.mask.astype(np.int64)).to(device)

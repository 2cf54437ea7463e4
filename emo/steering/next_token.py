"""What a model says next: logits behind prompts, and of directions that stand before its final norm."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32

from emo.activations.backend import TokenSpan, pad
from emo.activations.hf import translated_oom
from emo.steering.injection import Addition, Injection
from emo.steering.steerable import Steerable

LENS_TOKENS = 128
"""Directions that go through the head at once: 25 MB of logits for a vocabulary of 49,152."""


def next_logits(
    model: Steerable,
    prompts: Sequence[tuple[int, ...]],
    kept: Sequence[int] | None,
    batch_size: int,
    additions: Sequence[Addition] = (),
    places: Sequence[tuple[int, int]] = (),
) -> Float32[np.ndarray, "prompt kept"]:
    """Logits of some tokens behind every prompt, in the order of the prompts.

    Batches are of prompts of about one length and padded on the right: a batch that is padded on the
    left without its mask is read in the middle of a prompt.

    Parameters
    ----------
    model
        Of any backend.
    prompts
        Token ids.
    kept
        Ids of the tokens whose logits are wanted; None: all, as log-probabilities.
    batch_size
        Prompts in one pass.
    additions
        What is added to the residual stream, one per prompt; none by default.
    places
        First token that it is added at, and the one behind the last, by prompt; all by default.
    """
    rows: dict[int, np.ndarray] = {}
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), prompts[i]))
    for start in range(0, len(order), batch_size):
        some = order[start : start + batch_size]
        added = [additions[i] for i in some] if additions else []
        at = [places[i] for i in some] if places else []
        rows |= zip(some, _next(model, [prompts[i] for i in some], kept, added, at), strict=True)
    return np.stack([rows[i] for i in range(len(prompts))])


def _next(
    model: Steerable,
    prompts: Sequence[tuple[int, ...]],
    kept: Sequence[int] | None,
    additions: Sequence[Addition],
    at: Sequence[tuple[int, int]],
) -> np.ndarray:
    batch = pad([TokenSpan(ids, len(ids) - 1, len(ids)) for ids in prompts], 0)
    device = model.loaded.device
    ids = torch.from_numpy(batch.ids).to(device)
    mask = torch.from_numpy(batch.mask.astype(np.int64)).to(device)
    last = batch.spans[:, 0]
    kept_places = np.unique(last)
    rows = np.arange(len(prompts))
    injection = Injection(additions, device)
    if additions:
        injection.select(rows, _within(at, ids) if at else None)
    with torch.inference_mode(), translated_oom(), model.editing(injection.edits()):
        logits = logits_at(model, ids, mask, kept_places)
    chosen = logits[rows, np.searchsorted(kept_places, last)].float()
    found = chosen.log_softmax(dim=-1) if kept is None else chosen[:, list(kept)]
    return found.cpu().numpy()


def _within(at: Sequence[tuple[int, int]], ids: torch.Tensor) -> torch.Tensor:
    """Mask of the tokens of every row from the first of its place to before the second."""
    token = torch.arange(ids.shape[1], device=ids.device)
    bounds = torch.tensor(at, device=ids.device)
    return (token >= bounds[:, :1]) & (token < bounds[:, 1:])


def logits_at(
    model: Steerable, ids: torch.Tensor, mask: torch.Tensor, places: np.ndarray
) -> Float[torch.Tensor, "row place vocabulary"]:
    """Logits at some positions of a right-padded batch; where transformers can, of these alone."""
    runs: Any = model.loaded.model
    if model.cached and "logits_to_keep" in inspect.signature(runs.forward).parameters:
        keep = torch.from_numpy(places).to(ids.device)
        output = runs(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=keep)
        return output.logits
    return model.logits(ids, mask)[:, torch.from_numpy(places).to(ids.device)]


def lens_logits(
    model: Steerable, directions: Float[np.ndarray, "direction hidden"]
) -> Float32[np.ndarray, "direction vocabulary"]:
    """Logits of directions that stand in the place of the last block's output.

    So they go through the model's own final norm and head, with whatever its family does there (a scale,
    a cap): nostalgebraist 2020, "interpreting GPT: the logit lens". A norm without a centre knows the
    direction alone, not its length.
    """
    parts = []
    device = model.loaded.device
    for start in range(0, len(directions), LENS_TOKENS):
        some = np.ascontiguousarray(directions[start : start + LENS_TOKENS], np.float32)
        ids = torch.zeros((1, len(some)), dtype=torch.int64, device=device)
        put = torch.from_numpy(some)[None].to(device)
        edits = {model.n_layers - 1: lambda stream, put=put: put.to(stream.dtype)}
        with torch.inference_mode(), translated_oom(), model.editing(edits):
            parts.append(model.logits(ids, torch.ones_like(ids))[0].float().cpu().numpy())
    return np.concatenate(parts)

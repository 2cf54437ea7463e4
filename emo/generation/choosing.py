"""The next token of each text: the most likely one, or one drawn with the text's own random numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64

from emo.core.stats.resampling import stream
from emo.errors import ModelError
from emo.generation.samples import Request, Sampling
from emo.generation.ways import OVERFLOW

CANDIDATES = 512
"""Number of tokens that are sorted first. Most nuclei are smaller; the whole vocabulary is sorted only
where this number is not enough."""


def uniforms(
    requests: Sequence[Request], n_steps: int, seed: int
) -> Float64[np.ndarray, "request step"]:
    """The uniform numbers of every sequence; those for fewer steps begin those for more."""
    return np.stack(
        [stream(seed, "generate", r.digest, r.sample).random(n_steps) for r in requests]
    )


def penalised(
    logits: Float[torch.Tensor, "row vocabulary"],
    seen: Bool[torch.Tensor, "row vocabulary"],
    penalty: float,
) -> Float[torch.Tensor, "row vocabulary"]:
    """Logits in which the tokens seen before are less likely by a factor.

    Source: Keskar et al. 2019, arXiv:1909.05858, section 4.1, in the signed form of transformers.
    """
    less = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(seen, less, logits)


def choose(
    logits: Float[torch.Tensor, "row vocabulary"],
    draws: Float64[torch.Tensor, " row"],
    sampling: Sampling | None,
    unfinished: Bool[torch.Tensor, " row"],
) -> Int64[torch.Tensor, " row"]:
    """The next token: the most likely one, or one drawn from the nucleus.

    The drawn token is the one at which the nucleus' cumulative probability passes the draw. Rows that
    are not ``unfinished`` get any token.

    Raises
    ------
    ModelError
        If the model overflowed in an unfinished row.
    """
    best = logits.argmax(dim=-1)
    overflowed = ~logits.gather(1, best[:, None]).isfinite().flatten()
    if (overflowed & unfinished).any():
        raise ModelError(OVERFLOW)
    if sampling is None:
        return best
    if overflowed.any():  # nothing can be drawn from such logits
        logits = torch.where(overflowed[:, None], 0.0, logits)
    if logits.device.type == "mps":  # has no float64
        return choose(logits.cpu(), draws, sampling, unfinished.cpu()).to(logits.device)
    draws = draws.to(logits.device)
    few = min(CANDIDATES, logits.shape[-1])
    chosen, whole = draw(logits, draws, sampling, few)
    if not whole.all():  # a nucleus goes beyond the candidates: sort everything
        rest = (~whole).nonzero().flatten()
        chosen[rest], _ = draw(logits[rest], draws[rest], sampling, logits.shape[-1])
    return chosen


def draw(
    logits: Float[torch.Tensor, "row vocabulary"],
    draws: Float64[torch.Tensor, " row"],
    sampling: Sampling,
    n_candidates: int,
) -> tuple[Int64[torch.Tensor, " row"], Bool[torch.Tensor, " row"]]:
    """Tokens drawn from the nucleus, and whether each row's nucleus is among the candidates.

    The draw is inverted through the cumulative distribution of the ``n_candidates`` most likely tokens,
    most likely first and equals by id, in float64. Where the nucleus is larger than that, the token
    has no meaning.
    """
    scaled = logits.double() / sampling.temperature
    if n_candidates == logits.shape[-1]:
        values, ids = scaled.sort(dim=-1, descending=True, stable=True)
    else:  # topk leaves the order of equals open; sort them by id, so that the token is defined
        values, ids = scaled.topk(n_candidates, dim=-1)
        ids, order = ids.sort(dim=-1)
        values, order = values.gather(1, order).sort(dim=-1, descending=True, stable=True)
        ids = ids.gather(1, order)
    p = (values - scaled.logsumexp(dim=-1, keepdim=True)).exp()
    cumulative = p.cumsum(dim=-1)
    last = (cumulative - p < sampling.top_p).sum(dim=-1, keepdim=True) - 1
    reached = cumulative.gather(1, last)
    place = torch.searchsorted(cumulative, draws[:, None] * reached, right=True)
    chosen = ids.gather(1, place.minimum(last)).flatten()
    if n_candidates == logits.shape[-1]:
        return chosen, torch.ones_like(chosen, dtype=torch.bool)
    # Strictly above the last candidate, which may have equals that are no candidates.
    whole = (reached >= sampling.top_p) & (values.gather(1, last) > values[:, -1:])
    return chosen, whole.flatten()

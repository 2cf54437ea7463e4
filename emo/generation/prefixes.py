"""Prompts read without reading twice what they have in common: a system prompt, or the whole prompt.

The numbers are those of whole prompts up to rounding, so this is for precisions in which the batch does
not decide a text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64

from emo.generation.past import CachedPast, StepInputs
from emo.generation.roomy import to_the_right

LEAST_TOKENS = 8
"""A shorter common beginning saves less than the pass that it takes."""
LEAST_PROMPTS = 4
"""Fewer prompts are not read apart from the others because they begin alike."""

Prompt = tuple[int, ...]


def common_beginning(prompts: Sequence[Prompt]) -> int:
    """How many tokens the prompts begin with alike; every prompt has at least one more.

    0 where it is not worth a pass of its own.
    """
    if len(set(prompts)) < 2:
        return 0
    columns = zip(*prompts, strict=False)  # up to the end of the shortest
    apart = (i for i, tokens in enumerate(columns) if len(set(tokens)) > 1)
    shortest = min(map(len, prompts))
    n = min(next(apart, shortest), shortest - 1)
    return n if n >= LEAST_TOKENS else 0


def alike(prompts: Sequence[Prompt]) -> list[list[int]]:
    """The places of the prompts, parted by how they begin, where enough of them begin alike."""
    by_beginning: dict[Prompt, list[int]] = defaultdict(list)
    for place, prompt in enumerate(prompts):
        by_beginning[prompt[:LEAST_TOKENS]].append(place)
    parts, rest = [], []
    for places in by_beginning.values():
        some = [prompts[i] for i in places]
        if len(set(some)) >= LEAST_PROMPTS and common_beginning(some):
            parts.append(places)
        else:
            rest += places
    return [*parts, *([rest] if rest else [])]


def read_prompts(
    past: CachedPast, prompts: Sequence[Prompt], pad_id: int, device: str
) -> tuple[Float[torch.Tensor, "prompt vocabulary"], Int64[torch.Tensor, "prompt position"]]:
    """Logits behind each prompt, and the mask of what an empty ``past`` then holds.

    Equal prompts are read once, and the tokens that all prompts begin with. The past must hold every
    token (:func:`emo.generation.roomy.holds_every_token`); the tokens of each row then end together.
    """
    distinct = list(dict.fromkeys(prompts))
    n = common_beginning(distinct)
    if n:
        first = torch.tensor([distinct[0][:n]], device=device)
        past.next_logits(StepInputs(first, torch.ones_like(first)), lambda _: None)
        past.select(torch.zeros(len(distinct), dtype=torch.long, device=device))
    width = max(map(len, distinct)) - n
    ids = torch.full((len(distinct), width), pad_id, device=device)
    mask = torch.zeros((len(distinct), n + width), dtype=torch.long, device=device)
    mask[:, :n] = 1
    for row, prompt in enumerate(distinct):
        new = len(prompt) - n
        ids[row, width - new :] = torch.tensor(prompt[n:], device=device)
        mask[row, n + width - new :] = 1
    logits = past.next_logits(StepInputs(ids, mask), lambda _: None)
    if len(distinct) < len(prompts):
        place = {prompt: i for i, prompt in enumerate(distinct)}
        rows = torch.tensor([place[prompt] for prompt in prompts], device=device)
        past.select(rows)
        logits, mask = logits[rows], mask[rows]
    return logits, to_the_right(past.cache, mask.bool()).long()

"""Plain texts read under every dose: the divergence of the steered predictions from the unsteered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float

from emo.activations.backend import OutOfMemory, TokenSpan, pad
from emo.activations.hf import translated_oom
from emo.core.steering.damage import Damage
from emo.errors import ModelError
from emo.generation.prompting import prompt_ids
from emo.steering.doses import Additions, Dose
from emo.steering.injection import Addition, Injection, steered_places
from emo.steering.scoring import LOGITS_AT_ONCE
from emo.stimuli.plain_prompts import plain_prompts
from emo.stimuli.scenarios import Scenario

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel
    from emo.steering.steerable import Steerable
    from emo.steering.sweep import Setup

MOST_TOKENS = 64
"""Of a plain text; what is behind them is not read."""


def plain_texts(loaded: LoadedModel) -> dict[str, tuple[int, ...]]:
    """Token ids of each bundled plain text, cut to what the model can read, by a name of its own."""
    most = min(MOST_TOKENS, loaded.context or MOST_TOKENS)
    return {
        f"plain text {number}": prompt_ids(loaded.tokenizer, text, False, None).ids[:most]
        for number, text in enumerate(plain_prompts())
    }


def damages(
    model: Steerable,
    doses: Sequence[Dose],
    additions: Additions,
    batch_size: int,
    setup: Setup,
) -> tuple[Damage, ...]:
    """Every plain text under every direction, site and strength.

    The vectors of several emotions, and several permuted ones, take turns over the texts. ``additions``
    knows the norms of the plain texts by their names.

    Raises
    ------
    ModelError
        If memory does not suffice for one text.
    """
    out: list[Damage] = []
    texts = list(plain_texts(model.loaded).items())
    for number, (name, ids) in enumerate(setup.track(texts, "reading plain texts")):
        taken = _turns(doses, number)
        here = Scenario(name, "", "", "")
        added = [
            additions.addition(Dose(here, d.emotion, d.direction, d.site, d.strength, d.draw))
            for d in taken
        ]
        kls = divergences(model, ids, added, batch_size, setup)
        out += [
            Damage(number, d.emotion, d.direction.value, d.site.name, d.strength, kl)
            for d, kl in zip(taken, kls, strict=True)
        ]
    return tuple(out)


def _turns(doses: Sequence[Dose], number: int) -> list[Dose]:
    """One dose per direction, site and strength: the emotions and draws take turns."""
    groups: dict[tuple[str, str, float], dict[tuple[str, int], Dose]] = {}
    for d in doses:
        key = (d.direction.value, d.site.name, d.strength)
        groups.setdefault(key, {}).setdefault((d.emotion, d.draw), d)
    return [list(group.values())[number % len(group)] for group in groups.values()]


def divergences(
    model: Steerable,
    ids: tuple[int, ...],
    added: Sequence[Addition],
    batch_size: int,
    setup: Setup,
) -> list[float]:
    """Divergence of the predictions of a text's second half under each addition, in nats per token.

    The first half is the prompt, the second stands for what is generated. The unsteered text is in
    every batch, so that an addition of nothing gives 0; with a batch size of 1 it is read alone.
    """
    vocabulary = int(model.loaded.model.config.get_text_config().vocab_size)
    most = min(batch_size, max(2, LOGITS_AT_ONCE // (len(ids) * vocabulary)))
    alone = batch_size == 1
    size = 1 if alone else most - 1
    plain = _predictions(model, ids, [{}], setup)[0] if alone else None
    out: list[float] = []
    for first in range(0, len(added), size):
        chunk = list(added[first : first + size])
        if plain is not None:
            base, steered = plain, _predictions(model, ids, chunk, setup)
        else:
            base, *steered = _predictions(model, ids, [{}, *chunk], setup)
        out += [_divergence(base, row) for row in steered]
    return out


def _predictions(
    model: Steerable, ids: tuple[int, ...], added: Sequence[Addition], setup: Setup
) -> list[Float[torch.Tensor, "position vocabulary"]]:
    """Log probabilities at the positions that predict the second half, one row per addition."""
    device, start = model.loaded.device, max(1, len(ids) // 2)
    batch = pad([TokenSpan(ids, start, len(ids))] * len(added), 0)
    tokens = torch.from_numpy(batch.ids).to(device)
    mask = torch.from_numpy(batch.mask.astype(np.int64)).to(device)
    injection = Injection(added, device)
    generated = torch.arange(len(ids), device=device)[None].expand(len(added), -1) >= start
    injection.select(np.arange(len(added)), steered_places(generated, setup.positions))
    try:
        with torch.inference_mode(), translated_oom(), model.editing(injection.edits()):
            logits = model.logits(tokens, mask)[:, start - 1 : len(ids) - 1]
            return [row.float().log_softmax(dim=-1) for row in logits]
    except OutOfMemory:
        raise ModelError(
            f"out of memory with {len(added)} plain texts at once: take a smaller backend.batch_size, "
            "or job.steer.damage=false"
        ) from None


def _divergence(
    plain: Float[torch.Tensor, "position vocabulary"],
    steered: Float[torch.Tensor, "position vocabulary"],
) -> float:
    """Mean over positions of sum p (log p - log q); NaN where one is not finite."""
    p = plain.exp()
    terms = torch.where(p > 0, p * (plain - steered), 0.0)
    value = float(terms.sum(dim=-1).double().mean())
    return value if np.isfinite(value) else float("nan")

"""From requests to texts, in batches of a fixed order; each batch is saved as soon as it is done."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from emo.activations.backend import OutOfMemory
from emo.errors import ConfigError, ModelError
from emo.files.json_digests import Subject, json_digest
from emo.generation.samples import Generated, Request, Sampling
from emo.generation.texts import TextStore

log = logging.getLogger(__name__)


class Decoder(Protocol):
    """Writes one batch of texts."""

    @property
    def context(self) -> int | None: ...

    @property
    def alone(self) -> bool:
        """Whether texts must be written one at a time, because a batch changes them."""
        ...

    def decode(
        self,
        requests: Sequence[Request],
        max_new_tokens: int,
        sampling: Sampling | None,
        seed: int = 0,
    ) -> list[Generated]: ...


@dataclass(frozen=True)
class Generation:
    """What decides the texts besides model and prompts."""

    max_new_tokens: int
    sampling: Sampling | None
    """None: greedy."""
    seed: int
    """Seed of sampled texts; greedy ones do not use it."""
    batch_size: int
    batch_decides: bool
    """Whether a text depends on its batch: in bf16 and fp16 on its shape, in INT8 on all texts in it.
    If so, the batch is part of a text's key, and a batch is generated whole or not at all."""

    def key(self, request: Request, batch: Sequence[Request]) -> str:
        """Content address of a text, without the token budget: a smaller budget gives a prefix."""
        identity: dict[str, Any] = {"prompt": request.digest}
        if self.sampling is not None:
            identity |= asdict(self.sampling) | {"seed": self.seed, "sample": request.sample}
        if self.batch_decides and len(batch) > 1:
            identity["batch"] = [(r.digest, r.sample) for r in batch]
        return json_digest(Subject.settings, identity)


@dataclass(frozen=True)
class Texts:
    """Generated texts in the order of their requests, and how they came about."""

    items: tuple[Generated, ...]
    done: int
    """Number of distinct texts generated now."""
    reused: int
    """Number of distinct texts taken from the store."""
    tokens: int
    """Number of tokens generated now."""


def generate(
    decoder: Decoder,
    requests: Sequence[Request],
    settings: Generation,
    store: TextStore,
    track: Callable[[Iterable[Any], str], Iterable[Any]] = lambda items, _: items,
    groups: Sequence[Hashable] | None = None,
) -> Texts:
    """Texts of all requests; stored ones are not generated again, and each batch is saved at once.

    Batches are cut from the distinct requests, sorted by prompt length. If ``settings.batch_decides``,
    they depend on the set of requests and the batch size only; otherwise stored texts are left out
    first. A decoder that must write texts alone gets them one by one.

    ``groups`` has the group of each request. If ``settings.batch_decides``, batches are cut within
    groups, so that the texts of a group do not depend on which other groups are asked for. A request in
    several groups counts for the first of them.

    Raises
    ------
    ConfigError
        If prompt and budget together exceed the model's context.
    ModelError
        If a single sequence, or a batch that may not be halved, does not fit into memory.
    """
    check_room(requests, settings.max_new_tokens, decoder.context)
    distinct = sorted(set(requests), key=lambda r: (len(r.prompt), r.digest, r.sample))
    together = [distinct]
    if settings.batch_decides and groups is not None:
        together = _apart(distinct, requests, groups)
    size = 1 if decoder.alone else settings.batch_size
    cut = [batch for part in together for batch in _cut(part, size)]
    keys = {r: settings.key(r, batch) for batch in cut for r in batch}
    stored = store.get({keys[r]: r.prompt for r in distinct}, settings.max_new_tokens)
    texts = {r: stored[keys[r]] for r in distinct if keys[r] in stored}
    if settings.batch_decides:
        todo = [batch for batch in cut if not all(r in texts for r in batch)]
    else:
        todo = list(_cut([r for r in distinct if r not in texts], size))
    for batch in track(todo, "generating texts"):
        for part, written in _decode(decoder, batch, settings):
            store.put({keys[r]: text for r, text in zip(part, written, strict=True)})
            texts |= dict(zip(part, written, strict=True))
    new = [r for batch in todo for r in batch]
    return Texts(
        items=tuple(texts[r] for r in requests),
        done=len(new),
        reused=len(distinct) - len(new),
        tokens=sum(len(texts[r].tokens) for r in new),
    )


def _apart(
    distinct: Sequence[Request], requests: Sequence[Request], groups: Sequence[Hashable]
) -> list[list[Request]]:
    first: dict[Request, Hashable] = {}
    for request, group in zip(requests, groups, strict=True):
        first.setdefault(request, group)
    parts: dict[Hashable, list[Request]] = defaultdict(list)
    for request in distinct:
        parts[first[request]].append(request)
    return list(parts.values())


def _cut(requests: Sequence[Request], size: int) -> Iterator[Sequence[Request]]:
    return (requests[i : i + size] for i in range(0, len(requests), size))


def check_room(
    requests: Sequence[Request],
    budget: int,
    context: int | None,
    parameter: str = "subparams.max_new_tokens",
    source: str = "subparams.prompts_path",
) -> None:
    """Refuse a budget, or prompts, that the model's context leaves no room for.

    ``parameter`` sets the budget, ``source`` the prompts.

    Raises
    ------
    ConfigError
        Naming the largest budget there is room for, or the prompts if there is room for none.
    """
    longest = max((len(r.prompt) for r in requests), default=0)
    if context is not None and longest >= context:
        raise ConfigError(
            source,
            f"a prompt of {longest} tokens",
            f"prompts of fewer than {context} tokens, which is all that the model reads",
        )
    room = "" if context is None else f", at most {context - longest}"
    if budget < 1 or (context is not None and longest + budget > context):
        why = (
            f": the longest prompt has {longest} tokens and the model reads {context}"
            if room
            else ""
        )
        raise ConfigError(parameter, budget, f"a value of at least 1{room}{why}")


def check_prompts(requests: Sequence[Request], n_ids: int) -> None:
    """Refuse prompts with a token id that has no embedding.

    Raises
    ------
    ModelError
        Naming the largest such id.
    """
    largest = max((max(r.prompt, default=0) for r in requests), default=0)
    if largest >= n_ids:
        raise ModelError(
            f"a prompt has token id {largest}, the model has embeddings for ids below {n_ids}: its "
            "tokenizer has tokens that were added without resizing the model"
        )


def _decode(
    decoder: Decoder, batch: Sequence[Request], settings: Generation
) -> Iterator[tuple[Sequence[Request], list[Generated]]]:
    """Texts of one batch, which is halved until it fits into memory, unless that changes them."""
    try:
        yield (
            batch,
            decoder.decode(batch, settings.max_new_tokens, settings.sampling, settings.seed),
        )
        return
    except OutOfMemory:
        if len(batch) == 1 or settings.batch_decides:
            raise ModelError(_too_large(batch, settings)) from None
    log.warning("out of memory with %d texts at once; going on with half as many", len(batch))
    half = len(batch) // 2
    yield from _decode(decoder, batch[:half], settings)
    yield from _decode(decoder, batch[half:], settings)


def _too_large(batch: Sequence[Request], settings: Generation) -> str:
    if len(batch) == 1:
        return (
            f"out of memory on a single text of {len(batch[0].prompt)} + {settings.max_new_tokens} "
            "tokens; take a smaller precision or another device"
        )
    return (
        f"out of memory with {len(batch)} texts at once; in this precision the batch decides the "
        "texts, so it is not halved silently: set a smaller backend.decode_batch_size"
    )

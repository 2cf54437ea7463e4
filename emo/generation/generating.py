"""Requests in, texts out: batches cut in a fixed order, each saved as soon as it is done."""

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
    """What generates one batch."""

    @property
    def context(self) -> int | None: ...

    @property
    def alone(self) -> bool:
        """Whether texts must be written one at a time, because others in a batch change them."""
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
    """What is asked of the decoder besides the prompts."""

    max_new_tokens: int
    sampling: Sampling | None
    """None: greedy."""
    seed: int
    """Of the sampled texts; greedy ones have none."""
    batch_size: int
    batch_decides: bool
    """Whether a text depends on its batch (bf16 and fp16 logits do on its shape, INT8 ones on
    everything in it). Then a text's identity includes its batch, and a batch is generated whole."""

    def key(self, request: Request, batch: Sequence[Request]) -> str:
        """Content address of a text. The token budget is not part of it: less is a prefix of more."""
        identity: dict[str, Any] = {"prompt": request.digest}
        if self.sampling is not None:
            identity |= asdict(self.sampling) | {"seed": self.seed, "sample": request.sample}
        if self.batch_decides and len(batch) > 1:
            identity["batch"] = [(r.digest, r.sample) for r in batch]
        return json_digest(Subject.settings, identity)


@dataclass(frozen=True)
class Texts:
    """Generated texts in the order of their requests.

    Besides how many distinct ones were generated now, with how many tokens, and how many reused.
    """

    items: tuple[Generated, ...]
    done: int
    reused: int
    tokens: int


def generate(
    decoder: Decoder,
    requests: Sequence[Request],
    settings: Generation,
    store: TextStore,
    track: Callable[[Iterable[Any], str], Iterable[Any]] = lambda items, _: items,
    groups: Sequence[Hashable] | None = None,
) -> Texts:
    """Texts of all requests; what the store holds is not generated, and each batch is saved at once.

    Batches are cut from the distinct requests sorted by prompt length, so they follow from the set
    of requests, the batch size and (where batches do not decide) from what the store holds. A decoder
    that must write texts alone gets them one by one.

    ``groups`` names the group of each request. Where batches decide, they are cut within groups, so
    that a group's texts are the same whatever other groups are asked for. A request that stands in
    several groups is written with the first of them.

    Raises
    ------
    ConfigError
        If prompt and budget are longer than the model's context.
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
    found = store.get({keys[r]: r.prompt for r in distinct}, settings.max_new_tokens)
    texts = {r: found[keys[r]] for r in distinct if keys[r] in found}
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


def check_room(requests: Sequence[Request], budget: int, context: int | None) -> None:
    """Refuse a budget that the model's context leaves no room for.

    Raises
    ------
    ConfigError
        Naming the largest budget there is room for.
    """
    longest = max((len(r.prompt) for r in requests), default=0)
    if budget < 1 or (context is not None and longest + budget > context):
        room = (
            ""
            if context is None
            else (
                f", at most {context - longest}: the longest prompt has {longest} tokens and the model "
                f"reads {context}"
            )
        )
        raise ConfigError("subparams.max_new_tokens", budget, f"a value of at least 1{room}")


def check_prompts(requests: Sequence[Request], n_ids: int) -> None:
    """Refuse prompts with a token that the model has no embedding for.

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
    """One batch; halved as often as memory asks for, unless that could change its texts."""
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

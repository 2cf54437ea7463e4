"""From requests to texts: those of the store, and the others in one queue or in fixed batches."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from emo.activations.backend import OutOfMemory
from emo.errors import ConfigError, ModelError
from emo.files.json_digests import Subject, json_digest
from emo.generation.samples import Generated, Order, Request, Sampling
from emo.generation.texts import TextStore

log = logging.getLogger(__name__)


class Decoder(Protocol):
    """Writes texts: one batch, or all with never more than some at once."""

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

    def write(self, orders: Sequence[Order], size: int) -> Iterator[tuple[int, Generated]]: ...


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


Track = Callable[[Iterable[Any], str], Iterable[Any]]


@dataclass(frozen=True)
class Wanted:
    """Texts that are decoded alike; ``groups`` has the group of each request."""

    requests: Sequence[Request]
    settings: Generation
    groups: Sequence[Hashable] | None = None


def generate(
    decoder: Decoder,
    requests: Sequence[Request],
    settings: Generation,
    store: TextStore,
    track: Track = lambda items, _: items,
    groups: Sequence[Hashable] | None = None,
) -> Texts:
    """Texts of all requests; stored ones are not generated again, see :func:`generate_all`."""
    return generate_all(decoder, [Wanted(requests, settings, groups)], store, track)[0]


def generate_all(
    decoder: Decoder,
    wanted: Sequence[Wanted],
    store: TextStore,
    track: Track = lambda items, _: items,
) -> list[Texts]:
    """Texts of several kinds, of one model; stored ones are not generated again.

    Where the batch decides nothing, the texts of all kinds stand in one queue, sorted by prompt length,
    so that batches are full; finished texts are saved when there are as many as a batch has.

    If ``batch_decides``, batches are cut from the distinct requests of each kind, so that they depend on
    the set of requests and the batch size only, and each is saved at once. With ``groups``, batches are
    cut within groups, so that the texts of a group do not depend on which other groups are asked for. A
    request in several groups counts for the first of them.

    A decoder that must write texts alone gets them one by one.

    Raises
    ------
    ConfigError
        If prompt and budget together exceed the model's context.
    ModelError
        If a single sequence, or a batch that may not be halved, does not fit into memory.
    """
    for some in wanted:
        check_room(some.requests, some.settings.max_new_tokens, decoder.context)
    if any(some.settings.batch_decides for some in wanted):
        return [_in_fixed_batches(decoder, some, store, track) for some in wanted]
    return _in_one_queue(decoder, wanted, store, track)


def _in_fixed_batches(decoder: Decoder, wanted: Wanted, store: TextStore, track: Track) -> Texts:
    requests, settings, groups = wanted.requests, wanted.settings, wanted.groups
    distinct = _by_length(requests)
    together = [distinct] if groups is None else _apart(distinct, requests, groups)
    size = 1 if decoder.alone else settings.batch_size
    cut = [batch for part in together for batch in _cut(part, size)]
    keys = {r: settings.key(r, batch) for batch in cut for r in batch}
    stored = store.get({keys[r]: r.prompt for r in distinct}, settings.max_new_tokens)
    texts = {r: stored[keys[r]] for r in distinct if keys[r] in stored}
    todo = [batch for batch in cut if not all(r in texts for r in batch)]
    for batch in track(todo, "generating texts"):
        budget = settings.max_new_tokens
        try:
            written = decoder.decode(batch, budget, settings.sampling, settings.seed)
        except OutOfMemory:
            raise ModelError(_too_large(len(batch), len(batch[0].prompt), budget)) from None
        store.put({keys[r]: text for r, text in zip(batch, written, strict=True)})
        texts |= dict(zip(batch, written, strict=True))
    return _texts(wanted, texts, {r for batch in todo for r in batch})


def _in_one_queue(
    decoder: Decoder, wanted: Sequence[Wanted], store: TextStore, track: Track
) -> list[Texts]:
    size = 1 if decoder.alone else max((s.settings.batch_size for s in wanted), default=1)
    known: dict[str, Generated] = {}
    missing: dict[str, Order] = {}
    first: dict[str, int] = {}
    for kind, some in enumerate(wanted):
        settings, budget = some.settings, some.settings.max_new_tokens
        keys = {settings.key(r, ()): r for r in _by_length(some.requests)}
        stored = store.get({key: r.prompt for key, r in keys.items()}, budget)
        for key in keys.keys() - stored.keys():
            first.setdefault(key, kind)
            if key not in missing or missing[key].budget < budget:
                missing[key] = Order(keys[key], budget, settings.sampling, settings.seed)
        for key, text in stored.items():
            if key not in known or len(known[key].tokens) < len(text.tokens):
                known[key] = text
    queue = sorted(missing, key=lambda key: (*_length(missing[key].request), key))
    orders = [missing[key] for key in queue]
    unsaved: dict[str, Generated] = {}
    try:
        for number, text in track(
            _Counted(_written(decoder, orders, size), len(orders)), "generating texts"
        ):
            known[queue[number]] = unsaved[queue[number]] = text
            if len(unsaved) >= size:
                store.put(unsaved)
                unsaved = {}
    finally:
        if unsaved:
            store.put(unsaved)
    out = []
    for kind, some in enumerate(wanted):
        keys = {r: some.settings.key(r, ()) for r in some.requests}
        budget = some.settings.max_new_tokens
        texts = {r: known[key].truncated(budget) for r, key in keys.items()}
        out.append(_texts(some, texts, {r for r, key in keys.items() if first.get(key) == kind}))
    return out


def _texts(wanted: Wanted, texts: Mapping[Request, Generated], new: Set[Request]) -> Texts:
    return Texts(
        items=tuple(texts[r] for r in wanted.requests),
        done=len(new),
        reused=len(set(wanted.requests)) - len(new),
        tokens=sum(len(texts[r].tokens) for r in new),
    )


@dataclass(frozen=True)
class _Counted:
    """Items that come one by one and whose number is known, for a progress bar."""

    items: Iterator[Any]
    n: int

    def __iter__(self) -> Iterator[Any]:
        return self.items

    def __len__(self) -> int:
        return self.n


def _length(request: Request) -> tuple[int, str, int]:
    return len(request.prompt), request.digest, request.sample


def _by_length(requests: Sequence[Request]) -> list[Request]:
    return sorted(set(requests), key=_length)


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


def _written(
    decoder: Decoder, orders: Sequence[Order], size: int
) -> Iterator[tuple[int, Generated]]:
    """Every order's number and text; if memory runs out, the rest with half as many at once."""
    left = dict(enumerate(orders))
    while left:
        numbers = list(left)
        try:
            for place, text in decoder.write(list(left.values()), size):
                del left[numbers[place]]
                yield numbers[place], text
        except OutOfMemory:
            if size == 1:
                order = next(iter(left.values()))
                raise ModelError(_too_large(1, len(order.request.prompt), order.budget)) from None
            size = max(1, min(size, len(left)) // 2)
            log.warning("out of memory; going on with %d texts at once, half as many", size)


def _too_large(n_texts: int, n_tokens: int, budget: int) -> str:
    if n_texts == 1:
        return (
            f"out of memory on a single text of {n_tokens} + {budget} tokens; take a smaller precision "
            "or another device"
        )
    return (
        f"out of memory with {n_texts} texts at once; in this precision the batch decides the "
        "texts, so it is not halved silently: set a smaller backend.decode_batch_size"
    )

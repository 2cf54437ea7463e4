"""From texts to token spans, and from spans to activations: one forward pass per distinct text."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.activations.backend import Backend, OutOfMemory, TokenSpan, pad_texts
from emo.activations.layer_rows import LayerRows
from emo.activations.store import ActivationStore
from emo.config.enums import Readout
from emo.config.readouts import readout_row
from emo.errors import ModelError, StimuliError, StoreError, first_of
from emo.stimuli.texts import texts_at_a_time

if TYPE_CHECKING:
    from jaxtyping import Float32

log = logging.getLogger(__name__)

Texts = Sequence[Sequence[TokenSpan]]
"""A batch: texts that are read at once, each with the spans that are read of it."""

SHARD_BYTES = 16 << 20
"""About the size of a shard; a killed run loses at most the work on one."""


@dataclass(frozen=True)
class Passes:
    """How many forward passes were done now, and how many readings came from the store."""

    done: int
    reused: int


def tokenise(
    tokenizer: Any, texts: Sequence[str], readout: Readout, suffix: str = ""
) -> list[TokenSpan]:
    """The token ids of each text, with the span that a readout reads.

    :data:`emo.config.readouts.READOUTS` says what each readout reads. Special tokens that the
    tokenizer adds in front of a text are kept and not read by any readout. Those that it adds behind the
    text (an end-of-text token) are dropped, because no token in front of them depends on them; the
    exception is INT8, where tokens share outlier columns.

    Raises
    ------
    ValueError
        If there is no such readout.
    """
    row = readout_row(readout)
    if row.takes_suffix:
        texts = [f"{text} {suffix}" for text in texts]
    spans = []
    for some in texts_at_a_time(texts):
        encoded = tokenizer(some, return_special_tokens_mask=True)
        for ids, special in zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True):
            length = len(ids) - n_appended(special)
            spans.append(TokenSpan(tuple(ids[:length]), *row.positions(special[:length])))
    return spans


def n_appended(special: Sequence[int]) -> int:
    """How many special tokens the tokenizer has added behind a text, from the mask of these.

    The mask marks what the tokenizer added, and no special token that stands in the text itself. 0 if
    the text has no token of its own.
    """
    return special[::-1].index(0) if 0 in special else 0


def appended_tokens(tokenizer: Any) -> tuple[str, ...]:
    """The special tokens that a tokenizer adds behind every text."""
    encoded = tokenizer("a", return_special_tokens_mask=True)
    ids, n = encoded["input_ids"], n_appended(encoded["special_tokens_mask"])
    return tuple(tokenizer.convert_ids_to_tokens(ids[len(ids) - n :]))


def note_appended(tokenizer: Any) -> None:
    """Log one line if a tokenizer adds special tokens behind every text."""
    if tokens := appended_tokens(tokenizer):
        log.info(
            "the tokenizer adds %s behind every text; it is left out, so that the last token of a text "
            "is its own",
            " ".join(tokens),
        )


def check_texts(
    spans: Sequence[TokenSpan],
    names: Sequence[str],
    context: int | None,
    n_ids: int,
    model: str = "this model",
) -> None:
    """Refuse texts that the model cannot read.

    These are texts that are longer than its context, have no tokens, or have a token id of ``n_ids``
    or more, for which the model has no embedding.

    Raises
    ------
    StimuliError
        Naming every such text.
    """
    named = list(zip(spans, names, strict=True))
    problems = [
        f"passage {name!r} has {len(span.ids)} tokens; the model reads at most {context}"
        for span, name in named
        if context is not None and len(span.ids) > context
    ]
    problems += [f"passage {name!r} has no tokens" for span, name in named if not span.ids]
    largest = {name: max(span.ids, default=0) for span, name in named}
    if beyond := [repr(name) for name, i in largest.items() if i >= n_ids]:  # the tokenizer's fault
        problems.append(
            f"its tokenizer gives ids up to {max(largest.values())} and its embeddings are those of ids "
            f"below {n_ids}: passages {first_of(beyond, ', ')}"
        )
    if problems:
        raise StimuliError(f"with {model}", problems)


def read(
    backend: Backend,
    spans: Sequence[TokenSpan],
    store: ActivationStore,
    batch_size: int,
    track: Callable[[Iterable[Any], str], Iterable[Any]] = lambda items, _: items,
    *,
    fixed_batches: bool = False,
    causal: bool = True,
    share: Callable[[Sequence[Texts]], AbstractContextManager[Sequence[Texts]]] = nullcontext,
) -> tuple[Float32[np.ndarray, "layer item hidden"], Passes]:
    """Activations of all spans, in their order; those in the store are not computed again.

    Beyond :data:`emo.activations.layer_rows.IN_MEMORY` bytes they are a file mapped read-only.

    A text goes through the model once, however many of its spans are read. In a ``causal`` model a
    text that begins another one shares its pass. ``fixed_batches`` is for a reader whose numbers
    depend on the batch: the batches are then the same whatever the store holds, and a batch is read
    whole or not at all. ``share`` gives the batches that are read here; what others have read is in the
    store when it ends.

    Raises
    ------
    ModelError
        If a single text (or a fixed batch) does not fit into memory.
    StoreError
        If what is read cannot be written down.
    """
    distinct: dict[str, TokenSpan] = {}
    places: dict[str, list[int]] = {}
    for place, span in enumerate(spans):
        key = span.key
        distinct[key] = span
        places.setdefault(key, []).append(place)
    rows = LayerRows(backend.n_layers, len(spans), backend.hidden, store.root)
    stored = set()
    for key, row in store.rows(distinct):
        rows.put(places[key], row)
        stored.add(key)
    wanted = distinct if fixed_batches else {k: s for k, s in distinct.items() if k not in stored}
    pool = texts_of(list(wanted.values()), causal)
    batches = [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    todo = [b for b in batches if any(s.key not in stored for text in b for s in text)]

    def keep(read_now: Sequence[tuple[str, np.ndarray]]) -> None:
        for key, row in read_now:
            rows.put(places[key], row)

    with share(todo) as mine:
        fill_store(backend, track(mine, "reading texts"), store, batch_size, fixed_batches, keep)
    if len(mine) < len(todo):
        keep_rest(store, {s.key for b in todo for text in b for s in text}, mine, keep)
    fresh = sum(len(text) for batch in todo for text in batch)
    return rows.array(), Passes(done=sum(map(len, todo)), reused=len(distinct) - fresh)


def texts_of(spans: Sequence[TokenSpan], causal: bool) -> list[list[TokenSpan]]:
    """Spans grouped by the text they are read from; in each group the longest ids come first.

    The spans of a group have the same ids, or in a causal model ids that begin the first span's.
    Texts are sorted by length, so that there is little padding; ties are broken by key.
    """
    texts: list[list[TokenSpan]] = []
    # In falling order of ids, every beginning of a text follows it directly.
    for span in sorted(spans, key=lambda s: (s.ids, s.start, s.stop), reverse=True):
        first = texts[-1][0].ids if texts else ()
        if texts and (first[: len(span.ids)] if causal else first) == span.ids:
            texts[-1].append(span)
        else:
            texts.append([span])
    return sorted(texts, key=lambda text: _by_length(text[0]))


def digest(spans: Sequence[TokenSpan]) -> str:
    """Digest of a set of spans, independent of their order."""
    return hashlib.sha256("".join(sorted({s.key for s in spans})).encode()).hexdigest()


def _by_length(span: TokenSpan) -> tuple[int, str]:
    return len(span.ids), span.key


def fill_store(
    backend: Backend,
    batches: Iterable[Texts],
    store: ActivationStore,
    batch_size: int,
    fixed_batches: bool,
    keep: Callable[[Sequence[tuple[str, np.ndarray]]], object] = lambda read_now: None,
) -> None:
    """Read batches and write them down, a shard at a time; ``keep`` is given the rows of each shard.

    Raises
    ------
    ModelError
        If a single text (or a fixed batch) does not fit into memory.
    StoreError
        If what is read cannot be written down.
    """
    size = max(1, SHARD_BYTES // (4 * backend.n_layers * backend.hidden))
    size = -(-size // batch_size) * batch_size
    waiting: list[tuple[str, np.ndarray]] = []

    def save() -> None:
        store.put([key for key, _ in waiting], np.stack([row for _, row in waiting]))
        keep(waiting)
        waiting.clear()

    for batch in batches:
        values = forward(backend, batch, may_halve=not fixed_batches)
        read_now = [s.key for text in batch for s in text]
        waiting += [(key, values[:, i]) for i, key in enumerate(read_now)]
        if len(waiting) >= size:
            save()
    if waiting:
        save()


def keep_rest(
    store: ActivationStore,
    wanted: set[str],
    mine: Sequence[Texts],
    keep: Callable[[Sequence[tuple[str, np.ndarray]]], object],
) -> None:
    """Give ``keep`` the rows that other processes have read, from the store.

    Raises
    ------
    StoreError
        If one of them is not there, as where another process deletes files of the store.
    """
    missing = wanted - {s.key for batch in mine for text in batch for s in text}
    for key, row in store.rows(set(missing)):
        keep([(key, row)])
        missing.discard(key)
    if missing:
        raise StoreError(
            f"paths.store={store.root}: {len(missing)} texts that a worker has read are not there; "
            "start again: only these are read"
        )


def forward(
    backend: Backend, texts: Texts, may_halve: bool
) -> Float32[np.ndarray, "layer item hidden"]:
    """Activations of one batch, which is halved until it fits into memory, if it may be."""
    try:
        return backend.resid_post(pad_texts(texts, backend.pad_id))
    except OutOfMemory:
        if len(texts) == 1:
            raise ModelError(
                f"out of memory on a single text of {len(texts[0][0].ids)} tokens; take a smaller "
                "precision or another device"
            ) from None
        if not may_halve:
            raise ModelError(
                f"out of memory on {len(texts)} texts at once, and a smaller batch has other "
                "numbers; take a smaller backend.batch_size"
            ) from None
    log.warning("out of memory with %d texts at once; going on with half as many", len(texts))
    half = len(texts) // 2
    return np.concatenate(
        [forward(backend, part, may_halve=True) for part in (texts[:half], texts[half:])], axis=1
    )

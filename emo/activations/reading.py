"""Token spans in, activations out: each distinct text in one forward pass, none twice."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.activations.backend import Backend, OutOfMemory, TokenSpan, pad_texts
from emo.activations.store import ActivationStore
from emo.config.enums import Readout
from emo.errors import ModelError, StimuliError, first_of

if TYPE_CHECKING:
    from jaxtyping import Float32

log = logging.getLogger(__name__)

SHARD_BYTES = 16 << 20
"""A killed run loses at most the work on one shard of about this size."""


@dataclass(frozen=True)
class Passes:
    """Forward passes done now, and readings taken from the store instead."""

    done: int
    reused: int


def tokenise(
    tokenizer: Any, texts: Sequence[str], readout: Readout, suffix: str = ""
) -> list[TokenSpan]:
    """Texts as the model's own tokenizer gives them, with the span that is read.

    ``last`` reads the last token of the text, ``mean`` all of its tokens, ``suffix`` the last token of
    the text with the suffix behind it. Special tokens that the tokenizer adds in front are kept and
    not read; those that it adds behind the text (an end-of-text token) are dropped: nothing in front
    of them depends on them, but for INT8, whose tokens share outlier columns.
    """
    if readout is Readout.suffix:
        texts = [f"{text} {suffix}" for text in texts]
    encoded = tokenizer(list(texts), return_special_tokens_mask=True)
    spans = []
    for ids, special in zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True):
        ids = ids[: len(ids) - n_appended(special)]
        start = len(ids) - 1
        if readout is Readout.mean:
            start = special.index(0) if 0 in special else 0
        spans.append(TokenSpan(tuple(ids), start, len(ids)))
    return spans


def n_appended(special: Sequence[int]) -> int:
    """How many tokens the tokenizer has put behind a text, by its mask of special tokens.

    Special tokens that stand in the text itself are no such tokens. A text without any token of its own
    is left as it is.
    """
    return special[::-1].index(0) if 0 in special else 0


def appended_tokens(tokenizer: Any) -> tuple[str, ...]:
    """The special tokens that a tokenizer puts behind every text, in words for a note."""
    encoded = tokenizer("a", return_special_tokens_mask=True)
    ids, n = encoded["input_ids"], n_appended(encoded["special_tokens_mask"])
    return tuple(tokenizer.convert_ids_to_tokens(ids[len(ids) - n :]))


def note_appended(tokenizer: Any) -> None:
    """One line where a tokenizer puts special tokens behind every text."""
    if tokens := appended_tokens(tokenizer):
        log.info(
            "the tokenizer puts %s behind every text: left out, a text is read at its own last token",
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

    Such are texts longer than its context, without any token, or with a token id that it has no
    embedding for (it has those below ``n_ids``).

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
    fixed_batches: bool = False,
    causal: bool = True,
) -> tuple[Float32[np.ndarray, "layer item hidden"], Passes]:
    """Activations of all spans, in their order; what the store holds is not computed.

    A text is passed once, however many spans are read of it; where the model is ``causal`` this
    includes spans whose text is the beginning of another's. ``fixed_batches`` is for a reader whose
    numbers depend on the batch: batches are then the same whatever the store holds already, and a
    batch is read whole or not at all.

    Raises
    ------
    ModelError
        If a single text (or a fixed batch) does not fit into memory.
    """
    distinct = {span.key: span for span in spans}
    rows = store.get(list(distinct))
    wanted = distinct if fixed_batches else {k: s for k, s in distinct.items() if k not in rows}
    size = max(1, SHARD_BYTES // (4 * backend.n_layers * backend.hidden))
    size = -(-size // batch_size) * batch_size
    pool = texts_of(list(wanted.values()), causal)
    batches = [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    todo = [b for b in batches if any(s.key not in rows for text in b for s in text)]
    waiting: list[TokenSpan] = []
    for batch in track(todo, "reading texts"):
        values = _forward(backend, batch, may_halve=not fixed_batches)
        read_now = [s for text in batch for s in text]
        rows |= {s.key: values[:, i] for i, s in enumerate(read_now)}
        waiting += read_now
        if len(waiting) >= size:
            _save(store, waiting, rows)
            waiting = []
    if waiting:
        _save(store, waiting, rows)
    values = np.stack([rows[s.key] for s in spans], axis=1)
    fresh = sum(len(text) for batch in todo for text in batch)
    return values, Passes(done=sum(map(len, todo)), reused=len(distinct) - fresh)


def texts_of(spans: Sequence[TokenSpan], causal: bool) -> list[list[TokenSpan]]:
    """Spans that can be read in one pass, the one with the most token ids first.

    That is, of the same ids, or in a causal model of ids with which the first one's begin. Texts are
    sorted by length, so that little is padded; a key breaks ties for a fixed order.
    """
    texts: list[list[TokenSpan]] = []
    # In falling order of ids, whatever begins a text stands somewhere behind it, before other texts.
    for span in sorted(spans, key=lambda s: (s.ids, s.start, s.stop), reverse=True):
        first = texts[-1][0].ids if texts else ()
        if texts and (first[: len(span.ids)] if causal else first) == span.ids:
            texts[-1].append(span)
        else:
            texts.append([span])
    return sorted(texts, key=lambda text: _by_length(text[0]))


def digest(spans: Sequence[TokenSpan]) -> str:
    """Names the set of texts, whatever their order."""
    return hashlib.sha256("".join(sorted({s.key for s in spans})).encode()).hexdigest()


def _by_length(span: TokenSpan) -> tuple[int, str]:
    return len(span.ids), span.key


def _save(store: ActivationStore, spans: Sequence[TokenSpan], rows: dict[str, np.ndarray]) -> None:
    store.put([s.key for s in spans], np.stack([rows[s.key] for s in spans]))


def _forward(
    backend: Backend, texts: Sequence[Sequence[TokenSpan]], may_halve: bool
) -> Float32[np.ndarray, "layer item hidden"]:
    """One batch; halved as often as memory asks for, if it may be."""
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
        [_forward(backend, texts[:half], True), _forward(backend, texts[half:], True)], axis=1
    )

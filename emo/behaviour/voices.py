"""Models that hold conversations: with a cache kept over the turns, or reading each turn from the start.

Both give the same answers up to rounding. An answer depends on the conversation, its sample's number and
the seed, not on the other conversations of its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64

from emo.activations.backend import TokenSpan, pad
from emo.activations.hf import translated_oom
from emo.behaviour.forced import forced_choice, letter_ids
from emo.behaviour.formats import Format
from emo.behaviour.memory import Memory, can_remember
from emo.behaviour.talks import Said, Talk, without_thoughts
from emo.behaviour.writing import Open, Rules, write
from emo.config.enums import PrecisionName
from emo.generation.choosing import uniforms
from emo.generation.past import Memory as Kept
from emo.generation.prefixes import common_beginning
from emo.generation.samples import Finish, Request, Sampling
from emo.steering.injection import (
    Addition,
    Injection,
    SteeredDecoder,
    SteeredRequest,
    addition_digest,
    open_decoder,
)
from emo.steering.scoring import LOGITS_AT_ONCE
from emo.steering.steerable import Steerable

if TYPE_CHECKING:
    from emo.behaviour.holding import Script


NOTHING: Addition = MappingProxyType({})
"""Added to a model that is not steered."""


class WholeVoice:
    """A model that reads every turn from the start of its conversation: any family, any backend.

    An ``addition`` is added at all positions of all that the model reads and writes. If the logits are
    then not finite, the answer ends there.
    """

    def __init__(
        self, model: Steerable, format: Format, max_new_tokens: int, addition: Addition = NOTHING
    ) -> None:
        self._model, self._format, self._budget = model, format, max_new_tokens
        self._tokenizer = model.loaded.tokenizer
        self._addition = addition
        self._digest = addition_digest(addition) if addition else ""
        self._decoder: SteeredDecoder = open_decoder(model, lambda _: addition)
        self._letters = letter_ids(self._tokenizer)
        self._free = model.loaded.precision is PrecisionName.fp32
        """Whether only rounding depends on what is read together."""

    @property
    def format(self) -> str:
        return self._format.name

    @property
    def way(self) -> str:
        """How answers are decoded, in words."""
        return f"{self._decoder.way.name}, each turn from the start"

    @property
    def alone(self) -> bool:
        """Whether conversations must be held one at a time."""
        return self._decoder.alone

    @property
    def identity(self) -> dict[str, str]:
        """The part of a store's name that depends on how answers are decoded."""
        return self._decoder.way.identity if self._model.cached else {}

    @property
    def context(self) -> int | None:
        """Longest conversation in tokens; None if the model states none."""
        return self._decoder.context

    def opening(self, question: str, row: int, sample: int) -> Talk:
        """The conversation that begins with a question."""
        return Talk((("user", question),), self._format.opening(question), row, sample)

    def following(self, talk: Talk, said: Said, user: str) -> Talk:
        """The conversation after an answer and the user's next turn."""
        messages = (*talk.messages, ("assistant", said.text))
        ids = self._format.following((*talk.ids, *said.tokens), messages, user)
        return replace(talk, messages=(*messages, ("user", user)), ids=ids)

    def length_without_answers(self, script: Script) -> int:
        """Tokens of a whole conversation with its forced choice behind it, but for the answers."""
        talk, nothing = self.opening(script.question, 0, 0), Said("", (), Finish.eos)
        for turn in script.turns:
            talk = self.following(talk, nothing, turn)
        if script.options is None:
            return len(talk.ids)
        question = forced_choice(script.question, script.options, True)
        return len(self.following(talk, nothing, question).ids)

    def answers(self, talks: Sequence[Talk], sampling: Sampling | None, seed: int) -> list[Said]:
        """An answer to each conversation.

        Raises
        ------
        OutOfMemory
            If the batch is too large for the device.
        ModelError
            If a logit is not finite.
        """
        texts = self._decoder.decode(self._requests(talks), self._budget, sampling, seed)
        return [self._said(text.tokens, text.finish) for text in texts]

    def _requests(self, talks: Sequence[Talk]) -> list[Request]:
        if not self._addition:
            return [Request(t.ids, t.sample) for t in talks]
        return [SteeredRequest(t.ids, t.sample, self._digest) for t in talks]

    def _editing(self) -> AbstractContextManager[None]:
        """A block in which the addition is added to every row of a pass."""
        if not self._addition:
            return nullcontext()
        injection = Injection([self._addition], self._model.loaded.device)
        return self._model.editing(injection.edits())

    def choices(self, ways: Sequence[Sequence[Talk]]) -> Float64[np.ndarray, "way talk"]:
        """Log-odds, in nats, that the next answer begins with B rather than A.

        Raises
        ------
        OutOfMemory
            If the batch is too large for the device.
        """
        return np.stack([self._choices(talks) for talks in ways])

    def _choices(self, talks: Sequence[Talk]) -> Float64[np.ndarray, " talk"]:
        vocabulary = int(self._model.loaded.model.config.get_text_config().vocab_size)
        size = max(1, LOGITS_AT_ONCE // (vocabulary * max(len(t.ids) for t in talks)))
        parts = [talks[i : i + size] for i in range(0, len(talks), size)]
        return np.concatenate([self._odds(self._last_logits(part)) for part in parts])

    def _last_logits(self, talks: Sequence[Talk]) -> Float[torch.Tensor, "talk vocabulary"]:
        batch = pad([TokenSpan(t.ids, 0, len(t.ids)) for t in talks], self._decoder.pad_id)
        device = self._model.loaded.device
        ids = torch.from_numpy(batch.ids).to(device)
        mask = torch.from_numpy(batch.mask.astype(np.int64)).to(device)
        with torch.inference_mode(), translated_oom(), self._editing():
            logits = self._model.logits(ids, mask)
        return logits[torch.arange(len(talks)), mask.sum(dim=1) - 1].float()

    def _odds(self, logits: Float[torch.Tensor, "talk vocabulary"]) -> Float64[np.ndarray, " talk"]:
        a, b = (logits[:, list(ids)].cpu().double().logsumexp(dim=-1) for ids in self._letters)
        return (b - a).numpy()

    def _said(self, tokens: Sequence[int], finish: Finish) -> Said:
        """An answer without its end of text, and cut where the format ends it."""
        if finish is Finish.eos:
            tokens = tokens[:-1]
        n = next((i for i, token in enumerate(tokens) if not self._goes_on(token)), None)
        if n is not None:
            tokens, finish = tokens[:n], Finish.eos
        text = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
        return Said(without_thoughts(text).strip(), tuple(tokens), finish)

    def _goes_on(self, token: int) -> bool:
        return self._format.kept(self._tokenizer.decode([token]))


class CachedVoice(WholeVoice):
    """A model whose cache is kept over the turns of a batch of conversations.

    A turn that does not continue what the cache holds (a template that rewrites earlier turns) is read
    from the start.
    """

    def __init__(
        self, model: Steerable, format: Format, max_new_tokens: int, addition: Addition = NOTHING
    ) -> None:
        super().__init__(model, format, max_new_tokens, addition)
        self._rows: list[int] = []
        self._held: list[tuple[int, ...]] = []
        self._memory: Memory | None = None

    @property
    def way(self) -> str:
        """How answers are decoded, in words."""
        return f"{self._decoder.way.name}, with the cache kept over turns"

    def answers(self, talks: Sequence[Talk], sampling: Sampling | None, seed: int) -> list[Said]:
        """An answer to each conversation.

        Raises
        ------
        OutOfMemory
            If the batch is too large for the device.
        ModelError
            If a logit is not finite.
        """
        try:
            with torch.inference_mode(), translated_oom(), self._editing():
                memory = self._remembered(talks)
                opened = not any(self._held) and self._free
                read = memory.read_openings if opened else memory.read
                logits = read(self._unread(talks))
                written = write(memory, self._open(logits, talks, seed), self._rules(sampling))
        except BaseException:
            self._memory = None  # it may hold half of a turn
            raise
        said = [self._said(answer.tokens, answer.finish) for answer in written]
        memory.close_gaps()
        self._held = [
            (*t.ids, *s.tokens)[:length]
            for t, s, length in zip(talks, said, memory.lengths, strict=True)
        ]
        return said

    def choices(self, ways: Sequence[Sequence[Talk]]) -> Float64[np.ndarray, "way talk"]:
        """Log-odds, in nats, that the next answer begins with B rather than A.

        What the ways of going on with a conversation begin with alike is read once.

        Raises
        ------
        OutOfMemory
            If the batch is too large for the device.
        """
        if not all(map(self._continues, ways)):
            return super().choices(ways)
        with torch.inference_mode(), translated_oom(), self._editing():
            memory = self._remembered(ways[0])
            unread = [self._unread(talks) for talks in ways]
            shared = [
                common_beginning(texts) if self._free else 0 for texts in zip(*unread, strict=True)
            ]
            with memory.aside():
                if all(shared):
                    memory.read([text[:n] for text, n in zip(unread[0], shared, strict=True)])
                    unread = [[t[n:] for t, n in zip(u, shared, strict=True)] for u in unread]
                return np.stack([self._aside(memory, texts) for texts in unread])

    def _aside(
        self, memory: Memory, texts: Sequence[tuple[int, ...]]
    ) -> Float64[np.ndarray, " talk"]:
        with memory.aside():
            return self._odds(memory.read(texts))

    def _continues(self, talks: Sequence[Talk]) -> bool:
        held = dict(zip(self._rows, self._held, strict=True))
        return self._memory is not None and all(
            t.row in held and len(t.ids) > len(own := held[t.row]) and t.ids[: len(own)] == own
            for t in talks
        )

    def _remembered(self, talks: Sequence[Talk]) -> Memory:
        """The memory with the rows of these conversations; empty where it holds other ones."""
        rows = [t.row for t in talks]
        if self._memory is None or not self._continues(talks):
            loaded = self._model.loaded
            self._memory = Memory(loaded.model, len(talks), loaded.device, self._decoder.pad_id)
            self._rows, self._held = rows, [()] * len(rows)
        elif rows != self._rows:
            places = [self._rows.index(row) for row in rows]
            self._memory.select(places)
            self._rows, self._held = rows, [self._held[i] for i in places]
        return self._memory

    def _open(
        self, logits: Float[torch.Tensor, "row vocabulary"], talks: Sequence[Talk], seed: int
    ) -> Open:
        """All rows, before their first token."""
        draws = torch.from_numpy(uniforms(self._requests(talks), self._budget, seed))
        seen = seen_tokens(talks, logits) if self._decoder.penalty != 1 else None
        going = torch.ones(len(talks), dtype=torch.bool, device=logits.device)
        return Open(list(range(len(talks))), logits, draws, seen, going)

    def _rules(self, sampling: Sampling | None) -> Rules:
        decoder = self._decoder
        return Rules(
            *(self._budget, decoder.ends, self._goes_on, sampling, decoder.penalty),
            overflows=bool(self._addition),
            leave=self._free,
        )

    def _unread(self, talks: Sequence[Talk]) -> list[tuple[int, ...]]:
        return [t.ids[len(own) :] for t, own in zip(talks, self._held, strict=True)]


def seen_tokens(
    talks: Sequence[Talk], logits: Float[torch.Tensor, "row vocabulary"]
) -> Bool[torch.Tensor, "row vocabulary"]:
    """Which tokens stand in each conversation."""
    seen = torch.zeros(logits.shape, dtype=torch.bool)
    for row, talk in enumerate(talks):
        seen[row, list(talk.ids)] = True
    return seen.to(logits.device)


def open_voice(
    model: Steerable, format: Format, max_new_tokens: int, addition: Addition = NOTHING
) -> WholeVoice:
    """The fastest voice that a model can have, under an addition.

    Raises
    ------
    ModelError
        If the model cannot write, or has no letters.
    """
    voice = WholeVoice(model, format, max_new_tokens, addition)
    usual = voice._decoder.way.memory is Kept.key_values and model.cached
    if usual and can_remember(model.loaded.model):
        return CachedVoice(model, format, max_new_tokens, addition)
    return voice

"""Conversations held in batches, turn by turn, each stored when its batch is done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from emo.activations.backend import OutOfMemory
from emo.behaviour.forced import Options, forced_choice
from emo.behaviour.kept import ConversationStore, Spoken
from emo.behaviour.talks import Said, Talk, Voice
from emo.errors import ModelError
from emo.files.json_digests import Subject, json_digest
from emo.generation.samples import Sampling
from emo.stimuli.arms import Challenge
from emo.stimuli.facts import Fact

log = logging.getLogger(__name__)

Track = Callable[[Iterable[Any], str], Iterable[Any]]


@dataclass(frozen=True)
class Script:
    """A conversation to be held: a question and what the user says after the answers."""

    question: str
    turns: tuple[str, ...] = ()
    sample: int = 0
    options: Options | None = None
    """Of the forced choice that is asked after every answer; None: it is not asked."""

    @classmethod
    def about(
        cls, fact: Fact, turns: Sequence[Challenge], sample: int = 0, asked: bool = True
    ) -> Script:
        """A conversation about a fact, with the forced choice if it is ``asked``."""
        options = Options(fact.right[0], fact.wrong[0]) if asked else None
        return cls(fact.question, tuple(turn.of(fact) for turn in turns), sample, options)

    @property
    def identity(self) -> dict[str, Any]:
        """Everything of the script that decides what is said."""
        forced = None if self.options is None else [self.options.right, self.options.wrong]
        return {
            "question": self.question,
            "turns": list(self.turns),
            "forced": forced,
            "sample": self.sample,
        }


@dataclass(frozen=True)
class Settings:
    """What decides the answers besides model, format and scripts."""

    max_new_tokens: int
    sampling: Sampling | None
    """None: greedy."""
    seed: int
    """Of sampled answers; greedy ones do not use it."""
    batch_size: int
    batch_decides: bool
    """Whether an answer depends on its batch, as in every precision but fp32: the batch is then part of
    a conversation's name, and is held whole or not at all."""

    def key(self, script: Script, batch: Sequence[Script]) -> str:
        """Content address of a conversation."""
        identity = {**script.identity, "max_new_tokens": self.max_new_tokens}
        if self.sampling is not None:
            identity |= asdict(self.sampling) | {"seed": self.seed}
        if self.batch_decides and len(batch) > 1:
            identity["batch"] = [s.identity for s in batch]
        return json_digest(Subject.settings, identity)


@dataclass(frozen=True)
class Held:
    """What was said in each conversation, in the order of the scripts."""

    spoken: tuple[tuple[Spoken, ...], ...]
    done: int
    reused: int


def hold(
    voice: Voice,
    scripts: Sequence[Script],
    settings: Settings,
    store: ConversationStore,
    track: Track = lambda items, _: items,
) -> Held:
    """All conversations; stored ones are not held again.

    Raises
    ------
    ModelError
        If memory does not suffice, or a logit is not finite.
    """
    order = sorted(
        range(len(scripts)), key=lambda i: (-len(scripts[i].turns), scripts[i].sample, i)
    )
    cut = list(_cut([scripts[i] for i in order], settings.batch_size))
    keys = dict(zip(order, _keys(cut, settings), strict=True))
    known = store.get(set(keys.values()))
    missing = [i for i in order if keys[i] not in known]
    if settings.batch_decides:  # whole batches
        size = settings.batch_size
        parts = [part for part in _cut(order, size) if any(i in missing for i in part)]
    else:
        parts = list(_cut(missing, settings.batch_size))
    n_turns = sum(_n_turns([scripts[i] for i in part]) for part in parts)
    clock = iter(track(range(n_turns), "turns of conversations"))
    for part in parts:
        for rows, spoken in _held(voice, part, scripts, settings, clock):
            made = {keys[i]: said for i, said in zip(rows, spoken, strict=True)}
            store.put(made)
            known |= made
    for _ in clock:  # its end is the end of the progress line
        pass
    n_done = sum(map(len, parts))
    spoken = tuple(known[keys[i]] for i in range(len(scripts)))
    return Held(spoken, n_done, len(scripts) - n_done)


def _cut(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[i : i + size] for i in range(0, len(items), size))


def _keys(batches: Sequence[Sequence[Script]], settings: Settings) -> Iterator[str]:
    return (settings.key(script, batch) for batch in batches for script in batch)


def _n_turns(scripts: Sequence[Script]) -> int:
    """Answers of the longest conversation."""
    return 1 + max(len(script.turns) for script in scripts)


def _held(
    voice: Voice,
    rows: Sequence[int],
    scripts: Sequence[Script],
    settings: Settings,
    clock: Iterator[Any],
) -> Iterator[tuple[Sequence[int], list[tuple[Spoken, ...]]]]:
    """One batch, which is halved until it fits into memory, unless that changes what is said."""
    try:
        yield rows, converse(voice, [scripts[i] for i in rows], settings, lambda: next(clock, None))
        return
    except OutOfMemory:
        if len(rows) == 1 or settings.batch_decides:
            raise ModelError(
                f"out of memory with {len(rows)} conversations at once; set a smaller "
                "backend.decode_batch_size, or take a smaller precision"
            ) from None
    log.warning("out of memory with %d conversations at once; going on with half", len(rows))
    half = len(rows) // 2
    yield from _held(voice, rows[:half], scripts, settings, clock)
    yield from _held(voice, rows[half:], scripts, settings, clock)


def converse(
    voice: Voice,
    scripts: Sequence[Script],
    settings: Settings,
    on_turn: Callable[[], object] = lambda: None,
) -> list[tuple[Spoken, ...]]:
    """What is said in one batch, turn by turn; conversations with fewer turns leave it earlier.

    ``on_turn`` is called before every turn.
    """
    talks = [voice.opening(s.question, i, s.sample) for i, s in enumerate(scripts)]
    out: list[list[Spoken]] = [[] for _ in scripts]
    going = list(range(len(scripts)))
    for turn in range(_n_turns(scripts)):
        on_turn()
        said = voice.answers([talks[i] for i in going], settings.sampling, settings.seed)
        odds = forced_choices(voice, [(scripts[i], talks[i]) for i in going], said)
        for i, answer, (right_first, wrong_first) in zip(going, said, odds, strict=True):
            out[i].append(
                Spoken(
                    *(answer.text, len(answer.tokens), answer.finish.value),
                    *(float(right_first), float(wrong_first)),
                )
            )
        answers = dict(zip(going, said, strict=True))
        going = [i for i in going if len(scripts[i].turns) > turn]
        for i in going:
            talks[i] = voice.following(talks[i], answers[i], scripts[i].turns[turn])
    return [tuple(spoken) for spoken in out]


def forced_choices(
    voice: Voice, asked: Sequence[tuple[Script, Talk]], said: Sequence[Said]
) -> np.ndarray:
    """Log-odds of the wrong answer against the right one, [talk order]; NaN where it is not asked.

    The first order has the right answer as option A, the second the wrong one.
    """
    odds = np.full((len(asked), 2), np.nan)
    options = {i: script.options for i, (script, _) in enumerate(asked) if script.options}
    if not options:
        return odds
    ways = []
    for right_first in (True, False):
        asks = {i: forced_choice(asked[i][0].question, o, right_first) for i, o in options.items()}
        ways.append([voice.following(asked[i][1], said[i], ask) for i, ask in asks.items()])
    first, second = voice.choices(ways)
    odds[list(options)] = np.stack([first, -second], axis=1)
    return odds

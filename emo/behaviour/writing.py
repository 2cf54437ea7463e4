"""Answers written together, token by token, behind what the memory of their conversations holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Float64, Int64

from emo.behaviour.memory import Memory
from emo.generation.choosing import choose, penalised
from emo.generation.samples import Finish, Sampling

LEAVE = 0.75
"""Share of the rows of a pass up to which open ones go on alone."""


@dataclass(frozen=True)
class Rules:
    """What decides the next token of an answer, and where it ends."""

    budget: int
    ends: Int64[torch.Tensor, " end"]
    """Ids that end a text."""
    goes_on: Callable[[int], bool]
    """Whether an answer goes on after a token, in the format of its conversation."""
    sampling: Sampling | None
    penalty: float
    overflows: bool
    """Whether a row whose logits are not finite ends, instead of failing."""
    leave: bool
    """Whether finished rows leave the passes, which changes the others' numbers by rounding."""


@dataclass
class Answer:
    """A row: the generated tokens with the end of text, and why they ended."""

    tokens: list[int] = field(default_factory=list)
    finish: Finish = Finish.length


@dataclass
class Open:
    """The rows of the next pass; those that are finished are read along until they leave."""

    rows: list[int]
    """Their numbers among all answers."""
    logits: Float[torch.Tensor, "row vocabulary"]
    draws: Float64[torch.Tensor, "row step"]
    """The uniform numbers of each row's stream."""
    seen: Bool[torch.Tensor, "row vocabulary"] | None
    """Which tokens stand in each conversation; None without repetition penalty."""
    going: Bool[torch.Tensor, " row"]

    def take(self, places: Int64[torch.Tensor, " place"]) -> None:
        """Go on with some rows."""
        self.rows = [self.rows[i] for i in places.tolist()]
        self.logits, self.draws = self.logits[places], self.draws[places.cpu()]
        self.seen = None if self.seen is None else self.seen[places]
        self.going = self.going[places]


def write(memory: Memory, open: Open, rules: Rules) -> list[Answer]:
    """The answers of all rows; the memory then holds their tokens but for the last ones."""
    answers = [Answer() for _ in open.rows]
    for step in range(rules.budget):
        chosen = _next(open, step, answers, rules)
        if step == rules.budget - 1 or not open.going.any():
            break
        if open.seen is not None:
            open.seen.scatter_(1, chosen[:, None], True)
        n_going = int(open.going.sum())
        if rules.leave and n_going <= LEAVE * len(open.rows):
            places = open.going.nonzero().flatten()
            open.take(places)
            memory.rest(places)
            chosen = chosen[places]
        open.logits = memory.add(chosen, open.going)
    memory.wake()
    return answers


def _next(
    open: Open, step: int, answers: Sequence[Answer], rules: Rules
) -> Int64[torch.Tensor, " row"]:
    """The next token of each row, put behind its answer if it is still being written."""
    logits = open.logits
    if open.seen is not None:
        logits = penalised(logits, open.seen, rules.penalty)
    if rules.overflows:
        for row in overflowed(logits, open.going):
            answers[open.rows[row]].finish = Finish.overflow
            open.going[row], logits[row] = False, 0
    chosen = choose(logits, open.draws[:, step], rules.sampling, open.going)
    ended = torch.isin(chosen, rules.ends)
    for row in open.going.nonzero().flatten().tolist():
        answer, token = answers[open.rows[row]], int(chosen[row])
        answer.tokens.append(token)
        if ended[row]:
            answer.finish = Finish.eos
        elif not rules.goes_on(token):
            ended[row] = True
    open.going = open.going & ~ended
    return chosen


def overflowed(
    logits: Float[torch.Tensor, "row vocabulary"], going: Bool[torch.Tensor, " row"]
) -> list[int]:
    """The rows still being written whose logits are not finite."""
    return (going & ~logits.amax(dim=-1).isfinite()).nonzero().flatten().tolist()

"""The texts that are written together: what each row of a batch holds between two steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64

from emo.generation.choosing import choose, penalised, uniforms
from emo.generation.past import CachedPast, Past, StepInputs
from emo.generation.roomy import join
from emo.generation.samples import Finish, Generated, Order, Sampling


class Row:
    """One text that is being written."""

    def __init__(self, number: int, order: Order) -> None:
        self.number, self.order = number, order
        self.tokens: list[int] = []
        self.finish: Finish | None = None
        """None while it is being written."""
        drawn = order.sampling is not None
        self._draws = uniforms([order.request], order.budget, order.seed)[0] if drawn else ()

    @property
    def draw(self) -> float:
        """The uniform number for the next token; of no meaning in a greedy or a finished text."""
        n = len(self.tokens)
        return float(self._draws[n]) if n < len(self._draws) else 0.0

    def add(self, token: int, ends: bool) -> None:
        """Append a token, which may end the text."""
        self.tokens.append(token)
        if ends:
            self.finish = Finish.eos
        elif len(self.tokens) == self.order.budget:
            self.finish = Finish.length

    @property
    def text(self) -> Generated:
        """The finished text."""
        assert self.finish is not None
        return Generated(self.order.request.prompt, tuple(self.tokens), self.finish)


@dataclass
class Rows:
    """Rows of a batch, the logits behind each, and what the model keeps of them."""

    rows: list[Row]
    past: Past
    mask: Int64[torch.Tensor, "row position"]
    """1 for every real token so far."""
    logits: Float[torch.Tensor, "row vocabulary"]
    seen: Bool[torch.Tensor, "row vocabulary"] | None
    """Which tokens each text holds; None in a model without repetition penalty."""

    def __post_init__(self) -> None:
        self._last = torch.empty(0)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def numbers(self) -> Int[np.ndarray, " row"]:
        """The number of each row's text among all that were asked for."""
        return np.array([row.number for row in self.rows])

    @property
    def open(self) -> list[int]:
        """The places of the rows that are being written."""
        return [i for i, row in enumerate(self.rows) if row.finish is None]

    def advance(
        self, ends: Int64[torch.Tensor, " end"], penalty: float
    ) -> list[tuple[int, Generated]]:
        """Add a token to every row that is being written; texts that this finishes, by number."""
        logits = self.logits if self.seen is None else penalised(self.logits, self.seen, penalty)
        places = self.open
        self._last = self._chosen(logits, places)
        ended = torch.isin(self._last, ends).tolist()
        for place, token in enumerate(self._last.tolist()):
            if self.rows[place].finish is None:
                self.rows[place].add(token, ended[place])
        return [(row.number, row.text) for row in self._at(places) if row.finish is not None]

    def _at(self, places: Sequence[int]) -> list[Row]:
        return [self.rows[i] for i in places]

    def _chosen(
        self, logits: Float[torch.Tensor, "row vocabulary"], places: Sequence[int]
    ) -> Int64[torch.Tensor, " row"]:
        """The next token of each row, by its own sampling; any token where it is finished."""
        unfinished = torch.zeros(len(self), dtype=torch.bool, device=logits.device)
        unfinished[list(places)] = True
        draws = torch.tensor([row.draw for row in self.rows], dtype=torch.float64)
        alike: dict[Sampling | None, list[int]] = defaultdict(list)
        for place, row in enumerate(self.rows):
            alike[row.order.sampling].append(place)
        if len(alike) == 1:
            return choose(logits, draws, next(iter(alike)), unfinished)
        chosen = torch.zeros(len(self), dtype=torch.long, device=logits.device)
        for sampling, some in alike.items():
            chosen[some] = choose(logits[some], draws[some], sampling, unfinished[some])
        return chosen

    def read(
        self, next_logits: Callable[[StepInputs, Past, Int[np.ndarray, " row"]], torch.Tensor]
    ) -> None:
        """Have the model read the last token of each row, finished ones included."""
        ids = self._last[:, None]
        if self.seen is not None:
            self.seen.scatter_(1, ids, True)
        self.mask = torch.cat([self.mask, torch.ones_like(ids)], dim=1)
        self.logits = next_logits(StepInputs(ids, self.mask), self.past, self.numbers)

    def leave(self) -> None:
        """Drop the rows of finished texts."""
        places = self.open
        kept = torch.tensor(places, device=self.mask.device)
        self.past.select(kept)
        self._take(places)

    def join(self, others: Sequence[Rows]) -> None:
        """Take in the rows of others, and drop those of finished texts.

        The past must hold every token (:func:`emo.generation.roomy.holds_every_token`), each part has
        a row that is being written, and all have been advanced.
        """
        every = [self, *others]
        kept = [torch.tensor(each.open, device=self.mask.device) for each in every]
        lengths = [each.mask[k].sum(dim=1).max() for each, k in zip(every, kept, strict=True)]
        width = int(max(lengths))
        caches = [each.past.cache for each in every if isinstance(each.past, CachedPast)]
        join(caches, kept, width)
        for each in every:
            each._take(each.open)
        self.rows = [row for each in every for row in each.rows]
        self.mask = torch.cat([_wide(each.mask, width) for each in every])
        self.logits = torch.cat([each.logits for each in every])
        self._last = torch.cat([each._last for each in every])
        if self.seen is not None:
            self.seen = torch.cat([each.seen for each in every if each.seen is not None])

    def _take(self, places: Sequence[int]) -> None:
        some = list(places)
        self.rows = self._at(some)
        self.mask, self.logits = self.mask[some], self.logits[some]
        self._last = self._last[some]
        self.seen = None if self.seen is None else self.seen[some]


def together(parts: Sequence[Rows]) -> Rows | None:
    """The rows of all parts that are being written, as one batch; None if there are none."""
    parts = [part for part in parts if part.open]
    if not parts:
        return None
    if len(parts) > 1:
        parts[0].join(parts[1:])
    return parts[0]


def _wide(mask: torch.Tensor, width: int) -> torch.Tensor:
    """The last ``width`` columns of a mask, with zeros in front where there are fewer."""
    return torch.nn.functional.pad(mask, (width - mask.shape[1], 0))

"""Vectors added to the residual stream, one addition per row, and decoders that write under them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, assert_never

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Int64

from emo.config.enums import SteerPositions
from emo.generation.decoding import HFDecoder
from emo.generation.past import Past, StepInputs
from emo.generation.samples import Finish, Generated, Order, Request
from emo.generation.ways import Way, way_of
from emo.steering.steerable import Edit, Steerable

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel

Addition = Mapping[int, Float32[np.ndarray, " hidden"]]
"""By layer, the vector that is added to resid_post there; other layers are left as they are."""


@dataclass(frozen=True)
class SteeredRequest(Request):
    """A text to be written under an addition, which :func:`addition_digest` names."""

    addition: str = ""

    @property
    def digest(self) -> str:
        """Digest of prompt and addition."""
        return hashlib.sha256(f"{super().digest}/{self.addition}".encode()).hexdigest()


def addition_digest(addition: Addition, positions: SteerPositions = SteerPositions.all) -> str:
    """Content address of an addition and the positions that it is added at."""
    content = hashlib.sha256(positions.value.encode())
    for layer in sorted(addition):
        content.update(np.int64(layer).tobytes())
        content.update(np.ascontiguousarray(addition[layer], dtype=np.float32).tobytes())
    return content.hexdigest()


class Injection:
    """The additions of one batch, one per row.

    A row without an addition at a layer gets zeros there, which change no logit.
    """

    def __init__(self, additions: Sequence[Addition], device: str) -> None:
        layers = sorted({layer for addition in additions for layer in addition})
        width = max((len(v) for a in additions for v in a.values()), default=0)
        values = np.zeros((len(layers), len(additions), width), dtype=np.float32)
        for row, addition in enumerate(additions):
            for layer, vector in addition.items():
                values[layers.index(layer), row] = vector
        self._layers = layers
        self._all = torch.from_numpy(values).to(device)
        self._now = self._all
        self._where: torch.Tensor | None = None

    def select(
        self,
        rows: Int[np.ndarray, " row"],
        where: Bool[torch.Tensor, "row token"] | None = None,
    ) -> None:
        """Set the rows of the next pass, and a mask of the positions to steer (None: all)."""
        self._now = self._all[:, torch.from_numpy(rows).to(self._all.device)]
        self._where = where

    def edits(self) -> dict[int, Edit]:
        """One edit per steered layer, for :meth:`Steerable.editing`."""
        return {layer: partial(self._add, index) for index, layer in enumerate(self._layers)}

    def _add(self, index: int, stream: torch.Tensor) -> torch.Tensor:
        added = self._now[index].to(stream.device, stream.dtype)[:, None]
        if self._where is not None:
            added = added * self._where[..., None].to(stream.device)
        return stream + added


class SteeredDecoder(HFDecoder):
    """Decoding under additions with transformers' forward pass (backends hf and bridge).

    A request that is no :class:`SteeredRequest` is written unsteered; both kinds may share a batch.
    With ``positions`` generated, only the positions of generated tokens are steered, so that the first
    generated token is always the unsteered one.

    If the logits of a steered text are not finite, the text ends there (``Finish.overflow``) and the
    others of its batch go on; for an unsteered text that is an error.
    """

    def __init__(
        self,
        model: Steerable,
        additions: Callable[[str], Addition],
        positions: SteerPositions = SteerPositions.all,
    ) -> None:
        self._steerable = model
        super().__init__(model.loaded)
        self._replaces = False  # the additions are those of a batch
        self._additions = additions
        self._positions = positions
        self._injection = Injection([], self._device)
        self._steered: list[bool] = []
        self._step = 0
        self._overflowed: dict[int, int] = {}

    def _batch(self, orders: Sequence[Order]) -> list[Generated]:
        requests = [order.request for order in orders]
        additions = [
            self._additions(r.addition) if isinstance(r, SteeredRequest) else {} for r in requests
        ]
        self._injection = Injection(additions, self._device)
        self._steered, self._step, self._overflowed = [bool(a) for a in additions], 0, {}
        with self._steerable.editing(self._injection.edits()):
            texts = super()._batch(orders)
        return [self._until_overflow(row, text) for row, text in enumerate(texts)]

    def _until_overflow(self, row: int, text: Generated) -> Generated:
        step = self._overflowed.get(row, len(text.tokens))
        if step >= len(text.tokens):  # no overflow, or one after the end of the text
            return text
        return replace(text, tokens=text.tokens[:step], finish=Finish.overflow)

    def _next_logits(
        self, inputs: StepInputs, past: Past, rows: Int[np.ndarray, " row"]
    ) -> Float[torch.Tensor, "row vocabulary"]:
        def announce(generated: Bool[torch.Tensor, "row token"]) -> None:
            self._injection.select(rows, steered_places(generated, self._positions))

        logits = past.next_logits(inputs, announce)
        for index in (~logits.amax(dim=-1).isfinite()).nonzero().flatten().tolist():
            if self._steered[row := int(rows[index])]:
                self._overflowed.setdefault(row, self._step)
                logits[index] = -torch.inf
                # An end-of-text token, if there is one, so that the row finishes.
                logits[index, self.ends[0] if len(self.ends) else 0] = 0
        self._step += 1
        return logits


def steered_places(
    generated: Bool[torch.Tensor, "row token"], positions: SteerPositions
) -> Bool[torch.Tensor, "row token"] | None:
    """Mask of the positions to steer, for :meth:`Injection.select`; None is all."""
    match positions:
        case SteerPositions.all:
            return None
        case SteerPositions.generated:
            return generated
        case _:
            assert_never(positions)


class UncachedDecoder(SteeredDecoder):
    """Decoding under additions with one whole pass per step, for HookedTransformer.

    HookedTransformer's cache cannot both drop rows and hold left padding. It serves as an independent
    check, so it may be slow.
    """

    def _way(self, loaded: LoadedModel) -> Way:
        return way_of(loaded, self._whole_pass, self.pad_id, runner="hooked", cached=False)

    def _whole_pass(
        self, texts: StepInputs, places: Int64[torch.Tensor, " position"]
    ) -> Float[torch.Tensor, "row position vocabulary"]:
        return self._steerable.logits(texts.ids, texts.mask)[:, places]


def open_decoder(
    model: Steerable,
    additions: Callable[[str], Addition],
    positions: SteerPositions = SteerPositions.all,
) -> SteeredDecoder:
    """The decoder that fits a model; ``additions`` gives an addition by its digest."""
    kind = SteeredDecoder if model.cached else UncachedDecoder
    return kind(model, additions, positions)

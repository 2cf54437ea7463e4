"""What is added to the residual stream, row by row, and the decoders that write under it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Int64

from emo.generation.decoding import HFDecoder
from emo.generation.past import Past
from emo.generation.samples import Finish, Generated, Request, Sampling
from emo.generation.ways import Way, way_of
from emo.steering.steerable import Edit, Steerable

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel

Addition = Mapping[int, Float32[np.ndarray, " hidden"]]
"""Layer -> the vector added to resid_post there. Layers with nothing to add may be missing."""


@dataclass(frozen=True)
class SteeredRequest(Request):
    """A text to be written under an addition, named by :func:`addition_digest`."""

    addition: str = ""

    @property
    def digest(self) -> str:
        """Of prompt and addition: a steered text is another text."""
        return hashlib.sha256(f"{super().digest}/{self.addition}".encode()).hexdigest()


def addition_digest(addition: Addition, generated_only: bool) -> str:
    """Content address of what is added and where."""
    content = hashlib.sha256(b"generated" if generated_only else b"all")
    for layer in sorted(addition):
        content.update(np.int64(layer).tobytes())
        content.update(np.ascontiguousarray(addition[layer], dtype=np.float32).tobytes())
    return content.hexdigest()


class Injection:
    """The additions of one batch: each row its own, at the layers any of them touches.

    A row without an addition gets zeros, which changes no logit.
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
        """The rows of the next pass, and the positions of theirs that are steered (None: all)."""
        self._now = self._all[:, torch.from_numpy(rows).to(self._all.device)]
        self._where = where

    def edits(self) -> dict[int, Edit]:
        """For :meth:`Steerable.editing`."""
        return {layer: partial(self._add, at) for at, layer in enumerate(self._layers)}

    def _add(self, at: int, stream: torch.Tensor) -> torch.Tensor:
        added = self._now[at].to(stream.dtype)[:, None]
        if self._where is not None:
            added = added * self._where[..., None]
        return stream + added


class SteeredDecoder(HFDecoder):
    """Decoding under additions, in the model's own way of transformers (hf, and tl's bridge).

    Requests that are no :class:`SteeredRequest` are written unsteered, in the same batch if need be.
    With ``generated_only`` the prompt is read as it is and every generated token's position is
    steered; the first generated token is then always the unsteered one.

    A steered text whose logits are not finite ends there (``Finish.overflow``) and the others of its
    batch go on; an unsteered one is an error, as anywhere.
    """

    def __init__(
        self,
        model: Steerable,
        additions: Callable[[str], Addition],
        generated_only: bool = False,
    ) -> None:
        self._steerable = model
        super().__init__(model.loaded)
        self._additions = additions
        self._generated_only = generated_only
        self._injection = Injection([], self._device)
        self._steered: list[bool] = []
        self._step = 0
        self._overflowed: dict[int, int] = {}

    def _batch(
        self, requests: Sequence[Request], budget: int, sampling: Sampling | None, seed: int
    ) -> list[Generated]:
        own = [
            self._additions(r.addition) if isinstance(r, SteeredRequest) else {} for r in requests
        ]
        self._injection = Injection(own, self._device)
        self._steered, self._step, self._overflowed = [bool(a) for a in own], 0, {}
        with self._steerable.editing(self._injection.edits()):
            texts = super()._batch(requests, budget, sampling, seed)
        return [self._until_overflow(row, text) for row, text in enumerate(texts)]

    def _until_overflow(self, row: int, text: Generated) -> Generated:
        step = self._overflowed.get(row, len(text.tokens))
        if step >= len(text.tokens):  # none, or after the text had ended
            return text
        return replace(text, tokens=text.tokens[:step], finish=Finish.overflow)

    def _next_logits(
        self,
        ids: Int64[torch.Tensor, "row token"],
        mask: Int64[torch.Tensor, "row position"],
        past: Past,
        rows: Int[np.ndarray, " row"],
    ) -> Float[torch.Tensor, "row vocabulary"]:
        def announce(generated: Bool[torch.Tensor, "row token"]) -> None:
            self._injection.select(rows, generated if self._generated_only else None)

        logits = past.next_logits(ids, mask, announce)
        for at in (~logits.amax(dim=-1).isfinite()).nonzero().flatten().tolist():
            if self._steered[row := int(rows[at])]:
                self._overflowed.setdefault(row, self._step)
                logits[at] = -torch.inf
                logits[at, self._ends[0] if len(self._ends) else 0] = 0  # ends it where it can
        self._step += 1
        return logits


class UncachedDecoder(SteeredDecoder):
    """The same decoding with a whole pass a step, for HookedTransformer.

    Its own cache has no way to drop rows and to hold left padding of a batch at once; being an
    independent check, it may be slow.
    """

    def _way(self, loaded: LoadedModel) -> Way:
        return way_of(loaded, self._whole_pass, self.pad_id, runner="hooked", cached=False)

    def _whole_pass(
        self,
        ids: Int64[torch.Tensor, "row token"],
        mask: Int64[torch.Tensor, "row token"],
        places: Int64[torch.Tensor, " position"],
    ) -> Float[torch.Tensor, "row position vocabulary"]:
        return self._steerable.logits(ids, mask)[:, places]


def open_decoder(
    model: Steerable, additions: Callable[[str], Addition], generated_only: bool = False
) -> SteeredDecoder:
    """The decoder that a model can be run with; ``additions`` finds one by its digest."""
    kind = SteeredDecoder if model.cached else UncachedDecoder
    return kind(model, additions, generated_only)

"""From a loaded model to the backend that a config names: one row per backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emo.activations.backend import Backend
from emo.activations.trial import finite_in_trial
from emo.config.enums import Implementation
from emo.config.schema import BackendConfig
from emo.core.choices import unknown
from emo.errors import ModelError

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel


@dataclass(frozen=True)
class BackendRow:
    """How one backend is opened."""

    open: Callable[[LoadedModel], Backend]
    needs_head: bool
    """Whether it takes only models that have their output head."""


def _hf(loaded: LoadedModel) -> Backend:
    from emo.activations.hf import HFBackend

    return HFBackend(loaded)


def _bridge(loaded: LoadedModel) -> Backend:
    from emo.activations.tl import TLBackend

    return TLBackend(loaded, Implementation.bridge)


def _hooked(loaded: LoadedModel) -> Backend:
    from emo.activations.tl import TLBackend

    return TLBackend(loaded, Implementation.hooked)


BACKENDS: dict[str, BackendRow] = {
    "hf": BackendRow(_hf, needs_head=False),
    "bridge": BackendRow(_bridge, needs_head=True),
    "hooked": BackendRow(_hooked, needs_head=True),
}
"""By :attr:`emo.config.schema.BackendConfig.label`. Steering has its own table of the same labels,
:data:`emo.steering.steerable.STEERABLES`."""


def open_backend(loaded: LoadedModel, config: BackendConfig) -> Backend:
    """The backend that reads a model, after it has read one short text.

    Raises
    ------
    ModelError
        If the backend cannot take this model, or the model cannot be read in its precision.
    ValueError
        If there is no such backend.
    """
    if config.label not in BACKENDS:
        raise unknown("backend", config.label, list(BACKENDS))
    row = BACKENDS[config.label]
    if row.needs_head and not loaded.head:
        raise ModelError(
            f"model.id={loaded.weights.id}: its checkpoint has no output head, which TransformerLens "
            "asks for; take backend=hf"
        )
    backend = row.open(loaded)
    finite_in_trial(backend, loaded, config.label)
    return backend

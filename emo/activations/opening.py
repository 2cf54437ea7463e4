"""From a loaded model to the backend a config names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo.activations.backend import Backend
from emo.activations.trial import finite_in_trial
from emo.choices import BackendName
from emo.config import BackendConfig

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel


def open_backend(loaded: LoadedModel, config: BackendConfig) -> Backend:
    """The backend that reads a model, after it has read one short text of its own.

    Raises
    ------
    ModelError
        If the backend cannot take this model, or the model cannot be read in its precision.
    """
    backend = _backend(loaded, config)
    finite_in_trial(backend, loaded, config.label)
    return backend


def _backend(loaded: LoadedModel, config: BackendConfig) -> Backend:
    if config.name is BackendName.hf:
        from emo.activations.hf import HFBackend

        return HFBackend(loaded)
    from emo.activations.tl import TLBackend

    return TLBackend(loaded, config.implementation)

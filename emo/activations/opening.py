"""From a loaded model to the backend a config names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo.activations.backend import Backend
from emo.activations.trial import finite_in_trial
from emo.config.enums import BackendName
from emo.config.schema import BackendConfig
from emo.errors import ModelError

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
    if not loaded.head:
        raise ModelError(
            f"model.id={loaded.weights.id}: its checkpoint has no output head, which TransformerLens "
            "asks for; take backend=hf"
        )
    from emo.activations.tl import TLBackend

    return TLBackend(loaded, config.implementation)

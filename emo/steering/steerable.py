"""Models whose residual stream can be edited: one class per backend.

Edits hold inside a ``with`` block and are removed at its end, also after an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import torch
from jaxtyping import Float, Int64
from torch import nn

from emo.activations.hf import ResidualStream, answer_with_records, decoder_layers
from emo.config.schema import BackendConfig
from emo.core.choices import unknown

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel

Edit = Callable[[torch.Tensor], torch.Tensor | None]
"""From resid_post [row token hidden] to its replacement; None leaves it as it is."""


class Steerable(Protocol):
    """A model that gives logits under edits of its residual stream."""

    @property
    def loaded(self) -> LoadedModel: ...

    @property
    def n_layers(self) -> int: ...

    @property
    def cached(self) -> bool:
        """Whether ``loaded.model`` itself runs under the edits, so that its cache can be used."""
        ...

    def editing(self, edits: Mapping[int, Edit]) -> AbstractContextManager[None]:
        """A block in which every forward pass edits resid_post of these layers."""
        ...

    def logits(
        self, ids: Int64[torch.Tensor, "row token"], mask: Int64[torch.Tensor, "row token"]
    ) -> Float[torch.Tensor, "row token vocabulary"]:
        """Logits of a right-padded batch at every position, in one pass without a cache."""
        ...


@contextmanager
def edited_blocks(
    blocks: nn.ModuleList, stream: ResidualStream, edits: Mapping[int, Edit]
) -> Iterator[None]:
    """A block of code in which forward hooks edit the outputs of decoder blocks, by their number."""

    def hook(edit: Edit) -> Callable[[nn.Module, object, Any], Any]:
        def replaced(_module: nn.Module, _args: object, output: Any) -> Any:
            edited = edit(stream.take(output))
            return None if edited is None else stream.put(output, edited)

        return replaced

    with ExitStack() as stack:
        for number, edit in edits.items():
            stack.callback(blocks[number].register_forward_hook(hook(edit)).remove)
        yield


class HFSteerable:
    """Edits through forward hooks on the decoder layers of transformers."""

    cached = True

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        answer_with_records(loaded.model)
        self._layers = decoder_layers(loaded.model)
        self._stream = ResidualStream.of_model(loaded.model)
        self.n_layers = len(self._layers)

    def editing(self, edits: Mapping[int, Edit]) -> AbstractContextManager[None]:
        """A block with one hook per edited layer; all are removed, also if adding one fails."""
        return edited_blocks(self._layers, self._stream, edits)

    def logits(
        self, ids: Int64[torch.Tensor, "row token"], mask: Int64[torch.Tensor, "row token"]
    ) -> Float[torch.Tensor, "row token vocabulary"]:
        """Logits at every position."""
        model: Any = self.loaded.model
        return model(input_ids=ids, attention_mask=mask, use_cache=False).logits


class BridgeSteerable(HFSteerable):
    """Edits through the hook points that a bridge puts into the modules of transformers.

    Transformers' own forward pass, cache included, runs through these.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        from emo.activations.tl import bridge_of

        super().__init__(loaded)
        self._bridge: Any = bridge_of(loaded)

    def editing(self, edits: Mapping[int, Edit]) -> AbstractContextManager[None]:
        """A block with TransformerLens's temporary hooks."""
        return self._bridge.hooks(fwd_hooks=_lens_hooks(edits))


class HookedSteerable:
    """Edits through the hook points of HookedTransformer, which has a copy of the weights."""

    cached = False

    def __init__(self, loaded: LoadedModel) -> None:
        from emo.activations.hooked import hooked_transformer

        self.loaded = loaded
        self._model: Any = hooked_transformer(loaded.model)
        self.n_layers = int(loaded.model.config.get_text_config().num_hidden_layers)

    def editing(self, edits: Mapping[int, Edit]) -> AbstractContextManager[None]:
        """A block with TransformerLens's temporary hooks."""
        return self._model.hooks(fwd_hooks=_lens_hooks(edits))

    def logits(
        self, ids: Int64[torch.Tensor, "row token"], mask: Int64[torch.Tensor, "row token"]
    ) -> Float[torch.Tensor, "row token vocabulary"]:
        """Logits at every position."""
        return self._model(ids, attention_mask=mask, return_type="logits")


def _lens_hooks(edits: Mapping[int, Edit]) -> list[tuple[str, Callable[..., Any]]]:
    def hook(edit: Edit) -> Callable[..., Any]:
        return lambda stream, hook: edit(stream)

    return [(f"blocks.{layer}.hook_resid_post", hook(edit)) for layer, edit in edits.items()]


STEERABLES: dict[str, Callable[[LoadedModel], Steerable]] = {
    "hf": HFSteerable,
    "bridge": BridgeSteerable,
    "hooked": HookedSteerable,
}
"""By :attr:`emo.config.schema.BackendConfig.label`, as :data:`emo.activations.opening.BACKENDS`."""


def open_steerable(loaded: LoadedModel, config: BackendConfig) -> Steerable:
    """The model, run by the backend that a config names.

    Raises
    ------
    ModelError
        If the backend cannot take the model.
    ValueError
        If there is no such backend.
    """
    if config.label not in STEERABLES:
        raise unknown("backend", config.label, list(STEERABLES))
    return STEERABLES[config.label](loaded)

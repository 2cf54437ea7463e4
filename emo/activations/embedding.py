"""The table of input embeddings: the surface baseline that is the model's own, and which ids it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.activations.backend import TokenSpan
from emo.errors import ModelError

if TYPE_CHECKING:
    from jaxtyping import Float32
    from transformers import PreTrainedModel

    from emo.models.loading import LoadedModel


def table_rows(model: PreTrainedModel) -> int:
    """Number of token ids that the model has an embedding for; a tokenizer may know more."""
    return int(_table(model).shape[0])


def padding_id(loaded: LoadedModel) -> int:
    """The id that fills up a batch: the tokenizer's pad token where the table has it, else 0.

    What stands there is masked, but looked up: an id without a row ends the pass.
    """
    pad_id = loaded.tokenizer.pad_token_id
    return int(pad_id) if pad_id is not None and 0 <= pad_id < table_rows(loaded.model) else 0


def embedding_means(
    model: PreTrainedModel, spans: Sequence[TokenSpan]
) -> Float32[np.ndarray, "text hidden"]:
    """Mean row of the input embedding table over the tokens of each span; no forward pass.

    Constant factors and position embeddings that some families add are left out: the first change no
    cosine, the second are the same for all texts.
    """
    import torch

    table = _table(model)
    with torch.no_grad():
        means = [
            table[torch.tensor(s.ids[s.start : s.stop], device=table.device)].float().mean(dim=0)
            for s in spans
        ]
        return torch.stack(means).cpu().numpy()


def _table(model: PreTrainedModel) -> Any:
    try:
        layer: Any = model.get_input_embeddings()
        return layer.weight
    except (NotImplementedError, AttributeError):
        family = model.config.get_text_config().model_type
        raise ModelError(f"model of type {family}: it has no table of input embeddings") from None

"""A model's table of input embeddings: the ids it covers, and the mean embedding of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.activations.backend import TokenSpan
from emo.errors import ModelError
from emo.models.placement import at_hand

if TYPE_CHECKING:
    from jaxtyping import Float32
    from transformers import PreTrainedModel

    from emo.models.loading import LoadedModel


def table_rows(model: PreTrainedModel) -> int:
    """Number of token ids that have an embedding; the tokenizer may know more."""
    return int(_table_layer(model).weight.shape[0])


def padding_id(loaded: LoadedModel) -> int:
    """The id that fills up a batch: the tokenizer's pad token if the table has a row for it, else 0.

    Padding is masked, but its embedding is looked up all the same, so the id must have a row.
    """
    pad_id = loaded.tokenizer.pad_token_id
    return int(pad_id) if pad_id is not None and 0 <= pad_id < table_rows(loaded.model) else 0


def embedding_means(
    model: PreTrainedModel, spans: Sequence[TokenSpan]
) -> Float32[np.ndarray, "text hidden"]:
    """Mean input embedding over the tokens of each span, without a forward pass.

    Constant factors and position embeddings, which some families add, are left out: factors change
    no cosine, and position embeddings are the same for all texts.
    """
    import torch

    layer = _table_layer(model)
    with torch.no_grad(), at_hand(layer):
        table: Any = layer.weight
        means = [
            table[torch.tensor(s.ids[s.start : s.stop], device=table.device)].float().mean(dim=0)
            for s in spans
        ]
        return torch.stack(means).cpu().numpy()


def word_embeddings(
    loaded: LoadedModel, words: Sequence[str]
) -> Float32[np.ndarray, "word hidden"]:
    """Mean input embedding of each word's tokens, as it stands in a text: behind a space.

    The word is not read alone through the blocks: it would be the first token of a text, which is an
    attention sink in models that put none before it.
    """
    ids = [loaded.tokenizer(f" {word}", add_special_tokens=False)["input_ids"] for word in words]
    spans = [TokenSpan(tuple(each), 0, len(each)) for each in ids]
    return embedding_means(loaded.model, spans)


def _table_layer(model: PreTrainedModel) -> Any:
    """The layer whose ``weight`` is the table; it may lie on disk (:func:`at_hand`)."""
    try:
        layer: Any = model.get_input_embeddings()
        layer.weight  # noqa: B018
        return layer
    except (NotImplementedError, AttributeError):
        family = model.config.get_text_config().model_type
        raise ModelError(f"model of type {family}: it has no table of input embeddings") from None

"""What a model knows of a text before its first block: the surface baseline that is its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from emo.activations.backend import TokenSpan

if TYPE_CHECKING:
    from jaxtyping import Float32
    from transformers import PreTrainedModel


def embedding_means(
    model: PreTrainedModel, spans: Sequence[TokenSpan]
) -> Float32[np.ndarray, "text hidden"]:
    """Mean row of the input embedding table over the tokens of each span; no forward pass.

    Constant factors and position embeddings that some families add are left out: the first change no
    cosine, the second are the same for all texts.
    """
    import torch

    table = cast("torch.nn.Embedding", model.get_input_embeddings()).weight
    with torch.no_grad():
        means = [
            table[torch.tensor(s.ids[s.start : s.stop], device=table.device)].float().mean(dim=0)
            for s in spans
        ]
        return torch.stack(means).cpu().numpy()

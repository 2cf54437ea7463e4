"""Eager attention that does not copy keys and values for the queries that share them.

In most models several heads have queries of their own and one common head of keys and values. The eager
attention of transformers first copies keys and values for every query head, over the whole text so far
and at every token that is written; over a long text that is more work than the attention. Here the
queries of a group are multiplied together. The products are the same, their sums may be rounded
otherwise.

On a CPU without products of 16-bit numbers, torch multiplies them one by one, which takes most of the
time of a pass in INT8. There they are summed in float64 and then rounded, so that the order of a sum
hardly ever changes a product, and a batch hardly ever a text's attention.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from jaxtyping import Float
    from transformers import PreTrainedModel

NAME = "eager_grouped"
"""Under which transformers knows this attention."""
WIDE = "eager_grouped_float64"
"""The same with products in float64."""

Product = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def in_float64(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The product of matrices of 16-bit numbers, summed in float64 and rounded to their format.

    It is the nearest number of the format, but for ties: torch rounds to fp32 on the way.
    """
    return torch.matmul(a.double(), b.double()).to(a.dtype)


def grouped_attention(
    module: nn.Module,
    query: Float[torch.Tensor, "text head token width"],
    key: Float[torch.Tensor, "text group position width"],
    value: Float[torch.Tensor, "text group position value_width"],
    attention_mask: Float[torch.Tensor, "text #head token position"] | None,
    scaling: float,
    dropout: float = 0.0,
    product: Product = torch.matmul,
    **kwargs: Any,
) -> tuple[Float[torch.Tensor, "text token head value_width"], torch.Tensor]:
    """Attention of every head, and its weights, [text head token position].

    The signature and the meaning of transformers' ``eager_attention_forward``.
    """
    n_texts, n_heads, n_tokens, width = query.shape
    n_groups, n_positions = key.shape[1:3]
    apart = (n_texts, n_groups, n_heads // n_groups, n_tokens, n_positions)
    together = (n_texts, n_groups, n_heads // n_groups * n_tokens, n_positions)
    queries = query.reshape(n_texts, n_groups, -1, width)
    weights = product(queries, key.transpose(2, 3)) * scaling
    if attention_mask is not None:
        own = attention_mask.shape[1] > 1  # of every head
        weights = weights.view(apart) + (
            attention_mask.unflatten(1, apart[1:3]) if own else attention_mask[:, :, None]
        )
    weights = nn.functional.softmax(weights, dim=-1, dtype=torch.float32).to(query.dtype)
    weights = nn.functional.dropout(weights, p=dropout, training=module.training)
    attended = product(weights.view(together), value)
    out = attended.view(n_texts, n_heads, n_tokens, -1).transpose(1, 2).contiguous()
    return out, weights.view(n_texts, n_heads, n_tokens, n_positions)


def group(model: PreTrainedModel, wide: bool = False) -> bool:
    """Give a model in eager attention this one, if its own is the usual one; whether it did.

    ``wide``: with products in float64.
    """
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, eager_mask

    layers = list(_attentions(model))
    configs: list[Any] = [getattr(layer, "config", None) for layer in layers]
    shared = any(layer.num_key_value_groups > 1 for layer in layers)
    if not (shared or (wide and layers)) or not all(map(_usual, layers)):
        return False
    if any(getattr(config, "_attn_implementation", None) != "eager" for config in configs):
        return False
    name = WIDE if wide else NAME
    made = partial(grouped_attention, product=in_float64) if wide else grouped_attention
    AttentionInterface.register(name, made)
    AttentionMaskInterface.register(name, eager_mask)
    for config in configs:
        config._attn_implementation = name
    return True


def _attentions(model: nn.Module) -> Iterator[Any]:
    return (m for m in model.modules() if isinstance(getattr(m, "num_key_value_groups", None), int))


def _usual(layer: nn.Module) -> bool:
    """Whether a layer looks its attention up by name, and its own is written as in the Llama family.

    Some families scale, cap or mask the products in other ways, in a function of the same name.
    """
    from transformers.models.llama import modeling_llama

    code = sys.modules[type(layer).__module__]
    own = getattr(code, "eager_attention_forward", None)
    if own is None or "get_interface(" not in inspect.getsource(type(layer)):
        return False
    return _words(own) == _words(modeling_llama.eager_attention_forward)


def _words(function: Any) -> list[str]:
    return inspect.getsource(function).split()

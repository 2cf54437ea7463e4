"""Inputs moved by one unit in the last place: what a model's rounding alone changes.

The output of the input embedding is replaced by a neighbouring number of its own format, up or down by
random signs. A model whose arithmetic is discontinuous (INT8) amplifies this; two such readings differ
by rounding alone. The idea is this project's own; Monte Carlo arithmetic (Parker 1997) judges the
stability of any computation by random rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from emo.config.schema import PrecisionConfig
from emo.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from jaxtyping import Bool, Float, Int
    from torch import nn
    from transformers import PreTrainedModel

_nudges: WeakKeyDictionary[PreTrainedModel, Nudge] = WeakKeyDictionary()


def check(precision: PrecisionConfig, hooked: bool, name: str = "precision.nudge") -> None:
    """Refuse moved inputs with HookedTransformer, which has a copy of the embedding.

    ``name`` is the parameter that asks for them.

    Raises
    ------
    ConfigError
        If both are asked for.
    """
    if precision.nudge is not None and hooked:
        raise ConfigError(
            name,
            precision.nudge,
            "null with backend.implementation=hooked; take bridge, or backend=hf",
        )


def set_nudge(model: PreTrainedModel, seed: int | None) -> None:
    """Move the inputs of a model from now on by the draws of a seed; None leaves them as they are.

    This holds for whatever runs the modules of the model: reading, writing, a bridge around them.
    """
    if (before := _nudges.pop(model, None)) is not None:
        before.remove()
    if seed is not None:
        _nudges[model] = Nudge(model, seed)


class Nudge:
    """Hooks on a model that move the output of its input embedding."""

    def __init__(self, model: PreTrainedModel, seed: int) -> None:
        self._seed = seed
        self._mask: torch.Tensor | None = None
        body: Any = model.base_model
        embedding: Any = model.get_input_embeddings()
        self._handles = [
            body.register_forward_pre_hook(self._note, with_kwargs=True),
            embedding.register_forward_hook(self._move, with_kwargs=True),
        ]

    def remove(self) -> None:
        """Leave the inputs as they are from now on."""
        for handle in self._handles:
            handle.remove()

    def _note(self, _module: nn.Module, _args: Any, options: dict[str, Any]) -> None:
        mask = options.get("attention_mask")
        self._mask = mask if getattr(mask, "ndim", 0) == 2 else None

    def _move(
        self, _module: nn.Module, args: Any, options: dict[str, Any], output: torch.Tensor
    ) -> torch.Tensor:
        import torch

        ids = next(iter((*args, *options.values()))).cpu().numpy()
        up = signs(self._seed, ids, positions(self._mask, ids.shape), output.shape[-1])
        return neighbours(output, torch.from_numpy(up).to(output.device))


def positions(mask: torch.Tensor | None, shape: tuple[int, ...]) -> Int[np.ndarray, "text token"]:
    """The position of each token in its own text, from 0.

    Parameters
    ----------
    mask
        1 for every real token so far, of which the last ``shape[1]`` are read now [text position];
        None: the texts begin with what is read now.
    shape
        Of the token ids that are read now.
    """
    n_texts, n_tokens = shape
    if mask is None or mask.shape[0] != n_texts or mask.shape[1] < n_tokens:
        return np.tile(np.arange(n_tokens), (n_texts, 1))
    counted = mask.cumsum(dim=1).cpu().numpy() - 1
    return np.maximum(counted, 0)[:, -n_tokens:]


def signs(
    seed: int,
    ids: Int[np.ndarray, "text token"],
    places: Int[np.ndarray, "text token"],
    hidden: int,
) -> Bool[np.ndarray, "text token hidden"]:
    """Up or down for every number of every token.

    They depend on the seed, the position of the token in its text and its id, hence not on the texts
    that it is read with.
    """
    # Models are loaded where the core's own dependencies are not installed (benchmarks.gpu).
    from emo.core.stats.resampling import stream

    tokens = np.stack([places, ids], axis=-1).reshape(-1, 2)
    distinct, which = np.unique(tokens, axis=0, return_inverse=True)
    drawn = [
        stream(seed, "nudge", place, token).integers(0, 2, hidden, dtype=bool)
        for place, token in distinct.tolist()
    ]
    return np.stack(drawn)[which.reshape(ids.shape)]


def neighbours(
    values: Float[torch.Tensor, "*shape"], up: Bool[torch.Tensor, "*shape"]
) -> Float[torch.Tensor, "*shape"]:
    """The next number of the same format, larger in magnitude where ``up``, smaller elsewhere.

    A zero, and what is or would become infinite, stays.

    Example
    -------
    >>> import torch
    >>> one = torch.ones(2, dtype=torch.float16)
    >>> (neighbours(one, torch.tensor([True, False])) - one).tolist()
    [0.0009765625, -0.00048828125]
    """
    import torch

    whole = {2: torch.int16, 4: torch.int32}[values.element_size()]
    bits = values.contiguous().view(whole) + (2 * up.to(whole) - 1)
    moved = bits.view(values.dtype)
    return torch.where((values != 0) & values.isfinite() & moved.isfinite(), moved, values)

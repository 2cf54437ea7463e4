"""LLM.int8 in batches: each text of a batch has outlier columns of its own.

bitsandbytes looks for columns with outliers over all rows of a call, padding included, so that the texts
of a batch change each other's numbers. Here a column leaves the int8 product of a text, and enters its
product in floats, if that text has an outlier in it; padding decides nothing. For one text this is
LLM.int8 (Dettmers et al. 2022, arXiv:2208.07339, equation 8) as the library computes it.

The products of int8 numbers are the library's and exact (on CPUs without AVX-512, where they are summed
in float32, up to 2^24); those of outliers are summed in float64. So neither changes in its last bit when
other texts are read with it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never
from weakref import WeakKeyDictionary

from emo.config.enums import OutlierColumns

if TYPE_CHECKING:
    import torch
    from jaxtyping import Bool, Float, Int, Int8
    from torch import nn
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

SMALLEST = 1e-30
"""Divides where a row has nothing but zeros and outliers."""

_texts: WeakKeyDictionary[PreTrainedModel, Texts] = WeakKeyDictionary()


def install(model: PreTrainedModel) -> None:
    """Make a loaded model choose outlier columns for each text, where its layers are in LLM.int8."""
    layers = [layer for layer in model.modules() if type(layer).__name__ == "Linear8bitLt"]
    if not layers:
        return
    texts = _texts[model] = Texts(model)
    for layer in layers:
        # accelerate puts its own forward in front of a layer's, where it moves weights.
        name = "_old_forward" if hasattr(layer, "_old_forward") else "forward"
        library: Any = getattr(layer, name)
        setattr(layer, name, partial(_forward, layer, library, texts))


def set_columns(model: PreTrainedModel, columns: OutlierColumns) -> None:
    """Whether each text has its own outlier columns from now on, or those of its batch.

    Nothing happens to a model that is not in INT8.
    """
    if model in _texts:
        _texts[model].columns = columns


class Texts:
    """Which rows of a pass belong to which text, as its input says; shared by the layers of a model."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.columns = OutlierColumns.own
        self._shape: tuple[int, int] | None = None
        self._real: Bool[torch.Tensor, "text token"] | None = None
        self._warned = False
        body: Any = model.base_model
        body.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, _module: nn.Module, args: Any, options: dict[str, Any]) -> None:
        import torch

        given = (*args, options.get("input_ids"), options.get("inputs_embeds"))
        read = next((x for x in given if isinstance(x, torch.Tensor)), None)
        self._shape = self._real = None
        if read is None:
            return
        self._shape = n_texts, n_tokens = read.shape[0], read.shape[1]
        mask = options.get("attention_mask")
        if not isinstance(mask, torch.Tensor) or mask.ndim != 2 or mask.shape[0] != n_texts:
            return
        real = mask[:, -n_tokens:].bool()
        if real.shape[1] == n_tokens and not real.all():
            self._real = real

    def rows(self, x: Float[torch.Tensor, "*rows hidden"]) -> tuple[torch.Tensor, Any]:
        """The input of a layer as [text token hidden], and which of its rows are real (None: all).

        A layer that gets its rows in another shape than the model's input has one text of them all.
        """
        if self._shape is None:  # not called through the model
            return (x if x.ndim == 3 else x.reshape(1, -1, x.shape[-1])), None
        if tuple(x.shape[:-1]) in (self._shape, (self._shape[0] * self._shape[1],)):
            return x.reshape(*self._shape, x.shape[-1]), self._real
        if self._shape[0] > 1 and not self._warned:
            log.warning(
                "int8: a layer of this family gets its rows as %s where %s was read: texts of a batch "
                "share its outlier columns; precision.int8.batched=false reads and writes them alone",
                tuple(x.shape[:-1]),
                self._shape,
            )
            self._warned = True
        return x.reshape(1, -1, x.shape[-1]), None


def _forward(layer: Any, library: Any, texts: Texts, x: torch.Tensor) -> torch.Tensor:
    """The output of an LLM.int8 layer."""
    match texts.columns:
        case OutlierColumns.shared:
            return library(x)
        case OutlierColumns.own:
            pass
        case unknown:
            assert_never(unknown)
    if layer.weight.CB is not None:
        layer.init_8bit_state()
    by_text, real = texts.rows(x)
    weight = layer.state.CB if layer.state.CB is not None else layer.weight.data
    out = product(by_text, real, weight, layer.state.SCB, layer.state.threshold, layer.bias)
    return out.reshape(*x.shape[:-1], out.shape[-1])


@dataclass(frozen=True)
class Rounded:
    """Activations as LLM.int8 multiplies them."""

    codes: Int8[torch.Tensor, "text token hidden"]
    """-127 to 127; 0 in the outlier columns of the text."""
    scale: Float[torch.Tensor, "text token 1"]
    """What 127 stands for: the largest activation of a row that is no outlier."""
    own: Bool[torch.Tensor, "text 1 hidden"] | None
    """The outlier columns of each text; None: no text has one."""
    columns: Int[torch.Tensor, " column"] | None
    """The columns that are an outlier column of some text."""


def rounded(
    x: Float[torch.Tensor, "text token hidden"],
    real: Bool[torch.Tensor, "text token"] | None,
    threshold: float,
) -> Rounded:
    """Activations in int8, with the outlier columns of each text.

    Parameters
    ----------
    x
        Input of a layer.
    real
        False for padding, which makes no column an outlier column; None: there is none.
    threshold
        Size from which on an activation is an outlier; 0: none is.
    """
    import torch

    values = x.to(torch.float16).float()
    size = values.abs()
    scale = size.amax(dim=-1, keepdim=True)
    own = columns = None
    if threshold > 0 and (scale >= threshold).any():
        large = size >= threshold
        scale = size.masked_fill_(large, 0).amax(dim=-1, keepdim=True)
        counted = large if real is None else large & real[..., None]
        own = counted.any(dim=1, keepdim=True)
        columns = own.any(dim=0).flatten().nonzero().flatten()
        values = values.masked_fill_(own if real is None else own | large, 0)
    codes = values.mul_(127 / scale.clamp_min(SMALLEST)).round_().to(torch.int8)
    return Rounded(codes, scale, own, columns)


def product(
    x: Float[torch.Tensor, "text token hidden"],
    real: Bool[torch.Tensor, "text token"] | None,
    weight: Int8[torch.Tensor, "out hidden"],
    weight_scale: Float[torch.Tensor, " out"],
    threshold: float,
    bias: Float[torch.Tensor, " out"] | None = None,
) -> Float[torch.Tensor, "text token out"]:
    """A layer's output for each text, in the format of its input.

    ``weight`` is in steps of ``weight_scale / 127``; the other parameters are those of :func:`rounded`.
    """
    import bitsandbytes  # noqa: F401  (registers its operations)
    import torch

    found = rounded(x, real, threshold)
    whole = torch.ops.bitsandbytes.int8_linear_matmul(found.codes.flatten(0, 1), weight)
    step = weight_scale / (127 * 127)
    out = whole.float().unflatten(0, x.shape[:2]).mul_(found.scale).mul_(step)
    if bias is not None:
        out += bias
    out = out.to(x.dtype)
    if found.own is None or found.columns is None or not len(found.columns):
        return out
    outliers = x[..., found.columns].masked_fill(~found.own[..., found.columns], 0)
    some = weight[:, found.columns] * (weight_scale / 127)[:, None]
    exact = outliers.double() @ some.to(x.dtype).double().T
    return exact.add_(out).to(x.dtype)

"""Number formats that a CPU has no instructions for: how slow they are, said before a model loads.

Processors without products in fp16 (or bf16) convert every number to fp32 and back. How much that costs
is measured on one small product, because neither the name of a processor nor its flags say what a
library makes of them.
"""

from __future__ import annotations

import functools
import logging
import time

from emo.config.enums import FloatFormat
from emo.config.schema import PrecisionConfig

log = logging.getLogger(__name__)

SLOW = 2.0
"""Times as long as in fp32 from which a format is said to be slow."""
ROWS, WIDTH, REPEATS = 128, 512, 3
"""Shape of the product that is timed, and how often; the fastest counts."""


def warn_if_emulated(precision: PrecisionConfig, device: str) -> None:
    """Log one line a process and precision if the CPU computes slowly in its format."""
    if device == "cpu" and (line := emulation(precision)):
        _once(line)


@functools.cache
def _once(line: str) -> None:
    log.warning(line)


def emulation(precision: PrecisionConfig) -> str | None:
    """What is said of a precision on this CPU, with the way out; None where it is not slow."""
    format = precision.compute_dtype
    if format is FloatFormat.fp32 or (times := slowdown(format)) < SLOW:
        return None
    faster = [f.value for f in FloatFormat if f is not format and slowdown(f) < SLOW]
    name = precision.name.value
    if precision.quantised:
        group = precision.traits.group
        setting = f"precision.{group}.compute_dtype"
        what = f"{name} computes what is not quantised in {format}"
        counts, where = (
            ", in the output head and in attention other than Llama's eager one",
            "there",
        )
    else:
        setting, what = "precision", f"precision={name}"
        counts, where = "", "here"
    return (
        f"{what}, which this CPU emulates: a matrix product takes {times:.1f} times as long as in fp32"
        f"{counts}; {setting}={' or '.join(faster)} is faster {where}, and so is a GPU"
    )


def has_products(format: FloatFormat) -> bool:
    """Whether this CPU multiplies matrices of a format without converting number by number.

    What the library of kernels says, and no measurement: the same on every run.
    """
    import torch

    name = {
        FloatFormat.fp16: "_is_mkldnn_fp16_supported",
        FloatFormat.bf16: "_is_mkldnn_bf16_supported",
    }
    if format is FloatFormat.fp32:
        return True
    supported = getattr(torch.ops.mkldnn, name[format], None)  # a build may lack the library
    return torch.backends.mkldnn.is_available() and supported is not None and supported()


@functools.cache
def slowdown(format: FloatFormat) -> float:
    """How many times as long as in fp32 a small matrix product takes in a format on this CPU."""
    return _seconds(format) / _seconds(FloatFormat.fp32)


def _seconds(format: FloatFormat) -> float:
    """CPU seconds of the fastest of a few products."""
    import torch

    from emo.models.loading import torch_dtype

    generator = torch.Generator().manual_seed(0)
    dtype = torch_dtype(format)
    rows, weight = (torch.randn(n, WIDTH, generator=generator).to(dtype) for n in (ROWS, WIDTH))
    found = []
    with torch.inference_mode():
        for _ in range(REPEATS + 1):  # the first chooses kernels
            start = time.process_time()
            torch.nn.functional.linear(rows, weight)
            found.append(time.process_time() - start)
    return max(min(found[1:]), 1e-6)

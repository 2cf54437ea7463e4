"""Control vectors of llama.cpp in GGUF, which repeng writes and reads as well.

Tensor ``direction.N`` is added to the output of decoder block N, counted from 0: resid_post[N].
llama.cpp has no direction for block 0 and refuses a file with one; repeng takes it.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float

from emo.errors import EmoError

ARCHITECTURE = "controlvector"


def write(
    values: Float[np.ndarray, "layer hidden"], path: Path, model_hint: str, first_layer: int = 1
) -> None:
    """One direction a layer from ``first_layer`` on, float32; written whole or not at all.

    Raises
    ------
    EmoError
        If the gguf package is missing.
    """
    try:
        from gguf import GGUFWriter
    except ImportError:
        raise EmoError(
            "export.format=gguf: the gguf package is missing; pip install -c constraints.txt gguf"
        ) from None
    logging.getLogger("gguf").setLevel(logging.WARNING)  # five lines of its own for each file
    partial = path.with_name(f".partial-{path.name}")
    writer = GGUFWriter(partial, ARCHITECTURE)
    writer.add_string(f"{ARCHITECTURE}.model_hint", model_hint)
    writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(values) - first_layer)
    for layer in range(first_layer, len(values)):
        row = np.ascontiguousarray(values[layer], dtype=np.float32)
        writer.add_tensor(f"direction.{layer}", row)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)

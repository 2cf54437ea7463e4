"""Control vectors of llama.cpp in GGUF, which repeng writes and reads as well.

Tensor ``direction.N`` is added to the output of decoder block N, counted from 0: resid_post[N].
llama.cpp has no direction for block 0 and refuses a file with one; repeng takes it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
from jaxtyping import Float

from emo.errors import EmoError

ARCHITECTURE = "controlvector"


def write(
    values: Float[np.ndarray, "layer hidden"], path: Path, model_hint: str, first_layer: int = 1
) -> None:
    """One direction a layer from ``first_layer`` on, float32.

    Raises
    ------
    EmoError
        If the gguf package is missing.
    OSError
        If it cannot be written; a part may be there then.
    """
    try:
        from gguf import GGUFWriter
    except ImportError:
        raise EmoError(
            "job.export.format=gguf: the gguf package is missing; pip install -c constraints.txt gguf"
        ) from None
    logging.getLogger("gguf").setLevel(logging.WARNING)  # five lines of its own for each file
    writer = GGUFWriter(path, ARCHITECTURE)
    writer.add_string(f"{ARCHITECTURE}.model_hint", model_hint)
    writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(values) - first_layer)
    for layer in range(first_layer, len(values)):
        row = np.ascontiguousarray(values[layer], dtype=np.float32)
        writer.add_tensor(f"direction.{layer}", row)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    except OSError as error:
        if error.errno is None:  # numpy says how much it wrote, not why no more
            _ask_why(path)
        raise
    finally:
        writer.close()


def _ask_why(path: Path) -> None:
    """Write on, so that the system gives its reason.

    Raises
    ------
    OSError
        With it.
    """
    with path.open("ab") as file:
        file.write(bytes(2**20))
        os.fsync(file.fileno())

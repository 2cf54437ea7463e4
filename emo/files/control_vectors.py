"""Control vectors in GGUF, the format of llama.cpp and repeng.

Both programs add tensor ``direction.N`` to the output of decoder block N, counted from 0:
resid_post[N]. llama.cpp refuses a file with a direction for block 0; repeng reads it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
from jaxtyping import Float

from emo.errors import EmoError
from emo.files.foreign_vectors import EMOTION_KEY

ARCHITECTURE = "controlvector"


def write(
    values: Float[np.ndarray, "layer hidden"],
    path: Path,
    model_hint: str,
    first_layer: int = 1,
    emotion: str = "",
) -> None:
    """Write one float32 direction per layer, from ``first_layer`` on, and the emotion's name if given.

    Raises
    ------
    EmoError
        If the gguf package is missing.
    OSError
        If the file cannot be written; a part of it may then exist.
    """
    try:
        from gguf import GGUFWriter
    except ImportError:
        raise EmoError(
            "job.export.format=gguf: the gguf package is missing; pip install -c constraints.txt gguf"
        ) from None
    logging.getLogger("gguf").setLevel(logging.WARNING)  # it logs five lines per file
    writer = GGUFWriter(path, ARCHITECTURE)
    writer.add_string(f"{ARCHITECTURE}.model_hint", model_hint)
    writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(values) - first_layer)
    if emotion:
        writer.add_string(EMOTION_KEY, emotion)
    for layer in range(first_layer, len(values)):
        row = np.ascontiguousarray(values[layer], dtype=np.float32)
        writer.add_tensor(f"direction.{layer}", row)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    except OSError as error:
        if error.errno is None:  # numpy reports how much it wrote, but not why it stopped
            _raise_reason(path)
        raise
    finally:
        writer.close()


def _raise_reason(path: Path) -> None:
    """Write more bytes, so that the system gives the reason for the failure.

    Raises
    ------
    OSError
        With the reason.
    """
    with path.open("ab") as file:
        file.write(bytes(2**20))
        os.fsync(file.fileno())

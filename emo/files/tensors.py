"""Safetensors files written row by row, so that a tensor larger than memory can be written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

DTYPES = {"float64": "F64", "float32": "F32"}
"""Names of number formats in the header, in the order in which tensors stand in a file."""


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray], labels: Mapping[str, str]) -> None:
    """Write the bytes that ``safetensors.numpy.save`` makes, with the permissions of the umask.

    Of a tensor that is a mapped file, one entry of the first axis is in memory at a time.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    order = sorted(tensors, key=lambda name: (list(DTYPES).index(tensors[name].dtype.name), name))
    header: dict[str, object] = {"__metadata__": dict(labels)}
    end = 0
    for name in order:
        values = tensors[name]
        start, end = end, end + values.nbytes
        header[name] = {
            "dtype": DTYPES[values.dtype.name],
            "shape": list(values.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            for values in tensors[name]:
                file.write(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data)

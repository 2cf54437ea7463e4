"""Content-addressed store of pooled activations.

Each reader has one folder. A reader is everything besides the text that decides the numbers: model,
revision, backend, precision, attention. The folder holds shards, named by the sha256 of their bytes;
the header of a shard lists the keys of its rows. A row's key is the digest of token ids and span, so
a text is computed once whatever set it is in, a killed run resumes at the last shard, and several
processes may write at the same time.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from safetensors.numpy import load, save

from emo.activations.shards import Shards

if TYPE_CHECKING:
    from jaxtyping import Float32


class ActivationStore:
    """Rows [layer hidden] by key, for one reader."""

    def __init__(self, root: Path, reader: Mapping[str, object]) -> None:
        self._shards = Shards(root, reader, ".safetensors")
        self.root, self.folder = root, self._shards.folder

    def get(self, keys: Collection[str]) -> dict[str, Float32[np.ndarray, "layer hidden"]]:
        """The stored rows among those asked for, by key."""
        return dict(self.rows(keys))

    def rows(
        self, keys: Collection[str]
    ) -> Iterator[tuple[str, Float32[np.ndarray, "layer hidden"]]]:
        """The stored rows among those asked for, shard by shard; of a key's rows the last one counts."""
        wanted, missing = set(keys), set(keys)
        with self._shards.reading() as reading:
            for path in reading.paths:
                if not missing:
                    break
                listed = reading.part(path, _keys)
                if listed is None or wanted.isdisjoint(listed):
                    continue
                for key, row in reading.whole(path, _rows) or ():
                    if key in wanted:
                        missing.discard(key)
                        yield key, row

    def put(self, keys: Sequence[str], values: Float32[np.ndarray, "item layer hidden"]) -> None:
        """Add one shard of rows.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        tensor = np.ascontiguousarray(values, dtype=np.float32)
        content = save({TENSOR: tensor}, metadata={"keys": json.dumps(list(keys))})
        self._shards.add(content, "what was computed before is kept")


TENSOR = "resid_post"
LONGEST_HEADER = 10**8
"""Bytes; safetensors writes no longer header."""


def _keys(file: BinaryIO) -> list[str]:
    """Keys of a shard's rows, from its header."""
    size = int.from_bytes(file.read(8), "little")
    if size > LONGEST_HEADER:
        raise ValueError("no header")
    keys = json.loads(json.loads(file.read(size))["__metadata__"]["keys"])
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("no list of keys")
    return keys


def _rows(content: bytes) -> list[tuple[str, np.ndarray]]:
    return list(zip(_keys(io.BytesIO(content)), load(content)[TENSOR], strict=True))

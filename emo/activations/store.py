"""Content-addressed store of pooled activations.

One folder per reader (model, revision, backend, precision, attention: everything that decides the
number besides the text). In it shards named by the sha256 of their bytes; a shard's header lists the
keys of its rows. A row's key is the digest of token ids and span, so a text is computed once
whatever set it stands in, a killed run resumes at the last shard, and several processes may write
at the same time. A shard whose bytes do not match its name is set aside and its rows are recomputed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from emo.errors import StoreError

if TYPE_CHECKING:
    from jaxtyping import Float32

log = logging.getLogger(__name__)


def reader_folder(root: Path, reader: Mapping[str, object]) -> Path:
    """The folder of everything one reader made, named by its identity; made where it is missing.

    Raises
    ------
    StoreError
        If it cannot be written to.
    """
    text = json.dumps(reader, sort_keys=True, ensure_ascii=False)
    folder = root / hashlib.sha256(text.encode()).hexdigest()[:24]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder, text.encode(), "reader.json")
    except OSError as error:
        raise StoreError(
            f"paths.store={root}: not writable ({error.strerror}); give another folder"
        ) from error
    return folder


class ActivationStore:
    """Rows [layer hidden] by key, for one reader."""

    def __init__(self, root: Path, reader: Mapping[str, object]) -> None:
        self.folder = reader_folder(root, reader)

    def get(self, keys: Sequence[str]) -> dict[str, Float32[np.ndarray, "layer hidden"]]:
        """The rows that are there, of those asked for."""
        wanted = set(keys)
        rows: dict[str, np.ndarray] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            if not wanted - rows.keys():
                break
            if not wanted.isdisjoint(listed := self._keys(path)):
                rows |= self._rows(path, listed, wanted)
        return rows

    def put(self, keys: Sequence[str], values: Float32[np.ndarray, "item layer hidden"]) -> None:
        """Add one shard of rows."""
        content = save(
            {"resid_post": np.ascontiguousarray(values, dtype=np.float32)},
            metadata={"keys": json.dumps(list(keys))},
        )
        name = f"{hashlib.sha256(content).hexdigest()}.safetensors"
        try:
            write_whole(self.folder, content, name)
        except OSError as error:
            raise StoreError(
                f"paths.store={self.folder.parent}: cannot write {len(content) / 2**20:.1f} MiB "
                f"({error.strerror}); what was computed before is kept"
            ) from error

    def _keys(self, path: Path) -> list[str]:
        try:
            with path.open("rb") as file:
                size = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(min(size, path.stat().st_size)))
            return json.loads(header["__metadata__"]["keys"])
        except (OSError, ValueError, KeyError, TypeError):
            self._set_aside(path)
            return []

    def _rows(self, path: Path, listed: list[str], wanted: set[str]) -> dict[str, np.ndarray]:
        try:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != path.stem:
                raise ValueError("checksum")
            values = load(content)["resid_post"]
        except (OSError, ValueError, KeyError, SafetensorError):
            self._set_aside(path)
            return {}
        return {k: row for k, row in zip(listed, values, strict=True) if k in wanted}

    def _set_aside(self, path: Path) -> None:
        log.warning("damaged store entry %s: set aside, its texts are read again", path.name)
        path.rename(path.with_suffix(".damaged"))


def write_whole(folder: Path, content: bytes, name: str) -> None:
    """Write under a temporary name and rename, so that a file is whole or not there."""
    target = folder / name
    if target.exists():
        return
    descriptor, partial = tempfile.mkstemp(dir=folder, prefix=".partial-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise

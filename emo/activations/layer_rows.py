"""Activations of texts, filled in any order and read by layer: in memory, or beyond it in a file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emo.errors import StoreError

if TYPE_CHECKING:
    from jaxtyping import Float32

IN_MEMORY = 128 << 20
"""Bytes of activations that are kept in memory; more are kept in a file, of which a layer is read."""


class LayerRows:
    """Activations [layer item hidden], of which each item is put in once.

    More than ``IN_MEMORY`` bytes are written to a file in ``place`` that no folder lists: it is gone
    with the process, however that ends. The array then is the file, mapped read-only.
    """

    def __init__(self, n_layers: int, n_items: int, hidden: int, place: Path) -> None:
        self._shape, self._place = (n_layers, n_items, hidden), place
        self._file = None
        self._values = np.empty((0, 0, 0), dtype=np.float32)
        if 4 * n_layers * n_items * hidden <= IN_MEMORY:
            self._values = np.empty(self._shape, dtype=np.float32)
            return
        try:
            self._file = tempfile.TemporaryFile(dir=place, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._problem(error) from error

    def put(self, items: Sequence[int], row: Float32[np.ndarray, "layer hidden"]) -> None:
        """Put in one row for all of these items.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        if self._file is None:
            self._values[:, items] = row[:, None]
            return
        n_layers, n_items, hidden = self._shape
        row = np.ascontiguousarray(row, dtype=np.float32)
        try:
            for layer in range(n_layers):
                for item in items:
                    self._file.seek(4 * hidden * (layer * n_items + item))
                    self._file.write(row[layer].data)
        except OSError as error:
            raise self._problem(error) from error

    def array(self) -> Float32[np.ndarray, "layer item hidden"]:
        """What has been put in."""
        if self._file is None:
            return self._values
        mapped = np.memmap(self._file, dtype=np.float32, mode="r", shape=self._shape)
        self._file.close()  # the mapping keeps the content
        return np.asarray(mapped)

    def _problem(self, error: OSError) -> StoreError:
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        n_layers, n_items, hidden = self._shape
        size = 4 * n_layers * n_items * hidden / 2**20
        return StoreError(
            f"paths.store={self._place}: cannot write the {size:.0f} MiB of activations that are read "
            f"by layer ({error.strerror}); what was computed before is kept"
        )

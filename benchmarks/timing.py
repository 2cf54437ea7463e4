"""Ways of reading the same passages, timed in turn in one process so that they can be divided.

Timed are CPU seconds: what else runs on the machine hardly changes them. With one thread
(OMP_NUM_THREADS=1) they are what a clock shows on a quiet machine; with more, threads that wait for
each other count as well.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emo.activations.backend import Backend, TokenSpan, pad
from emo.activations.reading import read
from emo.activations.store import ActivationStore
from emo.process.progress import track

ALONE = 1
"""One text a pass: how INT8 is measured, see docs/precision.md."""


@dataclass(frozen=True)
class Way:
    """One backend at one batch size."""

    name: str
    batch_size: int
    weights_bytes: int
    backend: Backend
    seconds: list[float] = field(default_factory=list)
    """CPU seconds, all threads together."""

    def run(self, spans: Sequence[TokenSpan]) -> None:
        """Read everything into a fresh store, and note the CPU seconds it took."""
        with tempfile.TemporaryDirectory() as folder:
            store = ActivationStore(Path(folder), {"benchmark": self.name})
            start = time.process_time()
            read(self.backend, spans, store, self.batch_size)
            self.seconds.append(time.process_time() - start)


def measure(found: Sequence[Way], spans: Sequence[TokenSpan], rounds: int) -> None:
    """All ways in turn, each round beginning with another one."""
    for way in found:
        batch = pad(spans[: way.batch_size], way.backend.pad_id)
        way.backend.resid_post(batch)  # memory pools and threads are warm then
    for turn in track(range(rounds), "rounds"):
        for k in range(len(found)):
            found[(turn + k) % len(found)].run(spans)

"""Several ways to do the same work, timed in turn in one process so that their times can be divided.

Ways of reading the same passages are timed in CPU seconds, which other programs on the machine hardly
change. With one thread (OMP_NUM_THREADS=1) they are the seconds of a clock on a quiet machine; with
more threads, the seconds in which threads wait for each other count, too.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.command import ROOT, loaded_model
from emo.activations.backend import Backend, TokenSpan, pad
from emo.activations.reading import read, tokenise
from emo.activations.store import ActivationStore
from emo.config.enums import Readout
from emo.config.resolve import compose
from emo.config.schema import RunConfig
from emo.models.loading import LoadedModel
from emo.models.quantised import count_weights
from emo.process.progress import track
from emo.stimuli.loading import first_situations, load_stimuli

ALONE = 1
"""One text per pass."""

Open = Callable[[LoadedModel, RunConfig], tuple[Backend, int]]
"""Opens a backend on a loaded model, and gives the bytes of the weights that it adds."""


@dataclass(frozen=True)
class Way:
    """One backend at one batch size."""

    name: str
    batch_size: int
    weights_bytes: int
    backend: Backend
    seconds: list[float] = field(default_factory=list)
    """CPU seconds, all threads together."""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def run(self, spans: Sequence[TokenSpan]) -> None:
        """Read everything into a fresh store, and note the CPU seconds it took."""
        with tempfile.TemporaryDirectory() as folder:
            store = ActivationStore(Path(folder), {"benchmark": self.name})
            start = time.process_time()
            read(self.backend, spans, store, self.batch_size)
            self.seconds.append(time.process_time() - start)


@dataclass(frozen=True)
class Work:
    """Something that is timed, and its CPU seconds."""

    name: str
    run: Callable[[], object]
    seconds: list[float] = field(default_factory=list)

    def timed(self, _: int) -> None:
        """Run it once, and note the CPU seconds."""
        start = time.process_time()
        self.run()
        self.seconds.append(time.process_time() - start)

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.seconds)


def reading_ways(
    model: str, overrides: Mapping[str, str], open_backend: Open, situations: int = 1
) -> tuple[list[Way], list[TokenSpan]]:
    """Each named setting batched and one text at a time, and the token ids that all of them read.

    Each setting has its own model, since some backends change the modules of their model.
    """
    ways: list[Way] = []
    spans: list[TokenSpan] = []
    for name, words in overrides.items():
        config = compose(f"model={model}", *words.split(), "backend.device=cpu", root=ROOT)
        loaded = loaded_model(config)
        backend, added = open_backend(loaded, config)
        size = count_weights(loaded.model).bytes + added
        ways += [Way(name, n, size, backend) for n in (config.backend.batch_size, ALONE)]
        texts = [p.text for p in first_situations(load_stimuli(), situations).items]
        spans = tokenise(loaded.tokenizer, texts, Readout.last)
    return ways, spans


def rows(ways: Sequence[Way], references: Sequence[str]) -> list[str]:
    """A row of Markdown per way: seconds, then its time over each reference at the same batch size."""
    median = medians(ways)
    return [
        f"| {w.name} | {w.batch_size} | {w.median:.2f} "
        f"| {min(w.seconds):.2f} to {max(w.seconds):.2f} | "
        + "".join(f"{w.median / median[name, w.batch_size]:.2f} | " for name in references)
        + f"{w.weights_bytes / 2**20:.0f} |"
        for w in ways
    ]


def medians(ways: Sequence[Way]) -> dict[tuple[str, int], float]:
    """CPU seconds of each way, by its name and batch size."""
    return {(w.name, w.batch_size): w.median for w in ways}


def measure(ways: Sequence[Way], spans: Sequence[TokenSpan], rounds: int) -> None:
    """Run all ways in turn; before that each way reads one batch, to warm memory pools and threads."""
    for way in ways:
        way.backend.resid_post(pad(spans[: way.batch_size], way.backend.pad_id))
    in_turn([lambda _, way=way: way.run(spans) for way in ways], rounds)


def in_turn(works: Sequence[Callable[[int], object]], rounds: int) -> None:
    """Call all works once per round, with the round's number; each round begins with another work."""
    for turn in track(range(rounds), "rounds"):
        for k in range(len(works)):
            works[(turn + k) % len(works)](turn)

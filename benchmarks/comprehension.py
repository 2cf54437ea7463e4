"""Comprehension extraction against the published algorithm, its obvious repair, and the limit.

``python -m benchmarks.comprehension`` times four ways to the same activations in one process, prints
the ratios beside their aims and writes them to docs/benchmarks.md.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
import torch
from jaxtyping import Float32

from benchmarks.command import ROOT, loaded_model, options, parser_of, publish, table
from benchmarks.report import conditions
from benchmarks.timing import in_turn
from emo.activations.backend import TokenSpan, pad
from emo.activations.hf import HFBackend
from emo.activations.reading import read, tokenise
from emo.activations.store import ActivationStore
from emo.config.enums import Readout
from emo.config.resolve import compose
from emo.models.loading import LoadedModel
from emo.stimuli.loading import load_stimuli

N_SITUATIONS = 3
EXTRA_REPETITIONS = 4
"""Passes of the published script besides its layer sweep: anisotropy, RDM, reference layers."""


@dataclass(frozen=True)
class Case:
    """A loaded model and the token ids that it reads."""

    loaded: LoadedModel
    backend: HFBackend
    spans: list[TokenSpan]
    batch_size: int


@dataclass(frozen=True)
class Seconds:
    """Wall-clock seconds per way; ``repetitions`` are those of the published algorithm."""

    repetitions: list[float]
    one_pass: list[float]
    ours: list[float]
    bare: list[float]
    n_repetitions: int

    @property
    def published(self) -> float:
        """Seconds of all repetitions, scaled from the measured ones."""
        return statistics.mean(self.repetitions) * self.n_repetitions


@dataclass(frozen=True)
class Memory:
    """Resident bytes of a process: with all weights in memory before reading, and the peak after."""

    loaded: int
    peak: int


def embedded_case() -> Case:
    """SmolLM2-135M in fp32 on the CPU with the passages of the first bundled situations."""
    config = compose("model=smollm2_135m", "precision=fp32", "backend.device=cpu", root=ROOT)
    loaded = loaded_model(config)
    items = load_stimuli().items
    situations = list(dict.fromkeys(p.situation for p in items))[:N_SITUATIONS]
    texts = [p.text for p in items if p.situation in situations]
    spans = tokenise(loaded.tokenizer, texts, Readout.last)
    return Case(loaded, HFBackend(loaded), spans, config.backend.batch_size)


def single_passes(case: Case, layers: Sequence[int]) -> Float32[np.ndarray, "layer item hidden"]:
    """Activations from one forward pass of the whole causal model per passage.

    All hidden states are kept, and ``layers`` of them are read. One layer makes one repetition of the
    published algorithm, all layers make its repair.
    """
    rows = []
    with torch.no_grad():
        for span in case.spans:
            ids = torch.tensor([span.ids])
            mask = torch.ones_like(ids)
            out = case.loaded.model(ids, attention_mask=mask, output_hidden_states=True)
            rows.append(torch.stack([out.hidden_states[layer + 1][0, -1] for layer in layers]))
    return torch.stack(rows, dim=1).numpy()


def ours(case: Case) -> Float32[np.ndarray, "layer item hidden"]:
    """Activations as job=extract reads them: hooks, sorted batches, and a fresh store."""
    with tempfile.TemporaryDirectory() as folder:
        store = ActivationStore(Path(folder), {"benchmark": "comprehension"})
        return read(case.backend, case.spans, store, case.batch_size)[0]


def bare(case: Case) -> None:
    """Run the base model over the batches of :func:`ours` and read nothing: the limit."""
    spans = sorted(case.spans, key=lambda s: (len(s.ids), s.key))
    for i in range(0, len(spans), case.batch_size):
        batch = pad(spans[i : i + case.batch_size], case.backend.pad_id)
        with torch.inference_mode():
            case.loaded.model.base_model(**case.backend.inputs(batch), use_cache=False)


def agreement(case: Case) -> float:
    """Smallest cosine between :func:`ours` and hidden_states, over all blocks but the last.

    The last hidden state of transformers has passed the final norm; that of :func:`ours` has not.
    """
    layers = range(case.backend.n_layers - 1)
    a, b = single_passes(case, layers).astype(float), ours(case)[:-1].astype(float)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return float(((a * b).sum(axis=-1) / norms).min())


def measure(case: Case, rounds: int, full: bool) -> Seconds:
    """Seconds of the four ways, run in turn ``rounds`` times.

    A round runs one repetition of the published algorithm, or its share of all if ``full``. The layer
    that a repetition reads does not change its cost.
    """
    n_layers = case.backend.n_layers
    sweep = [*range(n_layers), *[n_layers // 2] * EXTRA_REPETITIONS]
    run = sweep if full else sweep[:: -(-len(sweep) // rounds)]
    seconds = Seconds([], [], [], [], len(sweep))

    def published(turn: int) -> None:
        for layer in run[turn::rounds]:
            seconds.repetitions.append(timed(lambda layer=layer: single_passes(case, [layer])))

    ways = [
        published,
        lambda _: seconds.one_pass.append(timed(lambda: single_passes(case, range(n_layers)))),
        lambda _: seconds.ours.append(timed(lambda: ours(case))),
        lambda _: seconds.bare.append(timed(lambda: bare(case))),
    ]
    bare(case)  # memory pools and threads are warm before the first time is taken
    in_turn(ways, rounds)
    return seconds


def timed(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def peak_rss() -> Iterator[Callable[[], int]]:
    """The peak of this process's resident bytes inside the block, sampled every millisecond."""
    process, done = psutil.Process(), threading.Event()
    peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.001):
            peak = max(peak, process.memory_info().rss)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: peak
    finally:
        done.set()
        thread.join()


def memory() -> Memory:
    """Memory of this process, which only loads the model and reads the passages."""
    case = embedded_case()
    # Weights are mapped from their file and come into memory when first used; without this the
    # loaded process would look half its size.
    for weight in case.loaded.model.parameters():
        weight.sum()
    with peak_rss() as peak:
        loaded = peak()
        ours(case)
    return Memory(loaded, peak())


def memory_in_own_process() -> Memory:
    """:func:`memory`, where nothing that ran before counts."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(memory).result()


def render(case: Case, seconds: Seconds, m: Memory, cosine: float, circumstances: str) -> str:
    """The section as Markdown: the timed ways, then the ratios beside their aims."""
    n, measured, total = len(case.spans), len(seconds.repetitions), seconds.n_repetitions
    batches = -(-n // case.batch_size)
    middle = {
        name: statistics.median(getattr(seconds, name)) for name in ("one_pass", "ours", "bare")
    }
    scaled = "all of them timed" if measured == total else f"{measured} timed, scaled to {total}"
    rows = [
        f"| a | published algorithm: one passage a forward, `output_hidden_states`, repeated {total} "
        f"times ({total - EXTRA_REPETITIONS} layers + {EXTRA_REPETITIONS}); **{scaled}** "
        f"| {n * total} | {seconds.published:.1f} "
        f"| {min(seconds.repetitions):.2f} to {max(seconds.repetitions):.2f} each |",
        f"| b | one pass a passage, `output_hidden_states` | {n} | {_row(seconds.one_pass)} |",
        f"| c | ours: hooks, batches of {case.batch_size} sorted by length, written to the store "
        f"| {batches} | {_row(seconds.ours)} |",
        f"| d | the same batches through the bare base model | {batches} | {_row(seconds.bare)} |",
    ]
    ratios = [
        _ratio("a / c", seconds.published / middle["ours"], 90, at_least=True),
        _ratio("b / c", middle["one_pass"] / middle["ours"], 2, at_least=True),
        _ratio("c / d", middle["ours"] / middle["bare"], 1.10, at_least=False),
        _ratio("peak memory of c / loaded process", m.peak / m.loaded, 1.3, at_least=False),
    ]
    tokens = [len(s.ids) for s in case.spans]
    return "\n".join(
        [
            "## Comprehension extraction",
            "",
            f"SmolLM2-135M-Instruct, fp32, eager attention; {n} passages of {min(tokens)} to "
            f"{max(tokens)} tokens (the first {N_SITUATIONS} bundled situations); token ids in, last "
            "token at every layer out. a, b, c and d run in turn in one process (rounds: "
            f"{len(seconds.ours)}); seconds are medians over the rounds. a and b run the causal "
            "model as it comes, head and cache included.",
            "",
            circumstances,
            "",
            *table(("", "what", "forwards", "seconds", "min to max"), rows),
            "",
            *table(("ratio", "measured", "aim", "met"), ratios),
            "",
            f"Peak memory, in a process of its own: {m.loaded / 2**20:.0f} MiB with all weights in "
            f"memory, {m.peak / 2**20:.0f} MiB at most while c runs. Smallest cosine between b and c, "
            f"all passages, all blocks but the last (where b is behind the final norm): {cosine:.9f}.",
        ]
    )


def _row(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} | {min(times):.2f} to {max(times):.2f}"


def _ratio(name: str, value: float, aim: float, at_least: bool) -> str:
    met = value >= aim if at_least else value <= aim
    words = "at least" if at_least else "at most"
    return f"| {name} | {value:.2f} | {words} {aim:g} | {'yes' if met else 'no'} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = parser_of("comprehension", __doc__)
    parser.add_argument("--full", action="store_true", help="time every repetition of a (minutes)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each way")
    args = options(parser, arguments, rounds=1)
    circumstances = conditions()  # before this run's own work counts as load
    used = memory_in_own_process()
    case = embedded_case()
    cosine = agreement(case)
    seconds = measure(case, args.rounds, args.full)
    publish("comprehension", render(case, seconds, used, cosine, circumstances))


if __name__ == "__main__":
    main()

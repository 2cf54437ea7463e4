"""What TransformerLens costs in time and memory: both of its implementations over transformers.

``OMP_NUM_THREADS=1 python -m benchmarks.backends`` loads the embedded model once a reader, times
them in turn in one process, prints the ratios and writes them to docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import machine, write_section
from benchmarks.timing import ALONE, Way, measure
from emo.activations.backend import TokenSpan
from emo.activations.opening import open_backend
from emo.activations.reading import tokenise
from emo.activations.tl import TLBackend
from emo.config.enums import Implementation, Readout
from emo.config.resolve import compose
from emo.models.loading import load
from emo.models.quantised import count_weights
from emo.models.weights import locate
from emo.stimuli.loading import first_situations, load_stimuli

ROOT = Path(__file__).parents[1]
READERS = {
    "hf": "backend=hf",
    "bridge": "backend=tl",
    "hooked": "backend=tl backend.implementation=hooked",
}


def ways(model: str, situations: int) -> tuple[list[Way], list[TokenSpan]]:
    """Each reader batched and one text at a time, and the token ids they all read.

    Each has a model of its own: the bridge changes the modules of the one it is given.
    """
    found, spans = [], []
    for name, overrides in READERS.items():
        config = compose(f"model={model}", *overrides.split(), "backend.device=cpu", root=ROOT)
        loaded = load(
            config.model,
            locate(config.model),
            config.precision,
            config.backend.attention,
            "cpu",
            config.path(config.paths.weights),
        )
        backend = open_backend(loaded, config.backend)
        size = count_weights(loaded.model).bytes
        if isinstance(backend, TLBackend) and name == Implementation.hooked.value:
            size += count_weights(backend.model).bytes  # a second copy, beside the loaded model
        found += [Way(name, n, size, backend) for n in (config.backend.batch_size, ALONE)]
        texts = [p.text for p in first_situations(load_stimuli(), situations).items]
        spans = tokenise(loaded.tokenizer, texts, Readout.last)
    return found, spans


def render(found: Sequence[Way], n_passages: int, model: str, where: str) -> str:
    """The section as Markdown; ratios of medians over transformers at the same batch size."""
    median = {(w.name, w.batch_size): statistics.median(w.seconds) for w in found}
    rows = [
        f"| {w.name} | {w.batch_size} | {median[w.name, w.batch_size]:.2f} "
        f"| {min(w.seconds):.2f} to {max(w.seconds):.2f} "
        f"| {median[w.name, w.batch_size] / median['hf', w.batch_size]:.2f} "
        f"| {w.weights_bytes / 2**20:.0f} |"
        for w in found
    ]
    return "\n".join(
        [
            "## Backends",
            "",
            f"{model} in fp32 on the CPU, eager attention, {n_passages} passages, from token ids to "
            f"the store; medians of {len(found[0].seconds)} rounds that run all of them in turn in "
            "one process. CPU seconds: other programs hardly change them. Bridge and hooked are the "
            "two implementations of `backend=tl`; hooked holds a copy of the weights beside the "
            "loaded model.",
            "",
            where,
            "",
            "| reader | batch | CPU seconds | min to max | over hf | weights MiB |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backends", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times each reader is run")
    parser.add_argument("--model", default="smollm2_135m", help="an option of conf/model")
    parser.add_argument("--situations", type=int, default=1, help="21 passages each")
    args = parser.parse_args(arguments)
    for name in ("rounds", "situations"):
        if getattr(args, name) < 1:
            parser.error(f"--{name}={getattr(args, name)}: allowed is at least 1")
    found, spans = ways(args.model, args.situations)
    measure(found, spans, args.rounds)
    text = render(found, len(spans), args.model, f"Machine: {machine()}.")
    print(text)
    write_section("backends", text)


if __name__ == "__main__":
    main()

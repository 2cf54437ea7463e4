"""What quantised weights cost in time: INT8 and 4 bits over fp16 and fp32, on the same passages.

``OMP_NUM_THREADS=1 python -m benchmarks.precision`` loads the embedded model once a precision, times
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
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.config.enums import Readout
from emo.config.resolve import compose
from emo.models.loading import load
from emo.models.quantised import count_weights
from emo.models.weights import locate
from emo.stimuli.loading import first_situations, load_stimuli

ROOT = Path(__file__).parents[1]


def ways(model: str, precisions: Sequence[str]) -> tuple[list[Way], list[TokenSpan]]:
    """Each precision batched and one text at a time, and the token ids they all read."""
    found, spans = [], []
    for name in precisions:
        config = compose(f"model={model}", f"precision={name}", "backend.device=cpu", root=ROOT)
        loaded = load(
            config.model,
            locate(config.model),
            config.precision,
            config.backend.attention,
            "cpu",
            config.path(config.paths.weights),
        )
        size = count_weights(loaded.model).bytes
        backend = HFBackend(loaded)
        found += [Way(name, n, size, backend) for n in (config.backend.batch_size, ALONE)]
        texts = [p.text for p in first_situations(load_stimuli(), 1).items]
        spans = tokenise(loaded.tokenizer, texts, Readout.last)
    return found, spans


def render(found: Sequence[Way], n_passages: int, model: str, where: str) -> str:
    """The section as Markdown; ratios of medians, like for like in batch size and as measured."""
    median = {(w.name, w.batch_size): statistics.median(w.seconds) for w in found}
    batch = max(w.batch_size for w in found)
    rows = [
        f"| {w.name} | {w.batch_size} | {median[w.name, w.batch_size]:.2f} | {min(w.seconds):.2f} to "
        f"{max(w.seconds):.2f} | {median[w.name, w.batch_size] / median['fp32', w.batch_size]:.2f} "
        f"| {median[w.name, w.batch_size] / median['fp16', w.batch_size]:.2f} "
        f"| {w.weights_bytes / 2**20:.0f} |"
        for w in found
    ]
    int8 = median["int8", ALONE]
    return "\n".join(
        [
            "## Quantised weights",
            "",
            f"{model} on the CPU, eager attention, {n_passages} passages, from token ids to the "
            f"store; medians of {len(found[0].seconds)} rounds that run all of them in turn in one "
            "process. CPU seconds: other programs hardly change them. Over fp32 and over fp16: at the "
            "same batch size.",
            "",
            where,
            "",
            "| precision | batch | CPU seconds | min to max | over fp32 | over fp16 | weights MiB |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"INT8 is measured one text at a time, the others are not: as the harness runs them, int8 "
            f"takes {int8 / median['fp16', batch]:.1f} times as long as fp16 and "
            f"{int8 / median['fp32', batch]:.1f} times as long as fp32; nf4 "
            f"{median['nf4', batch] / median['fp16', batch]:.1f} and "
            f"{median['nf4', batch] / median['fp32', batch]:.1f} times.",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="times each way is run")
    parser.add_argument("--model", default="smollm2_135m", help="an option of conf/model")
    args = parser.parse_args(arguments)
    if args.rounds < 1:
        parser.error(f"--rounds={args.rounds}: allowed is at least 1")
    found, spans = ways(args.model, ("fp32", "fp16", "int8", "nf4"))
    measure(found, spans, args.rounds)
    text = render(found, len(spans), args.model, f"Machine: {machine()}.")
    print(text)
    write_section("precision", text)


if __name__ == "__main__":
    main()

"""The cost of quantised weights in time: INT8 and 4 bits over fp16 and fp32, on the same passages.

``OMP_NUM_THREADS=1 python -m benchmarks.precision`` loads the embedded model once per precision, times
the precisions in turn in one process, prints the ratios and writes them to docs/benchmarks.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.command import options, parser_of, publish, table
from benchmarks.report import machine
from benchmarks.timing import Way, measure, medians, reading_ways, rows
from emo.activations.backend import Backend
from emo.activations.hf import HFBackend
from emo.config.schema import RunConfig
from emo.models.loading import LoadedModel

PRECISIONS = {name: f"precision={name}" for name in ("fp32", "fp16", "int8", "nf4")}
HEAD = ("precision", "batch", "CPU seconds", "min to max", "over fp32", "over fp16", "weights MiB")


def opened(loaded: LoadedModel, _config: RunConfig) -> tuple[Backend, int]:
    """The hook backend, which holds no weights of its own."""
    return HFBackend(loaded), 0


def render(ways: Sequence[Way], n_passages: int, model: str, where: str) -> str:
    """The section as Markdown: ratios at the same batch size, and at the batch size of each job."""
    median, batch = medians(ways), max(w.batch_size for w in ways)
    int8 = median["int8", batch]
    return "\n".join(
        [
            "## Quantised weights",
            "",
            f"{model} on the CPU, eager attention, {n_passages} passages, from token ids to the "
            f"store; medians of {len(ways[0].seconds)} rounds that run all of them in turn in one "
            "process. CPU seconds: other programs hardly change them. Over fp32 and over fp16: at the "
            "same batch size.",
            "",
            where,
            "",
            *table(HEAD, rows(ways, ["fp32", "fp16"])),
            "",
            "As the harness runs them, in batches: int8 takes "
            f"{int8 / median['fp16', batch]:.1f} times as long as fp16 and "
            f"{int8 / median['fp32', batch]:.1f} times as long as fp32; nf4 "
            f"{median['nf4', batch] / median['fp16', batch]:.1f} and "
            f"{median['nf4', batch] / median['fp32', batch]:.1f} times.",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = parser_of("precision", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each precision")
    parser.add_argument("--model", default="smollm2_135m", help="an option of conf/model")
    args = options(parser, arguments, rounds=1)
    ways, spans = reading_ways(args.model, PRECISIONS, opened)
    measure(ways, spans, args.rounds)
    publish("precision", render(ways, len(spans), args.model, f"Machine: {machine()}."))


if __name__ == "__main__":
    main()

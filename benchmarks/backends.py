"""The cost of TransformerLens in time and memory: its two implementations over transformers.

``OMP_NUM_THREADS=1 python -m benchmarks.backends`` loads the embedded model once per reader, times the
readers in turn in one process, prints the ratios and writes them to docs/benchmarks.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.command import options, parser_of, publish, table
from benchmarks.report import machine
from benchmarks.timing import Way, measure, reading_ways, rows
from emo.activations.backend import Backend
from emo.activations.opening import open_backend
from emo.activations.tl import TLBackend
from emo.config.enums import Implementation
from emo.config.schema import RunConfig
from emo.models.loading import LoadedModel
from emo.models.quantised import count_weights

READERS = {
    "hf": "backend=hf",
    "bridge": "backend=tl",
    "hooked": "backend=tl backend.implementation=hooked",
}
HEAD = ("reader", "batch", "CPU seconds", "min to max", "over hf", "weights MiB")


def opened(loaded: LoadedModel, config: RunConfig) -> tuple[Backend, int]:
    """The reader of a config; hooked holds a second copy of the weights."""
    backend = open_backend(loaded, config.backend)
    if isinstance(backend, TLBackend) and config.backend.implementation is Implementation.hooked:
        return backend, count_weights(backend.model).bytes
    return backend, 0


def render(ways: Sequence[Way], n_passages: int, model: str, where: str) -> str:
    """The section as Markdown, with ratios of medians over transformers at the same batch size."""
    return "\n".join(
        [
            "## Backends",
            "",
            f"{model} in fp32 on the CPU, eager attention, {n_passages} passages, from token ids to "
            f"the store; medians of {len(ways[0].seconds)} rounds that run all of them in turn in "
            "one process. CPU seconds: other programs hardly change them. Bridge and hooked are the "
            "two implementations of `backend=tl`; hooked holds a copy of the weights beside the "
            "loaded model.",
            "",
            where,
            "",
            *table(HEAD, rows(ways, ["hf"])),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = parser_of("backends", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each reader")
    parser.add_argument("--model", default="smollm2_135m", help="an option of conf/model")
    parser.add_argument("--situations", type=int, default=1, help="21 passages each")
    args = options(parser, arguments, rounds=1, situations=1)
    ways, spans = reading_ways(args.model, READERS, opened, args.situations)
    measure(ways, spans, args.rounds)
    publish("backends", render(ways, len(spans), args.model, f"Machine: {machine()}."))


if __name__ == "__main__":
    main()

"""Writing in INT8 (condition D) over fp16 and fp32 (condition C), at the same batch and alone.

``OMP_NUM_THREADS=1 python -m benchmarks.int8_writing`` writes the first story prompts greedily with the
embedded model, every way in turn in one process, prints CPU seconds per token with the ratios, and
writes them to docs/benchmarks.md. ``shared`` is the batch of the library, whose texts share outlier
columns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.command import ROOT, loaded_model, options, parser_of, publish, table
from benchmarks.report import conditions
from benchmarks.timing import ALONE, in_turn
from emo.config.enums import OutlierColumns
from emo.config.resolve import compose
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Request
from emo.models.loading import LoadedModel
from emo.models.own_columns import set_columns

AIM = 2.5
"""Most that INT8 may take over fp16 at the same batch."""
PRECISIONS = {
    "fp32": ("fp32", OutlierColumns.own),
    "fp16": ("fp16", OutlierColumns.own),
    "int8": ("int8", OutlierColumns.own),
    "int8, shared": ("int8", OutlierColumns.shared),
}
HEAD = ("precision", "batch", "CPU ms per token", "min to max", "over fp32", "over fp16")


@dataclass(frozen=True)
class Writing:
    """One precision at one batch size."""

    name: str
    batch_size: int
    loaded: LoadedModel
    decoder: HFDecoder
    requests: Sequence[Request]
    milliseconds: list[float] = field(default_factory=list)
    """CPU time per token, by round."""

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    def run(self, tokens: int) -> None:
        """Write the beginning of every text, and note the CPU time that a token took."""
        set_columns(self.loaded.model, PRECISIONS[self.name][1])
        requests = self.requests[: self.batch_size]
        start = time.process_time()
        texts = self.decoder.decode(requests, tokens, None)
        spent = time.process_time() - start
        self.milliseconds.append(1e3 * spent / sum(len(t.tokens) for t in texts))


def ways(model: str, batch_size: int) -> list[Writing]:
    """Each precision at a batch size and alone; INT8 and its library's batch are one model."""
    out: list[Writing] = []
    models: dict[str, LoadedModel] = {}
    for name, (precision, _) in PRECISIONS.items():
        if precision not in models:
            config = compose(f"model={model}", f"precision={precision}", root=ROOT)
            models[precision] = loaded_model(config)
        loaded = models[precision]
        decoder = HFDecoder(loaded)
        requests = [Request(prompt) for prompt in prompts(loaded, batch_size)]
        sizes = (batch_size,) if name == "int8, shared" else (batch_size, ALONE)
        out += [Writing(name, n, loaded, decoder, requests) for n in sizes]
    return out


def prompts(loaded: LoadedModel, n: int) -> list[tuple[int, ...]]:
    """Token ids of ``n`` different requests for a story."""
    texts = [f"Write a short story about visitor number {i} of a small museum." for i in range(n)]
    return [tuple(loaded.tokenizer(text)["input_ids"]) for text in texts]


def render(made: Sequence[Writing], tokens: int, model: str, where: str) -> str:
    """The section as Markdown."""
    median = {(w.name, w.batch_size): w.median for w in made}
    batch = max(w.batch_size for w in made)
    rows = [
        f"| {w.name} | {w.batch_size} | {w.median:.1f} "
        f"| {min(w.milliseconds):.1f} to {max(w.milliseconds):.1f} "
        f"| {w.median / median['fp32', w.batch_size]:.2f} "
        f"| {w.median / median['fp16', w.batch_size]:.2f} |"
        for w in made
    ]
    together = median["int8", batch] / median["fp16", batch]
    earlier = median["int8", ALONE] / median["fp16", batch]
    return "\n".join(
        [
            "## Writing in INT8",
            "",
            f"{model} on the CPU, eager attention, {tokens} greedy tokens of {batch} texts with their "
            f"prompts; medians of {len(made[0].milliseconds)} rounds that run all of them in turn in "
            "one process. Over fp32 and over fp16: at the same batch size.",
            "",
            where,
            "",
            *table(HEAD, rows),
            "",
            f"Condition D over condition C at a batch of {batch}: {together:.2f} (aim: at most {AIM}; "
            f"{'met' if together <= AIM else 'missed'}). D one text at a time over C in a batch: "
            f"{earlier:.1f}.",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = parser_of("int8_writing", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each way")
    parser.add_argument("--batch", type=int, default=16, help="texts that are written at once")
    parser.add_argument("--tokens", type=int, default=12, help="tokens of each text")
    parser.add_argument("--model", default="smollm2_135m", help="an option of conf/model")
    args = options(parser, arguments, rounds=1, batch=2, tokens=1)
    where = conditions()
    made = ways(args.model, args.batch)
    for way in made:
        way.run(1)
        way.milliseconds.clear()
    in_turn([lambda _, way=way: way.run(args.tokens) for way in made], args.rounds)
    publish("int8_writing", render(made, args.tokens, args.model, where))


if __name__ == "__main__":
    main()

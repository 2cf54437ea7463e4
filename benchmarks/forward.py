"""The share of a plain matrix product's speed that reading passages reaches.

``python -m benchmarks.forward`` reads bundled passages with transformers and hooks, and multiplies
matrices of the same machine, thread count and format in the same process, in turn. It prints GFLOP per
CPU second and writes a table to docs/benchmarks.md.

Counted are the multiplications and additions of the linear layers of all blocks, and those of
attention's two products; not norms, activations, softmax and copies, which take time and count as
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.command import ROOT, loaded_model, options, parser_of, publish, table
from benchmarks.report import conditions
from benchmarks.timing import Work, in_turn
from emo.activations.backend import TokenSpan, pad
from emo.activations.hf import HFBackend
from emo.activations.reading import tokenise
from emo.config.enums import Readout
from emo.config.resolve import compose
from emo.models.loading import LoadedModel
from emo.stimuli.loading import first_situations, load_stimuli

AIM = 0.85
"""Share of the plain product's speed that is aimed at."""
SQUARE = 1024
"""Rows and columns of the plain product: large enough for a processor's full speed."""
GIGA = 1e9


@dataclass(frozen=True)
class Timed:
    """One kind of work, and how much it computes."""

    work: Work
    flop: float
    """Floating-point operations of one run, padding included."""
    useful: float
    """Those of real tokens."""

    @property
    def speed(self) -> float:
        """GFLOP per CPU second, padding included."""
        return self.flop / self.work.median / GIGA

    @property
    def useful_speed(self) -> float:
        """GFLOP of real tokens per CPU second."""
        return self.useful / self.work.median / GIGA


def batches_of(spans: Sequence[TokenSpan], size: int, pad_id: int) -> list[Any]:
    """Padded batches of texts of like length, as reading makes them."""
    ordered = sorted(spans, key=lambda s: len(s.ids))
    return [pad(ordered[i : i + size], pad_id) for i in range(0, len(ordered), size)]


def flop_per_token(loaded: LoadedModel) -> float:
    """Operations of the blocks' linear layers for one token: two per weight."""
    blocks = loaded.model.base_model.get_submodule("layers")
    return 2.0 * sum(
        module.weight.numel() for module in blocks.modules() if isinstance(module, torch.nn.Linear)
    )


def attention_flop(loaded: LoadedModel, n_rows: int, width: int) -> float:
    """Operations of both products of attention over whole rows, as the eager form computes them."""
    config = loaded.model.config.get_text_config()
    heads = config.num_attention_heads
    head = getattr(config, "head_dim", None) or config.hidden_size // heads
    return 4.0 * config.num_hidden_layers * n_rows * width * width * heads * head


def reading(loaded: LoadedModel, spans: Sequence[TokenSpan], size: int, name: str) -> Timed:
    """Reading all texts in batches of a size."""
    backend = HFBackend(loaded)
    batches = batches_of(spans, size, backend.pad_id)
    each = flop_per_token(loaded)
    whole = useful = 0.0
    for batch in batches:
        n_rows, width = batch.ids.shape
        whole += each * n_rows * width + attention_flop(loaded, n_rows, width)
        lengths = batch.mask.sum(axis=1).tolist()
        useful += sum(each * n + attention_flop(loaded, 1, n) for n in lengths)
    return Timed(Work(name, lambda: [backend.resid_post(b) for b in batches]), whole, useful)


def plain(dtype: torch.dtype, repeats: int = 8) -> Timed:
    """Products of two large square matrices."""
    a, b = (torch.randn(SQUARE, SQUARE).to(dtype) for _ in range(2))
    flop = 2.0 * SQUARE**3 * repeats
    return Timed(Work(f"{SQUARE} x {SQUARE}", lambda: [a @ b for _ in range(repeats)]), flop, flop)


def of_the_model(loaded: LoadedModel, n_tokens: int) -> Timed:
    """The linear layers of all blocks alone, on as many rows as a batch has tokens."""
    blocks = loaded.model.base_model.get_submodule("layers")
    layers = [m for m in blocks.modules() if isinstance(m, torch.nn.Linear)]
    dtype = layers[0].weight.dtype
    inputs = {m.in_features: torch.randn(n_tokens, m.in_features).to(dtype) for m in layers}

    def run() -> None:
        with torch.inference_mode():
            for layer in layers:
                layer(inputs[layer.in_features])

    flop = flop_per_token(loaded) * n_tokens
    return Timed(Work(f"the linear layers alone, {n_tokens} tokens", run), flop, flop)


def row(timed: Timed, peak: Timed) -> str:
    """A row of Markdown: speeds, and their share of the plain product's."""
    return (
        f"| {timed.work.name} | {timed.work.median:.2f} | {timed.speed:.1f} "
        f"| {timed.speed / peak.speed:.0%} | {timed.useful_speed / peak.speed:.0%} |"
    )


def section(works: Sequence[Timed], model: str, precision: str, machine: str) -> str:
    """The section of docs/benchmarks.md; the plain product is the first of ``works``."""
    return "\n".join(
        [
            "## Share of the machine's speed",
            "",
            f"`python -m benchmarks.forward`: reading with {model} in {precision} against a plain "
            "matrix product in the same process, in turn. GFLOP/s are per CPU second, of linear layers "
            "and attention's products only. The last column leaves out what is computed for padding. "
            f"Aim: {AIM:.0%}.",
            "",
            machine,
            "",
            *table(
                ("work", "CPU seconds", "GFLOP/s", "of the plain product", "real tokens only"),
                [row(work, works[0]) for work in works],
            ),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = parser_of("forward", __doc__)
    parser.add_argument("--model", default="smollm2_135m")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16", "fp16"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--situations", type=int, default=1, help="of the bundled passages")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--weights", default=".cache/weights", help="paths.weights")
    parser.add_argument("--print-only", action="store_true", help="leave the page as it is")
    args = options(parser, arguments, rounds=1, situations=1, batch=1)
    machine = conditions()
    works: list[Timed] = []
    for attention, packed in (("eager", True), ("eager", False), ("sdpa", True)):
        config = compose(
            f"model={args.model}",
            f"precision={args.precision}",
            f"backend.attention={attention}",
            f"backend.packed={packed}",
            "backend.device=cpu",
            f"paths.weights={args.weights}",
            root=ROOT,
        )
        loaded = loaded_model(config)
        texts = [p.text for p in first_situations(load_stimuli(), args.situations).items]
        spans = tokenise(loaded.tokenizer, texts, Readout.last)
        if not works:
            tokens = sum(len(s.ids) for s in spans[: args.batch])
            works += [plain(loaded.model.dtype), of_the_model(loaded, tokens)]
        for size in (args.batch, 1):
            name = f"reading, {attention}, {'' if packed else 'not '}packed, batch {size}"
            works.append(reading(loaded, spans, size, name))
    for work in works:
        work.work.run()  # warms memory pools
    in_turn([timed.work.timed for timed in works], args.rounds)
    text = section(works, args.model, args.precision, machine)
    print(text) if args.print_only else publish("forward", text)


if __name__ == "__main__":
    main()

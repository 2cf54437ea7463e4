"""Writing against a bare greedy loop over a static cache, and what one queue saves.

``python -m benchmarks.decoding`` writes stories with the embedded model and prints ratios of CPU
seconds; all ways run in turn in one process. The section goes to docs/benchmarks.md.

The bare loop is transformers' forward with a cache of fixed size and the most likely token: no stop at
an end of text, no store, nothing drawn. It and the loop of this project read the same prompts, padded on
the left, and write the same number of tokens, so that their texts can be compared, too.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import StaticCache

from benchmarks.command import ROOT, loaded_model, options, parser_of, publish, table
from benchmarks.report import conditions
from benchmarks.timing import in_turn
from emo.config.resolve import compose
from emo.generation.decoding import HFDecoder
from emo.generation.prompting import prompt_ids
from emo.generation.samples import Order, Request, Sampling
from emo.models.loading import LoadedModel
from emo.stimuli.prompts import load_prompts

AIM = 0.9
"""Share of the bare loop's speed that is aimed at."""

Tokens = list[tuple[int, ...]]


@dataclass
class Timed:
    """A way of writing, the CPU seconds of each round, and the texts of the last one."""

    name: str
    run: Callable[[], Tokens]
    seconds: list[float] = field(default_factory=list)
    texts: Tokens = field(default_factory=list)

    def timed(self, _: int) -> None:
        """Write everything once, and note the CPU seconds."""
        start = time.process_time()
        self.texts = self.run()
        self.seconds.append(time.process_time() - start)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def speed(self) -> float:
        """Tokens per CPU second."""
        return sum(map(len, self.texts)) / self.median


@dataclass(frozen=True)
class Block:
    """Ways that write the same texts; the first is what the others are divided by."""

    name: str
    ways: tuple[Timed, ...]

    @property
    def alike(self) -> int:
        """How many texts are the same in all ways."""
        return sum(
            len(set(texts)) == 1 for texts in zip(*(w.texts for w in self.ways), strict=True)
        )

    def rows(self) -> list[str]:
        """Rows of Markdown."""
        first = self.ways[0]
        return [
            f"| {self.name} | {w.name} | {w.median:.2f} | {w.speed:.1f} "
            f"| {'' if w is first else f'{first.median / w.median:.2f}'} "
            f"| {self.alike} of {len(w.texts)} |"
            for w in self.ways
        ]


def static_loop(loaded: LoadedModel, prompts: Sequence[tuple[int, ...]], budget: int) -> Tokens:
    """Greedy texts of a fixed length by the bare loop."""
    model: Any = loaded.model
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + list(p) for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * (len(p) + budget) for p in prompts])
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    cache = StaticCache(config=model.config, max_cache_len=width + budget)
    written, start = [], 0
    with torch.inference_mode():
        for stop in range(width, width + budget):
            output = model(
                input_ids=ids,
                attention_mask=mask[:, :stop],
                position_ids=positions[:, start:stop],
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            written.append(output.logits[:, -1].argmax(dim=-1))
            ids, start = written[-1][:, None], stop
    return [tuple(row) for row in torch.stack(written, dim=1).tolist()]


def stories(loaded: LoadedModel, n: int, chat: bool) -> list[tuple[int, ...]]:
    """Prompts for stories about emotions, the first 72 of them different."""
    prompts = load_prompts(None)
    emotions = (
        *("happy", "sad", "afraid", "angry", "calm", "proud"),
        *("guilty", "bored", "curious", "lonely", "grateful", "jealous"),
    )
    texts = [p for emotion in emotions for p in prompts.story_prompts(emotion)]
    texts += [p for emotion in emotions for p in prompts.paragraph_prompts(emotion)]
    texts = [texts[i % len(texts)] for i in range(n)]
    return [prompt_ids(loaded.tokenizer, text, chat, None).ids for text in texts]


def against_static(loaded: LoadedModel, size: int, budget: int) -> Block:
    """A batch of greedy texts that do not end, by the bare loop and by this project's."""
    prompts, decoder = stories(loaded, size, chat=True), HFDecoder(loaded)
    decoder.ends = decoder.ends[:0]
    orders = [Order(Request(p), budget, None) for p in prompts]

    def batch() -> Tokens:
        return [text.tokens for text in decoder.decode([o.request for o in orders], budget, None)]

    def queue() -> Tokens:
        return [text.tokens for _, text in sorted(decoder.write(orders, size), key=lambda t: t[0])]

    return Block(
        f"{size} greedy texts of {budget} tokens",
        (
            Timed("bare loop, static cache", lambda: static_loop(loaded, prompts, budget)),
            Timed("a batch, prompts whole", batch),
            Timed("common beginning read once", queue),
        ),
    )


def kinds(loaded: LoadedModel, n: int, budget: int, size: int) -> Block:
    """Greedy and sampled texts, with chat template and without, kind by kind and in one queue."""
    decoder = HFDecoder(loaded)
    orders = [
        [Order(Request(p, i % 2), budget, sampling) for i, p in enumerate(stories(loaded, n, chat))]
        for chat in (False, True)
        for sampling in (None, Sampling())
    ]

    def apart() -> Tokens:
        out = []
        for some in orders:
            asked = [o.request for o in some]
            for i in range(0, n, size):
                texts = decoder.decode(asked[i : i + size], budget, some[0].sampling)
                out += [text.tokens for text in texts]
        return out

    def together() -> Tokens:
        every = [order for some in orders for order in some]
        return [text.tokens for _, text in sorted(decoder.write(every, size), key=lambda t: t[0])]

    return Block(
        f"4 kinds of {n} texts, at most {budget} tokens, {size} at once",
        (Timed("kind by kind", apart), Timed("in one queue", together)),
    )


def section(blocks: Sequence[Block], model: str, machine: str) -> str:
    """The section of docs/benchmarks.md."""
    head = ("texts", "way", "CPU seconds", "tokens/CPU s", "speed over the first way", "same texts")
    return "\n".join(
        [
            "## Writing",
            "",
            f"`python -m benchmarks.decoding`: {model} in fp32, eager attention, on the CPU. Aim: at "
            f"least {AIM:.0%} of the speed of the bare loop.",
            "",
            machine,
            "",
            *table(head, [row for block in blocks for row in block.rows()]),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = parser_of("decoding", __doc__)
    parser.add_argument("--model", default="smollm2_135m")
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 64], help="texts at once")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--texts", type=int, default=20, help="of each of the four kinds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", default=".cache/weights", help="paths.weights")
    parser.add_argument("--print-only", action="store_true", help="leave the page as it is")
    args = options(parser, arguments, tokens=2, texts=1, rounds=1)
    machine = conditions()
    config = compose(
        f"model={args.model}",
        "precision=fp32",
        "backend.device=cpu",
        f"paths.weights={args.weights}",
        root=ROOT,
    )
    loaded = loaded_model(config)
    blocks = [against_static(loaded, size, args.tokens) for size in args.sizes]
    blocks.append(kinds(loaded, args.texts, args.tokens, max(args.sizes)))
    static_loop(loaded, stories(loaded, 2, chat=True), 2)  # memory pools are warm then
    for block in blocks:
        in_turn([way.timed for way in block.ways], args.rounds)
    text = section(blocks, args.model, machine)
    print(text) if args.print_only else publish("decoding", text)


if __name__ == "__main__":
    main()

"""The cost of steering while decoding: steered over unsteered greedy texts at the same batch size.

``python -m benchmarks.steering`` loads the embedded model, times both in turn in one process, prints
the ratios and writes them to docs/benchmarks.md. It takes CPU seconds, as
:mod:`benchmarks.timing` does: run it with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.command import ROOT, loaded_model, options, parser_of, publish, table
from benchmarks.report import conditions
from benchmarks.timing import in_turn
from emo.config.resolve import compose
from emo.generation.decoding import HFDecoder
from emo.generation.prompting import prompt_ids
from emo.generation.samples import Request
from emo.models.loading import LoadedModel, pick_device
from emo.steering.injection import Addition, SteeredDecoder, SteeredRequest, addition_digest
from emo.steering.scoring import mean_norms
from emo.steering.steerable import BridgeSteerable, HFSteerable, Steerable
from emo.stimuli.scenarios import load_scenarios

AIM = 1.15


@dataclass(frozen=True)
class Way:
    """One way of writing the same number of tokens."""

    name: str
    run: Callable[[], int]
    """Writes the batch and returns the number of tokens."""
    seconds: list[float] = field(default_factory=list)
    """CPU seconds, all threads together."""
    tokens: list[int] = field(default_factory=list)

    def time(self) -> None:
        """Run once, and record the time and the tokens."""
        start = time.process_time()
        written = self.run()
        self.seconds.append(time.process_time() - start)
        self.tokens.append(written)

    @property
    def median(self) -> float:
        """CPU seconds per token."""
        return statistics.median(s / n for s, n in zip(self.seconds, self.tokens, strict=True))


def ways(loaded: LoadedModel, prompts: Sequence[tuple[int, ...]], budget: int) -> list[Way]:
    """Three ways on transformers: unsteered, steered at one layer, steered at all layers."""
    plain = [Request(p) for p in prompts]
    hf = HFSteerable(loaded)
    norms = mean_norms(hf, prompts, len(prompts))
    rng = np.random.default_rng(0)
    hidden = int(loaded.model.config.get_text_config().hidden_size)

    def steered(name: str, model: Steerable, layers: Sequence[int]) -> Way:
        # The vectors are so short that the texts keep their lengths: only the addition is timed.
        additions: list[Addition] = [
            {i: _direction(rng, hidden, 1e-4 * norms[row, i]) for i in layers}
            for row in range(len(prompts))
        ]
        known = {addition_digest(a): a for a in additions}
        asked = [
            SteeredRequest(p, 0, addition_digest(a))
            for p, a in zip(prompts, additions, strict=True)
        ]
        decoder = SteeredDecoder(model, known.__getitem__)
        return Way(name, lambda: _written(decoder, asked, budget))

    decoder, middle = HFDecoder(loaded), hf.n_layers // 2
    return [
        Way("unsteered", lambda: _written(decoder, plain, budget)),
        steered(f"steered at one layer ({middle})", hf, [middle]),
        steered(f"steered at all {hf.n_layers} layers", hf, range(hf.n_layers)),
    ]


def bridge_ways(loaded: LoadedModel, prompts: Sequence[tuple[int, ...]], budget: int) -> list[Way]:
    """Two ways through TransformerLens's bridge, whose wrappers stay in the model."""
    bridge = BridgeSteerable(loaded)
    hidden = int(loaded.model.config.get_text_config().hidden_size)
    rng = np.random.default_rng(0)
    plain = [Request(p) for p in prompts]
    addition: Addition = {i: _direction(rng, hidden, 1e-2) for i in range(bridge.n_layers)}
    asked = [SteeredRequest(p, 0, addition_digest(addition)) for p in prompts]
    decoder, steered = HFDecoder(loaded), SteeredDecoder(bridge, lambda _: addition)
    return [
        Way("bridge, unsteered", lambda: _written(decoder, plain, budget)),
        Way(
            f"bridge, steered at all {bridge.n_layers} layers",
            lambda: _written(steered, asked, budget),
        ),
    ]


def _direction(rng: np.random.Generator, hidden: int, norm: float) -> np.ndarray:
    drawn = rng.standard_normal(hidden)
    return (norm * drawn / np.linalg.norm(drawn)).astype(np.float32)


def _written(decoder: HFDecoder, requests: Sequence[Request], budget: int) -> int:
    return sum(len(t.tokens) for t in decoder.decode(requests, budget, None))


def measure(timed: Sequence[Way], rounds: int) -> None:
    """Run all ways in turn; before that each runs once, to warm memory pools and threads."""
    for way in timed:
        way.run()
    in_turn([lambda _, way=way: way.time() for way in timed], rounds)


def render(timed: Sequence[Way], what: str, machine: str) -> str:
    """The section as Markdown; each way over the unsteered one before it."""
    rows, base = [], timed[0]
    for way in timed:
        base = way if "unsteered" in way.name else base
        ratio = way.median / base.median
        over = "" if way is base else f"{ratio:.2f} ({'met' if ratio <= AIM else 'not met'})"
        each = [s / n for s, n in zip(way.seconds, way.tokens, strict=True)]
        spread = f"{1 / max(each):.1f} to {1 / min(each):.1f}"
        rows.append(f"| {way.name} | {1 / way.median:.1f} | {spread} | {over} |")
    return "\n".join(
        [
            "## Steered generation",
            "",
            f"{what} Medians of {len(timed[0].seconds)} rounds that run all of a block in turn in one "
            f"process, in CPU seconds. Aim: steered takes at most {AIM} times as long as unsteered, a "
            "token.",
            "",
            machine,
            "",
            *table(("what", "tokens/CPU s", "min to max", "over unsteered"), rows),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = parser_of("steering", __doc__)
    parser.add_argument("--rounds", type=int, default=7, help="runs of each way")
    parser.add_argument("--model", default="smollm2_135m", help="an option of conf/model")
    parser.add_argument("--batch", type=int, default=16, help="texts at once")
    parser.add_argument("--tokens", type=int, default=40, help="new tokens per text")
    args = options(parser, arguments, rounds=1, batch=1, tokens=1)
    machine = conditions()
    config = compose(f"model={args.model}", root=ROOT)
    loaded = loaded_model(config, pick_device(config.backend.device))
    scenarios = load_scenarios().items
    prompts = [
        prompt_ids(loaded.tokenizer, scenarios[i % len(scenarios)].text, False).ids
        for i in range(args.batch)
    ]
    plain = ways(loaded, prompts, args.tokens)
    measure(plain, args.rounds)
    bridged = bridge_ways(loaded, prompts, args.tokens)
    measure(bridged, args.rounds)
    what = (
        f"{config.model.label}, {config.precision.label}, {loaded.device}, {args.batch} texts at once, "
        f"{args.tokens} greedy tokens each, every text with a vector of its own."
    )
    publish("steering", render([*plain, *bridged], what, machine))


if __name__ == "__main__":
    main()

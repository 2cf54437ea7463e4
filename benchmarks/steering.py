"""What steering costs while decoding: steered over unsteered greedy texts at the same batch.

``python -m benchmarks.steering`` loads the embedded model, times both in turn in one process, prints
the ratios and writes them to docs/benchmarks.md. Timed are CPU seconds, as in
:mod:`benchmarks.timing`: run it with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.report import conditions, write_section
from emo.config.resolve import compose
from emo.generation.decoding import HFDecoder
from emo.generation.prompting import prompt_ids
from emo.generation.samples import Request
from emo.models.loading import LoadedModel, load, pick_device
from emo.models.weights import locate
from emo.process.progress import track
from emo.steering.injection import Addition, SteeredDecoder, SteeredRequest, addition_digest
from emo.steering.scoring import mean_norms
from emo.steering.steerable import BridgeSteerable, HFSteerable, Steerable
from emo.stimuli.scenarios import load_scenarios

ROOT = Path(__file__).parents[1]
AIM = 1.15


@dataclass(frozen=True)
class Way:
    """One way of writing the same number of tokens."""

    name: str
    run: Callable[[], int]
    """Writes the batch; gives back how many tokens."""
    seconds: list[float] = field(default_factory=list)
    """CPU seconds, all threads together."""
    tokens: list[int] = field(default_factory=list)

    def time(self) -> None:
        """Run once, and note time and tokens."""
        start = time.process_time()
        written = self.run()
        self.seconds.append(time.process_time() - start)
        self.tokens.append(written)

    @property
    def median(self) -> float:
        """CPU seconds a token."""
        return statistics.median(s / n for s, n in zip(self.seconds, self.tokens, strict=True))


def ways(loaded: LoadedModel, prompts: Sequence[tuple[int, ...]], budget: int) -> list[Way]:
    """Unsteered; steered at one layer and at all, on transformers; then at all through the bridge."""
    plain = [Request(p) for p in prompts]
    hf = HFSteerable(loaded)
    norms = mean_norms(hf, prompts, len(prompts))
    rng = np.random.default_rng(0)
    hidden = int(loaded.model.config.get_text_config().hidden_size)

    def steered(name: str, model: Steerable, layers: Sequence[int]) -> Way:
        # So little that the texts stay as long as they are: what is timed is the addition.
        own: list[Addition] = [
            {i: _direction(rng, hidden, 1e-4 * norms[row, i]) for i in layers}
            for row in range(len(prompts))
        ]
        known = {addition_digest(a): a for a in own}
        asked = [
            SteeredRequest(p, 0, addition_digest(a)) for p, a in zip(prompts, own, strict=True)
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
    """The same through TransformerLens's bridge, whose wrappers stay in the model."""
    bridge = BridgeSteerable(loaded)
    hidden = int(loaded.model.config.get_text_config().hidden_size)
    rng = np.random.default_rng(0)
    plain = [Request(p) for p in prompts]
    own: Addition = {i: _direction(rng, hidden, 1e-2) for i in range(bridge.n_layers)}
    asked = [SteeredRequest(p, 0, addition_digest(own)) for p in prompts]
    decoder, steered = HFDecoder(loaded), SteeredDecoder(bridge, lambda _: own)
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


def measure(found: Sequence[Way], rounds: int) -> None:
    """All ways in turn, each round beginning with another one."""
    for way in found:
        way.run()  # memory pools and threads are warm then
    for turn in track(range(rounds), "rounds"):
        for k in range(len(found)):
            found[(turn + k) % len(found)].time()


def render(found: Sequence[Way], what: str, machine: str) -> str:
    """The section as Markdown; each way over the unsteered one before it."""
    rows, base = [], found[0]
    for way in found:
        base = way if "unsteered" in way.name else base
        ratio = way.median / base.median
        said = "" if way is base else f"{ratio:.2f} ({'met' if ratio <= AIM else 'not met'})"
        each = [s / n for s, n in zip(way.seconds, way.tokens, strict=True)]
        spread = f"{1 / max(each):.1f} to {1 / min(each):.1f}"
        rows.append(f"| {way.name} | {1 / way.median:.1f} | {spread} | {said} |")
    return "\n".join(
        [
            "## Steered generation",
            "",
            f"{what} Medians of {len(found[0].seconds)} rounds that run all of a block in turn in one "
            f"process, in CPU seconds. Aim: steered takes at most {AIM} times as long as unsteered, a "
            "token.",
            "",
            machine,
            "",
            "| what | tokens/CPU s | min to max | over unsteered |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steering", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="times each way is run")
    parser.add_argument("--model", default="smollm2_135m", help="an option of conf/model")
    parser.add_argument("--batch", type=int, default=16, help="texts at once")
    parser.add_argument("--tokens", type=int, default=40, help="new tokens a text")
    args = parser.parse_args(arguments)
    for name in ("rounds", "batch", "tokens"):
        if getattr(args, name) < 1:
            parser.error(f"--{name}={getattr(args, name)}: allowed is at least 1")
    machine = conditions()
    config = compose(f"model={args.model}", root=ROOT)
    loaded = load(
        config.model,
        locate(config.model),
        config.precision,
        config.backend.attention,
        pick_device(config.backend.device),
        config.path(config.paths.weights),
    )
    scenarios = load_scenarios().items
    prompts = [
        prompt_ids(loaded.tokenizer, scenarios[i % len(scenarios)].text, False).ids
        for i in range(args.batch)
    ]
    found = ways(loaded, prompts, args.tokens)
    measure(found, args.rounds)
    bridged = bridge_ways(loaded, prompts, args.tokens)
    measure(bridged, args.rounds)
    what = (
        f"{config.model.label}, {config.precision.label}, {loaded.device}, {args.batch} texts at once, "
        f"{args.tokens} greedy tokens each, every text with a vector of its own."
    )
    text = render([*found, *bridged], what, machine)
    print(text)
    write_section("steering", text)


if __name__ == "__main__":
    main()

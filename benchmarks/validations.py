"""What the logit lens and reading a long text against many vectors cost.

``python -m benchmarks.validations`` puts 21 vectors of every layer through the model's own norm and
head, and reads a text of 1,000 tokens at all layers against 171 vectors, in turn with the bare forward
pass of the same text. It prints ratios and writes them to docs/benchmarks.md. The vectors are random:
what they mean changes no time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.command import ROOT, loaded_model, options, parser_of, publish, table
from benchmarks.report import conditions
from benchmarks.timing import Work, in_turn
from emo.config.enums import TokenMeasure
from emo.config.resolve import compose
from emo.config.schema import RunConfig
from emo.core.frames import ResidualFrame
from emo.core.records import EmotionVectors
from emo.models.loading import LoadedModel
from emo.pipeline.token_view import TokenReader, VectorSource
from emo.steering.next_token import lens_logits
from emo.steering.steerable import open_steerable
from emo.stimuli.free_texts import FreeText

LENS_AIM, READING_AIM = 10.0, 1.3
"""Seconds of the lens of 21 vectors at all layers, and reading over the bare forward pass."""
WORDS = "The bus came late again, and nobody on the quay said a word about it. "


def source_of_random(loaded: LoadedModel, config: RunConfig, n: int) -> VectorSource:
    """``n`` random vectors of length 1 at every layer, in a frame without a projection."""
    shape = loaded.model.config.get_text_config()
    layers, hidden = int(shape.num_hidden_layers), int(shape.hidden_size)
    drawn = np.random.default_rng(0).normal(size=(layers, n, hidden))
    values = drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)
    names = tuple(f"vector {k}" for k in range(n))
    vectors = EmotionVectors(values, names, (1,) * n, "global")
    frame = ResidualFrame(np.zeros((layers, hidden)), np.ones(layers))
    return VectorSource("benchmark", config, vectors, frame, layers // 2, "the middle", {})


def text_of(loaded: LoadedModel, n_tokens: int) -> str:
    """A text of about so many tokens."""
    each = len(loaded.tokenizer(WORDS, add_special_tokens=False)["input_ids"])
    return WORDS * max(round(n_tokens / each), 1)


def works_of(
    loaded: LoadedModel, config: RunConfig, n_tokens: int, n_read: int, n_lens: int
) -> tuple[Work, Work, Work, int]:
    """The bare pass, reading and the lens; and how many tokens the text has."""
    reader = TokenReader(
        source_of_random(loaded, config, n_read),
        loaded,
        [FreeText("text", text_of(loaded, n_tokens))],
    )
    ids = torch.tensor([reader.texts[0].ids])
    body = loaded.model.base_model
    model = open_steerable(loaded.for_writing(), config.backend)
    lens = source_of_random(loaded, config, n_lens).vectors.values

    def bare() -> None:
        with torch.inference_mode():
            body(input_ids=ids, use_cache=False)

    return (
        Work("the bare forward pass", bare),
        Work(f"reading against {n_read} vectors", lambda: reader.read(TokenMeasure.cosine)),
        Work(f"the lens of {n_lens} vectors", lambda: [lens_logits(model, v) for v in lens]),
        ids.shape[1],
    )


def section(works: Sequence[Work], model: str, n_tokens: int, machine: str) -> str:
    """The section of docs/benchmarks.md."""
    bare, reading, lens = works
    ratio = reading.median / bare.median
    rows = [
        f"| {bare.name}, {n_tokens} tokens | {bare.median:.2f} | 1 | | |",
        f"| {reading.name} at all layers | {reading.median:.2f} | {ratio:.2f} "
        f"| at most {READING_AIM:g} times | {'yes' if ratio <= READING_AIM else 'no'} |",
        f"| {lens.name} at all layers | {lens.median:.2f} | {lens.median / bare.median:.2f} "
        f"| under {LENS_AIM:g} s | {'yes' if lens.median < LENS_AIM else 'no'} |",
    ]
    return "\n".join(
        [
            "## Lens and long texts",
            "",
            f"`python -m benchmarks.validations`: {model} in fp32; random vectors; rounds: "
            f"{len(bare.seconds)}, in turn in one process; medians.",
            "",
            machine,
            "",
            *table(("work", "CPU seconds", "over the bare pass", "aim", "met"), rows),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = parser_of("validations", __doc__)
    parser.add_argument("--model", default="smollm2_135m")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--vectors", type=int, default=171, help="that a text is read against")
    parser.add_argument("--lens", type=int, default=21, help="vectors of the lens, at every layer")
    parser.add_argument("--weights", default=".cache/weights", help="paths.weights")
    parser.add_argument("--print-only", action="store_true", help="leave the page as it is")
    args = options(parser, arguments, rounds=1, tokens=20, vectors=2, lens=1)
    machine = conditions()
    words = (f"model={args.model}", "backend.device=cpu", f"paths.weights={args.weights}")
    config = compose(*words, root=ROOT)
    loaded = loaded_model(config)
    *works, n_tokens = works_of(loaded, config, args.tokens, args.vectors, args.lens)
    for work in works:
        work.run()  # warms memory pools
    in_turn([work.timed for work in works], args.rounds)
    text = section(works, args.model, n_tokens, machine)
    print(text) if args.print_only else publish("validations", text)


if __name__ == "__main__":
    main()

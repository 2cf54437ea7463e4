"""Behaviour: conversations of job=behave in batches against one by one, and the texts of both.

``python -m benchmarks.behaviour`` runs the embedded model in one process, prints the ratios and writes
them to docs/benchmarks.md. Timed are CPU seconds, so run it with OMP_NUM_THREADS=1; ``--wall`` takes a
clock's. The ways without batches are timed on a few conversations and scaled, which the table says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import ROOT, loaded_model, options, parser_of, publish, table
from benchmarks.report import conditions
from emo.behaviour.formats import open_format
from emo.behaviour.holding import Script, Settings, converse
from emo.behaviour.kept import Spoken
from emo.behaviour.talks import Voice
from emo.behaviour.voices import WholeVoice, open_voice
from emo.config.resolve import compose
from emo.config.schema import RunConfig
from emo.pipeline.behave_material import Material
from emo.steering.steerable import open_steerable

AIM = 6
CHOICE = "forced choice"
Conversations = list[tuple[Spoken, ...]]


@dataclass(frozen=True)
class Way:
    """Seconds of all conversations, and those that were held."""

    name: str
    asked: bool
    """Whether the forced choice was asked after every answer."""
    held: Conversations
    seconds: float
    """Of those that were held."""
    n: int
    """Conversations that all ways are for."""

    @property
    def scaled(self) -> float:
        """Seconds of all conversations, by the number of answers."""
        return self.seconds * self.n / len(self.held)


def scripts_of(config: RunConfig, asked: bool) -> list[Script]:
    """The conversations of job=behave, the arms taking turns."""
    material = Material.of_config(config)
    return [
        Script.about(fact, one.challenges, asked=asked)
        for fact in material.facts
        for one in material.tracks
    ]


def measure(config: RunConfig, n_alone: int, clock: Callable[[], float]) -> list[Way]:
    """The same conversations in batches, one by one, and one by one with every turn read anew.

    All with the forced choice, as the job holds them, and then without it.
    """
    settings = config.job.behave
    loaded = loaded_model(config)
    form = open_format(loaded.tokenizer, settings.format)
    model = open_steerable(loaded, config.backend)
    cached = open_voice(model, form, settings.max_new_tokens)
    whole = WholeVoice(model, form, settings.max_new_tokens)
    size = config.decode_batch_size
    ways = (
        (f"ours: up to {size} at once, cache kept over turns", cached, None, size),
        ("one by one, cache kept over turns", cached, n_alone, 1),
        ("one by one, every turn read from the start", whole, n_alone, 1),
    )

    def held(name: str, voice: Voice, n: int | None, size: int, asked: bool) -> Way:
        how = Settings(settings.max_new_tokens, None, 0, size, False)
        scripts = scripts_of(config, asked)
        start = clock()
        few = scripts[:n]
        parts = [few[i : i + size] for i in range(0, len(few), size)]
        said = [c for part in parts for c in converse(voice, part, how)]
        return Way(name, asked, said, clock() - start, len(scripts))

    held("warm", cached, 1, 1, True)
    return [held(*way, asked) for asked in (True, False) for way in ways]


def answers(conversations: Conversations) -> list[list[str]]:
    """What was said."""
    return [[turn.answer for turn in c] for c in conversations]


def _choice(way: Way) -> str:
    return "asked" if way.asked else "not asked"


def render(ways: Sequence[Way], config: RunConfig, machine: str, cpu: bool) -> str:
    """The section of docs/benchmarks.md."""
    settings, n = config.job.behave, ways[0].n
    rows = [
        f"| {way.name} | {_choice(way)} | {len(way.held)} | {way.seconds:.1f} | {way.scaled:.1f} |"
        for way in ways
    ]
    ratios = []
    for asked in (True, False):
        ours, *others = (way for way in ways if way.asked is asked)
        for place, way in enumerate(others):
            ratio = way.scaled / ours.scaled
            same = sum(  # of the first ones
                a == b for a, b in zip(answers(way.held), answers(ours.held), strict=False)
            )
            aim = f"at least {AIM} | {'yes' if ratio >= AIM else 'no'}" if place == 0 else " | "
            ratios.append(
                f"| {way.name} / ours | {_choice(way)} | {ratio:.2f} | {aim} "
                f"| {same} of {len(way.held)} |"
            )
    seconds = f"{'CPU ' if cpu else ''}seconds"
    return "\n".join(
        [
            "## Behaviour",
            "",
            f"{config.model.label}, {config.precision.label}, greedy, {settings.max_new_tokens} tokens "
            f"an answer, {n} conversations of job=behave, with the forced choice after every answer as "
            "by default, and without it. All in one process, each once.",
            "",
            machine,
            "",
            *table(
                ["way", CHOICE, "conversations timed", seconds, f"{seconds}, scaled to all"], rows
            ),
            "",
            *table(["ratio", CHOICE, "measured", "aim", "met", "same texts"], ratios),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = parser_of("behaviour", __doc__)
    parser.add_argument("--facts", type=int, default=16, help="facts that are talked about")
    parser.add_argument("--alone", type=int, default=3, help="conversations held one by one")
    parser.add_argument("--tokens", type=int, default=60, help="token budget per answer")
    parser.add_argument("--precision", default="fp32", help="an option of conf/precision")
    parser.add_argument("--model", default="smollm2_135m", help="an option of conf/model")
    parser.add_argument("--weights", help="folder of converted weights")
    parser.add_argument("--wall", action="store_true", help="seconds of a clock instead of the CPU")
    args = options(parser, arguments, facts=1, alone=1, tokens=1)
    machine = conditions()
    words = (
        *("job=behave", f"model={args.model}", f"precision={args.precision}", "backend=hf"),
        *(f"job.behave.max_new_tokens={args.tokens}", "backend.device=cpu"),
        *([f"paths.weights={Path(args.weights).resolve()}"] if args.weights else []),
    )
    every = [fact.id for fact in Material.of_config(compose(*words, root=ROOT)).facts]
    config = compose(*words, f"job.behave.facts=[{','.join(every[: args.facts])}]", root=ROOT)
    clock = time.perf_counter if args.wall else time.process_time
    ways = measure(config, args.alone, clock)
    publish("behaviour", render(ways, config, machine, not args.wall))


if __name__ == "__main__":
    main()

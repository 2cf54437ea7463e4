"""Generation: the matched protocol against the published serial way and bare ``generate``; the ablation
against separate runs.

``python -m benchmarks.generation`` runs the embedded model: the matched protocol with all emotions, the
ablation with a few. It times everything in one process, prints the ratios and writes them to
docs/benchmarks.md. Timed are CPU seconds, so run it with OMP_NUM_THREADS=1; ``--wall`` takes a clock's,
with all threads, for a machine on which nothing else runs. What is timed on a sample and scaled says so
in the table.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks.command import ROOT, options, parser_of, publish
from benchmarks.report import conditions
from emo.config.enums import Decoding, Position
from emo.config.resolve import compose
from emo.config.schema import RunConfig, SubparamsConfig
from emo.core.conditions.replicates import MOST_DIVISIONS, replicate_agreement
from emo.generation.stories import Story
from emo.models.loading import LoadedModel
from emo.pipeline import generation as stories
from emo.pipeline.factorial import settings_of
from emo.pipeline.replicate_points import Replicated
from emo.pipeline.settings_grid import SettingGrid
from emo.pipeline.writer import StorySource
from emo.report.runs.ablation import Cost
from emo.runs.plan import Plan
from emo.stimuli.prompts import PromptSet

SERIAL, SEPARATE, AS_PUBLISHED = 5, 6, 3
"""Numbers that are timed: texts of the serial way, settings as separate runs of this project, and how
many of these settings are also run the serial way."""


@dataclass(frozen=True)
class Matched:
    """Seconds of the matched protocol's texts and readings, four ways."""

    n_texts: int
    n_nominal: int
    tokens: int
    serial: float
    ours: float
    writing: float
    bare: float


@dataclass(frozen=True)
class Factorial:
    """Seconds of the 256 settings, together and one by one."""

    cost: Cost
    writing: float
    reading: float
    comparing: float
    separate: float
    """Seconds of all settings, each with its own store, from the seconds per token of the timed ones."""
    rates: tuple[float, ...]
    """Seconds per token of each of ``SEPARATE`` settings."""
    as_published: float
    """Seconds of all settings the serial way, from the seconds per token of the timed ones."""
    published_rates: tuple[float, ...]
    """Seconds per token of each of ``AS_PUBLISHED`` settings."""


CLOCK = time.process_time
"""CPU seconds; see :mod:`benchmarks.timing`."""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result of one call."""
    start = CLOCK()
    result = work()
    return CLOCK() - start, result


def serial(loaded: LoadedModel, story: Story, sub: SubparamsConfig) -> tuple[int, torch.Tensor]:
    """The tokens of one nominal sample written as published, and the activation at its middle layer.

    The text is generated alone and read in a second full pass, at position ``mid`` or ``last``.
    """
    model: Any = loaded.model
    ids = torch.tensor([story.request.prompt])
    drawn = {"do_sample": True, "temperature": sub.temperature, "top_p": sub.top_p}
    written = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=sub.max_new_tokens,
        pad_token_id=loaded.tokenizer.pad_token_id,
        **(drawn if sub.decoding is Decoding.sampled else {"do_sample": False}),
    )
    with torch.inference_mode():
        states = model(written, output_hidden_states=True).hidden_states
    n, length = ids.shape[1], written.shape[1]
    token = n + (length - n) // 2 if sub.position is Position.mid else -1
    return length - n, states[(len(states) - 1) // 2 + 1][0, token]


def bare(loaded: LoadedModel, batch: Sequence[Story], tokens: int) -> None:
    """Write one batch with ``generate``, padded on the left as its documentation asks."""
    prompts = [s.request.prompt for s in batch]
    width = max(map(len, prompts))
    pad = loaded.tokenizer.pad_token_id
    model: Any = loaded.model
    model.generate(
        torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts]),
        attention_mask=torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts]),
        max_new_tokens=tokens,
        do_sample=False,
        pad_token_id=pad,
    )


def fresh(plan: Plan, folder: str) -> Plan:
    """The plan with an empty store in ``folder``."""
    paths = replace(plan.config.paths, store=folder)
    return replace(plan, config=replace(plan.config, paths=paths))


def measure_matched(plan: Plan, prompts: PromptSet, emotions: Sequence[str]) -> Matched:
    """Seconds of the matched protocol."""
    sub, size = plan.config.subparams, plan.config.decode_batch_size
    with tempfile.TemporaryDirectory() as folder:
        source = StorySource(fresh(plan, folder), prompts, emotions)
        loaded, planned = source.writer(), source.planned(sub).stories
        bare(loaded, planned[:size], 4)  # memory pools and threads are warm then
        by_length = sorted(planned, key=lambda s: len(s.request.prompt))
        batches = [by_length[i : i + size] for i in range(0, len(by_length), size)]
        each = [
            timed(lambda s=story: serial(loaded, s, sub))[0]
            for story in random.Random(0).sample(planned, min(SERIAL, len(planned)))
        ]
        without, _ = timed(lambda: [bare(loaded, b, sub.max_new_tokens) for b in batches])
        writing, written = timed(lambda: source.write(sub))
        reading, _ = timed(lambda: source.read([(written.texts, sub)]))
    nominal = sum(s.weight for s in planned)
    mean = sum(each) / len(each)
    return Matched(
        n_texts=len(planned),
        n_nominal=nominal,
        tokens=written.tokens,
        serial=mean * nominal,
        ours=writing + reading,
        writing=writing,
        bare=without,
    )


def measure_factorial(
    plan: Plan, prompts: PromptSet, emotions: Sequence[str], best: int
) -> Factorial:
    """All settings from shared texts, and a random sample of them alone."""
    settings, ablate = settings_of(plan.config), plan.config.job.ablate
    points = [Replicated.of(sub, prompts, max(ablate.samples)) for sub in settings]
    with tempfile.TemporaryDirectory() as folder:
        source = StorySource(fresh(plan, folder), prompts, emotions)
        source.writer()
        shared = SettingGrid(source, best, max(ablate.tokens), max(ablate.samples))
        writing, made = timed(lambda: shared.write(settings))
        reading, (sets, cost) = timed(lambda: shared.evaluate(settings))
        by = dict(zip(settings, sets, strict=True))
        data = [p.point(by) for p in points]
        comparing, _ = timed(
            lambda: replicate_agreement(data[0].items, data, MOST_DIVISIONS, plan.config.seed)
        )
    alone: list[tuple[float, int]] = []
    drawn = random.Random(0).sample(settings, SEPARATE)
    for sub in drawn:
        with tempfile.TemporaryDirectory() as folder:
            source = StorySource(fresh(plan, folder), prompts, emotions)
            source.writer()
            alone.append(timed(lambda src=source, sub=sub: single(src, sub)))
    cost = replace(cost, texts_written=sum(w.done for w in made))
    source = StorySource(plan, prompts, emotions)
    torch.manual_seed(0)  # ``generate`` draws from torch's own stream
    published = [timed(lambda sub=sub: single_serial(source, sub)) for sub in drawn[:AS_PUBLISHED]]
    separate, rates = scaled(alone, cost.tokens_separate)
    as_published, published_rates = scaled(published, cost.tokens_nominal)
    return Factorial(
        cost, writing, reading, comparing, separate, rates, as_published, published_rates
    )


def scaled(runs: Sequence[tuple[float, int]], tokens: int) -> tuple[float, tuple[float, ...]]:
    """Seconds of ``tokens`` at the rate of all runs (seconds, tokens), and the rate of each run.

    Settings differ much in length, so the time is scaled by tokens and not by settings.
    """
    rate = sum(seconds for seconds, _ in runs) / sum(n for _, n in runs)
    return rate * tokens, tuple(seconds / n for seconds, n in runs)


def single(source: StorySource, sub: SubparamsConfig) -> int:
    """The number of tokens written for one setting, whose texts are written and then read."""
    written = source.write(sub)
    source.read([(written.texts, sub)])
    return written.tokens


def single_serial(source: StorySource, sub: SubparamsConfig) -> int:
    """The number of tokens written for one setting, every nominal sample alone, as published."""
    loaded = source.writer()
    return sum(
        serial(loaded, story, sub)[0]
        for story in source.planned(sub).stories
        for _ in range(story.weight)
    )


def render(
    m: Matched, f: Factorial, config: RunConfig, n_emotions: tuple[int, int], machine: str
) -> str:
    """The section as Markdown."""
    c = f.cost
    total = f.writing + f.reading + f.comparing
    rows = [
        (m.serial / m.ours, "serial / ours", 10, True),
        (m.writing / m.bare, "writing / bare `generate`", 1.15, False),
        (total / f.writing, "256 settings / writing their texts", 1.2, False),
        (f.as_published / total, "256 runs the serial way / 256 settings at once", 50, True),
        (f.separate / total, "256 separate runs of ours / 256 settings at once", 50, True),
        (c.tokens_separate / c.tokens_distinct, "tokens of separate runs / written", 50, True),
    ]
    return "\n".join(
        [
            "## Generation and its ablation",
            "",
            f"{config.model.label}, {config.precision.label}, {config.subparams.max_new_tokens} tokens "
            f"a text, written in batches of {config.decode_batch_size} and read in batches of "
            f"{config.batch_size}. The matched protocol with {n_emotions[0]} emotions and ten neutral "
            f"stories; the ablation with {n_emotions[1]}, "
            f"job.ablate.tokens={config.job.ablate.tokens} and "
            f"job.ablate.samples={config.job.ablate.samples}. All in one process, each once.",
            "",
            machine,
            "",
            f"| what | texts | {'CPU ' if CLOCK is time.process_time else ''}seconds |",
            "|---|---|---|",
            f"| published serial way: every nominal sample alone, then a second full pass; "
            f"**{SERIAL} timed, scaled to {m.n_nominal}** | {m.n_nominal} | {m.serial:.1f} |",
            f"| ours: distinct texts in batches, one reading pass each | {m.n_texts} | {m.ours:.1f} |",
            f"| of these, writing ({m.tokens} tokens) | {m.n_texts} | {m.writing:.1f} |",
            f"| bare `generate`, the same texts in the same batch size | {m.n_texts} | {m.bare:.1f} |",
            f"| 256 settings: writing | {c.texts_written} | {f.writing:.1f} |",
            f"| 256 settings: reading ({c.forward_passes} passes) | {c.texts_written} "
            f"| {f.reading:.1f} |",
            f"| 256 settings: comparing with {config.resampling.n_bootstrap} bootstraps | "
            f"| {f.comparing:.1f} |",
            f"| 256 separate runs of ours, writing and reading only; **{SEPARATE} random ones timed "
            f"({spread(f.rates)}), scaled by their tokens** | | {f.separate:.0f} |",
            f"| 256 separate runs the published serial way; **the first {AS_PUBLISHED} of these timed "
            f"({spread(f.published_rates)}), scaled by their tokens** | | {f.as_published:.0f} |",
            "",
            "| ratio | measured | aim | met |",
            "|---|---|---|---|",
            *(
                f"| {name} | {value:.2f} | {'at least' if least else 'at most'} {aim:g} "
                f"| {'yes' if (value >= aim) is least or value == aim else 'no'} |"
                for value, name, aim, least in rows
            ),
            "",
            f"Tokens: {c.tokens_distinct} written for all 256 settings; {c.tokens_separate} by runs of "
            f"ours that share nothing (greedy repeats counted once there, too); {c.tokens_nominal} "
            "the serial way, which writes repeats again.",
        ]
    )


def spread(rates: Sequence[float]) -> str:
    """The smallest and the largest time per token, in words."""
    return f"{1000 * min(rates):.1f} to {1000 * max(rates):.1f} ms per token"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = parser_of("generation", __doc__)
    parser.add_argument(
        "--emotions", type=int, default=4, help="emotions of the ablation, at least 3"
    )
    parser.add_argument("--tokens", type=int, default=128, help="token budget per text")
    parser.add_argument("--precision", default="fp32", help="an option of conf/precision")
    parser.add_argument("--model", default="smollm2_135m", help="an option of conf/model")
    parser.add_argument("--wall", action="store_true", help="seconds of a clock instead of the CPU")
    args = options(parser, arguments, emotions=3, tokens=4)
    global CLOCK
    CLOCK = time.perf_counter if args.wall else time.process_time
    machine = conditions()
    config = compose(
        f"model={args.model}",
        f"precision={args.precision}",
        "method=generation",
        f"subparams.max_new_tokens={args.tokens}",
        f"job.ablate.tokens=[{args.tokens},{args.tokens * 100 // 256}]",
        "backend.device=cpu",
        root=ROOT,
    )
    plan, prompts = stories.plan_of(config)
    assert isinstance(prompts, PromptSet)  # the default ones are no topics
    emotions = [e for e in plan.stimuli.emotions if e != "neutral"]
    few = emotions[: args.emotions]
    matched = measure_matched(plan, prompts, emotions)
    factorial = measure_factorial(plan, prompts, few, best=1)
    publish("generation", render(matched, factorial, config, (len(emotions), len(few)), machine))


if __name__ == "__main__":
    main()

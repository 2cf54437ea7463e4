"""What the statistics of a cross-model study cost, and what they cost with rsatoolbox.

``python -m benchmarks.statistics`` times simulated models in one process, prints the figures and
writes them to docs/benchmarks.md. Needs rsatoolbox (``make install-dev``).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import io
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.report import conditions, write_section
from emo.core.compare.agreement import disjoint_items
from emo.core.compare.rdms import mantel_matrix
from emo.core.geometry.halves import replicate_rdms
from emo.core.geometry.item_sets import ItemSet, shared_design
from emo.core.records import Activations
from emo.core.stats.correlation import spearman_matrix
from emo.core.stats.resampling import Resampling, stream
from emo.process.progress import track

LIMIT_S = 5.0
RATIO = 20.0


@dataclass(frozen=True)
class Size:
    """Of the simulated study."""

    models: int = 12
    emotions: int = 21
    situations: int = 24
    hidden: int = 2048
    permutations: int = 10_000
    replicates: int = 2000


@dataclass(frozen=True)
class Timed:
    """One thing, run in every round; ``scale`` where only a part of it is timed."""

    name: str
    run: Callable[[], object]
    scale: float = 1.0
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds of the whole."""
        return self.scale * statistics.median(self.seconds)


def simulated(size: Size) -> list[Activations]:
    """Models with a geometry and passages in common, and noise of their own."""
    rng = stream(0, "benchmark")
    emotions = np.tile(np.arange(size.emotions), size.situations)
    groups = np.repeat(np.arange(size.situations), size.emotions)
    shared = rng.normal(size=(size.emotions, size.hidden))[emotions]
    passage = rng.normal(size=(len(emotions), size.hidden))
    return [
        Activations(
            values=(shared + passage + rng.normal(size=passage.shape))[None].astype(np.float32),
            item_ids=tuple(map(str, range(len(emotions)))),
            emotions=tuple(f"e{e}" for e in emotions),
            situations=tuple(f"s{g}" for g in groups),
            neutral=np.zeros((1, 0, size.hidden), np.float32),
            position="last",
        )
        for _ in range(size.models)
    ]


def ours(data: Sequence[Activations], size: Size) -> list[Timed]:
    """From item activations to all pairs."""
    sets = [ItemSet.make(a, 0) for a in data]
    names = sets[0].emotions
    rdms = np.stack([s.rdm(names) for s in sets])
    draws = Resampling(n_bootstrap=size.replicates)

    def bootstrap() -> object:
        fresh = [ItemSet.make(a, 0) for a in data]
        drawn = replicate_rdms(fresh, shared_design(fresh), names, draws, "bootstrap")
        return spearman_matrix(drawn, drawn)

    halves = Resampling()
    return [
        Timed(
            f"Mantel tests, {size.permutations} permutations",
            lambda: mantel_matrix(rdms, size.permutations, stream(0, "mantel")),
        ),
        Timed(f"bootstrap over situations, {size.replicates} replicates", bootstrap),
        Timed(
            f"same and disjoint halves, {halves.n_splits} divisions and {halves.n_bootstrap} x "
            f"{halves.splits_per_replicate} for intervals",
            lambda: disjoint_items(sets, halves),
        ),
    ]


def theirs(data: Sequence[Activations], size: Size, patterns: int, items: int) -> list[Timed]:
    """rsatoolbox's own bootstrap of finished RDMs, and the item bootstrap made of its parts."""
    os.environ.setdefault("MPLBACKEND", "agg")
    # Any: its annotations contradict what its own examples do.
    rsatoolbox: Any = importlib.import_module("rsatoolbox")
    inference: Any = importlib.import_module("rsatoolbox.inference")

    sets = [ItemSet.make(a, 0) for a in data]
    rdms = rsatoolbox.rdm.RDMs(np.stack([1 - s.rdm(sets[0].emotions) for s in sets]))
    models = [rsatoolbox.model.ModelFixed(f"m{i}", rdms[i]) for i in range(size.models)]
    rng = stream(0, "theirs")
    groups = np.array(data[0].situations)
    members = {g: np.flatnonzero(groups == g) for g in dict.fromkeys(data[0].situations or ())}

    def pattern() -> object:
        with contextlib.redirect_stderr(io.StringIO()):
            return inference.eval_bootstrap_pattern(
                models, rdms, method="spearman", N=patterns, boot_noise_ceil=False
            )

    def item() -> None:
        for _ in range(items):
            drawn = rng.choice(list(members), size=len(members))
            rows = np.concatenate([members[g] for g in drawn])
            labels = {"emotion": [data[0].emotions[r] for r in rows]}
            made = [
                rsatoolbox.data.Dataset(a.values[0][rows], obs_descriptors=labels) for a in data
            ]
            each = rsatoolbox.rdm.calc_rdm(made, method="correlation", descriptor="emotion")
            rsatoolbox.rdm.compare_spearman(each, each)

    n = size.replicates
    return [
        Timed(
            f"rsatoolbox, eval_bootstrap_pattern of finished RDMs (draws emotions), {n} replicates; "
            f"**{patterns} timed, scaled**",
            pattern,
            n / patterns,
        ),
        Timed(
            f"rsatoolbox, the same bootstrap over situations from its Dataset, calc_rdm and "
            f"compare_spearman, {n} replicates; **{items} timed, scaled**",
            item,
            n / items,
        ),
    ]


def measure(things: Sequence[Timed], rounds: int) -> None:
    """All in turn, several times; once before, so that memory and caches are warm."""
    things[0].run()
    for _ in track(range(rounds), "rounds"):
        for thing in things:
            start = time.perf_counter()
            thing.run()
            thing.seconds.append(time.perf_counter() - start)


def render(mine: Sequence[Timed], others: Sequence[Timed], size: Size, machine: str) -> str:
    """The section as Markdown."""
    rows = [
        f"| {t.name} | {t.median:.2f} | {t.scale * min(t.seconds):.2f} to "
        f"{t.scale * max(t.seconds):.2f} |"
        for t in (*mine, *others)
    ]
    total, bootstrap = mine[0].median + mine[1].median, mine[1].median
    finished, items = (t.median / bootstrap for t in others)
    return "\n".join(
        [
            "## Statistics of a cross-model study",
            "",
            f"{size.models} simulated models of width {size.hidden} that read {size.situations} "
            f"situations x {size.emotions} emotions; all pairs of models. Medians of "
            f"{len(mine[0].seconds)} rounds in one process, one thread, everything in turn. rsatoolbox "
            f"{importlib.metadata.version('rsatoolbox')}; its own bootstrap starts from finished "
            "RDMs, a smaller job than ours from the items' activations: its ratio has no aim.",
            "",
            machine,
            "",
            "| what | seconds | min to max |",
            "|---|---|---|",
            *rows,
            "",
            "| figure | measured | aim | met |",
            "|---|---|---|---|",
            f"| Mantel tests and bootstrap, seconds | {total:.2f} | at most {LIMIT_S:.0f} | "
            f"{'yes' if total <= LIMIT_S else 'no'} |",
            f"| rsatoolbox, the same bootstrap over situations / ours | {items:.1f} | at least "
            f"{RATIO:.0f} | {'yes' if items >= RATIO else 'no'} |",
            f"| rsatoolbox, bootstrap of finished RDMs / ours of items | {finished:.1f} | | |",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="times everything is run")
    args = parser.parse_args(arguments)
    if args.rounds < 1:
        parser.error(f"--rounds={args.rounds}: allowed is at least 1")
    machine, size = conditions(), Size()
    data = simulated(size)
    mine, others = ours(data, size), theirs(data, size, patterns=40, items=10)
    with threadpool_limits(1):
        measure([*mine, *others], args.rounds)
    text = render(mine, others, size, machine)
    print(text)
    write_section("statistics", text)


if __name__ == "__main__":
    main()

"""The cost of the statistics of a cross-model study, here and with rsatoolbox.

``python -m benchmarks.statistics`` times simulated models in one process, prints the figures and
writes them to docs/benchmarks.md. Needs rsatoolbox (``make install-dev``).
"""

from __future__ import annotations

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

from benchmarks.command import options, parser_of, publish, table
from benchmarks.report import conditions
from benchmarks.timing import in_turn
from emo.core.compare.agreement import disjoint_items
from emo.core.compare.rdms import mantel_matrix
from emo.core.geometry.halves import replicate_rdms
from emo.core.geometry.item_sets import ItemSet, shared_design
from emo.core.records import Activations
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.resampling import Resampling, stream

LIMIT_S = 5.0
RATIO = 20.0


@dataclass(frozen=True)
class Size:
    """The size of the simulated study."""

    models: int = 12
    emotions: int = 21
    situations: int = 24
    hidden: int = 2048
    permutations: int = 10_000
    replicates: int = 2000


@dataclass(frozen=True)
class Timed:
    """One computation, run in every round; ``scale`` is above 1 if only a part of it is timed."""

    name: str
    run: Callable[[], object]
    scale: float = 1.0
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds of the whole computation."""
        return self.scale * statistics.median(self.seconds)


def simulated(size: Size) -> list[Activations]:
    """Models that share a geometry and the passages; each has its own noise."""
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
    """The computations of this project, from activations per item to all pairs of models."""
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
    """The computations of rsatoolbox: its bootstrap of finished RDMs, and one of items."""
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
    """Run all computations in turn; the first one runs once before, to warm memory and caches."""

    def timed(thing: Timed) -> None:
        start = time.perf_counter()
        thing.run()
        thing.seconds.append(time.perf_counter() - start)

    things[0].run()
    in_turn([lambda _, thing=thing: timed(thing) for thing in things], rounds)


def render(here: Sequence[Timed], others: Sequence[Timed], size: Size, machine: str) -> str:
    """The section as Markdown."""
    rows = [
        f"| {t.name} | {t.median:.2f} | {t.scale * min(t.seconds):.2f} to "
        f"{t.scale * max(t.seconds):.2f} |"
        for t in (*here, *others)
    ]
    total, bootstrap = here[0].median + here[1].median, here[1].median
    finished, items = (t.median / bootstrap for t in others)
    return "\n".join(
        [
            "## Statistics of a cross-model study",
            "",
            f"{size.models} simulated models of width {size.hidden} that read {size.situations} "
            f"situations x {size.emotions} emotions; all pairs of models. Medians of "
            f"{len(here[0].seconds)} rounds in one process, one thread, everything in turn. rsatoolbox "
            f"{importlib.metadata.version('rsatoolbox')}; its own bootstrap starts from finished "
            "RDMs, a smaller job than ours from the items' activations: its ratio has no aim.",
            "",
            machine,
            "",
            *table(("what", "seconds", "min to max"), rows),
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
    parser = parser_of("statistics", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of everything")
    args = options(parser, arguments, rounds=1)
    machine, size = conditions(), Size()
    data = simulated(size)
    here, others = ours(data, size), theirs(data, size, patterns=40, items=10)
    with threadpool_limits(1):
        measure([*here, *others], args.rounds)
    publish("statistics", render(here, others, size, machine))


if __name__ == "__main__":
    main()

"""How time and memory grow with the size of a study.

``python -m benchmarks.scaling`` measures, each size in a process of its own: passages read and described
with a tiny model, layers, emotions, bootstrap draws, and models in a summary's comparison. It prints the
exponent of each growth (the slope of log time over log size, from the two largest sizes) and writes a
table to docs/benchmarks.md. ``--large`` adds 100,000 passages; ``--only models`` measures one series.
"""

from __future__ import annotations

import math
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.command import ROOT, options, parser_of, publish, table
from benchmarks.report import conditions
from emo.core.compare.cross_model import ModelRun, universality
from emo.core.compare.depth import Depth
from emo.core.geometry.comprehension import describe
from emo.core.geometry.item_sets import Recipe
from emo.core.records import Activations, Descriptors
from emo.core.stats.resampling import Resampling, stream
from emo.process.memory import keep_freed_memory

LIMIT_S = 120.0
"""Aim for the comparison of 60 models of 171 emotions."""
MIB = 1 << 20
HIDDEN = 32
SITUATIONS = 4
FEW = Resampling(n_splits=20, n_bootstrap=20, splits_per_replicate=2, n_permutations=20)
"""Draws of the series in which something else grows."""


@dataclass(frozen=True)
class Size:
    """The size of one measurement; each series changes one of these."""

    models: int = 1
    emotions: int = 21
    passages: int = 504
    layers: int = 4
    draws: Resampling = FEW


@dataclass(frozen=True)
class Used:
    """What one measurement took."""

    size: int
    seconds: float
    """CPU seconds of the process, without imports and without making the input."""
    mib: float
    """Peak resident memory above that before."""


def planted(size: Size, model: int = 0) -> Activations:
    """Activations with an emotion geometry that all models share, of crossed passages."""
    rng = stream(0, "scaling", model)
    shared = stream(0, "scaling")
    each = max(2, size.passages // size.emotions)
    vectors = shared.normal(size=(size.emotions, HIDDEN)).astype(np.float32)
    emotion = np.tile(np.arange(size.emotions), each)
    situation = np.repeat(np.arange(each), size.emotions)
    noise = rng.normal(size=(size.layers, len(emotion), HIDDEN)).astype(np.float32)
    return Activations(
        values=vectors[emotion] + noise,
        item_ids=tuple(f"{s}_{e}" for s, e in zip(situation, emotion, strict=True)),
        emotions=tuple(f"e{e:03}" for e in emotion),
        situations=tuple(f"s{s}" for s in situation),
        neutral=rng.normal(size=(size.layers, 20, HIDDEN)).astype(np.float32),
        position="last",
    )


def described(activations: Activations, draws: Resampling) -> Descriptors:
    """The descriptors of a run."""
    return describe(activations, draws)[1]


def model_run(size: Size, model: int) -> ModelRun:
    """One model as a summary reads it; its descriptors rest on few draws, which no comparison sees."""
    whole = planted(size, model)
    least = Resampling(n_splits=2, n_bootstrap=2, splits_per_replicate=1, n_permutations=0)
    descriptors = described(whole, least)
    layer = size.layers // 2
    rules = {"published": descriptors.best_layer, "middle": layer}
    one = slice(layer, layer + 1)
    return ModelRun(
        name=f"m{model}",
        run_id=f"{model:032x}",
        model_id=f"org/m{model}",
        family=f"Family{model % 6}",
        variant="base" if model % 2 else "instruct",
        precision="fp32",
        size_b=1.0 + model // 12,
        activations=Activations(
            whole.values[one], whole.item_ids, whole.emotions, whole.situations,
            whole.neutral[one], whole.position,
        ),
        layer=layer,
        descriptors=descriptors,
        recipe=Recipe(),
        depth=Depth.make(whole, rules, Recipe(), "none", size.draws),
    )  # fmt: skip


def compare(size: Size) -> Callable[[], object]:
    """The comparison of many models with the numbers of draws that a summary has by default."""
    models = [model_run(size, i) for i in range(size.models)]
    keep_freed_memory()  # as job=summarize does
    return lambda: universality(models, size.draws, 2000, 10_000)


def describe_one(size: Size) -> Callable[[], object]:
    """The descriptors of one model's activations."""
    activations = planted(size)
    return lambda: described(activations, size.draws)


def read_and_log(size: Size, folder: Path) -> Callable[[], object]:
    """A whole extraction with the tiny model: reading, describing, logging."""
    from benchmarks.large_sets import extract

    few = (
        "resampling.n_splits=20",
        "resampling.n_bootstrap=20",
        "resampling.splits_per_replicate=2",
        "resampling.n_permutations=20",
    )
    return lambda: extract(folder / f"of-{size.passages}", size.passages, False, few)


@dataclass(frozen=True)
class Series:
    """One quantity that grows."""

    name: str
    what: str
    work: Callable[[Size], Callable[[], object]]
    sizes: tuple[tuple[int, Size], ...]


def all_series(folder: Path, large: bool) -> list[Series]:
    """Every series, the quick ones first."""
    many = (100, 1_000, 10_000, *((100_000,) if large else ()))
    default = Resampling()
    emotions = [(n, Size(emotions=n, passages=n * 8)) for n in (21, 42, 84, 171)]
    bootstraps = [(n, Size(draws=Resampling(n_bootstrap=n))) for n in (50, 200, 800)]
    of_21 = [(n, Size(models=n, draws=default)) for n in (2, 8, 30, 60)]
    of_171 = [
        (n, Size(models=n, emotions=171, passages=171 * SITUATIONS, draws=default))
        for n in (2, 8, 30, 60)
    ]
    read = partial(read_and_log, folder=folder)
    return [
        Series("layers", "descriptors of a run", describe_one, tuple(
            (n, Size(layers=n)) for n in (4, 16, 64))),
        Series("emotions", "descriptors of a run, 8 passages each", describe_one, tuple(emotions)),
        Series("bootstrap draws", "descriptors of a run", describe_one, tuple(bootstraps)),
        Series("models", "a summary's comparison of models, 21 emotions", compare, tuple(of_21)),
        Series("models, 171 emotions", "the same", compare, tuple(of_171)),
        Series("passages", "a whole extraction with a tiny model", read, tuple(
            (n, Size(passages=n)) for n in many)),
    ]  # fmt: skip


def measure(series: Series, place: int) -> Used:
    """Make the input of one size, and measure the work on it in this process."""
    number, size = series.sizes[place]
    run = series.work(size)
    before = _peak()
    start = time.process_time()
    run()
    return Used(number, time.process_time() - start, max(0.0, _peak() - before))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


def in_processes(series: Series) -> list[Used]:
    """Every size of a series, each in a fresh process, so that none inherits another's memory."""
    out = []
    for place in range(len(series.sizes)):
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            out.append(pool.submit(measure, series, place).result())
    return out


def exponent(small: Used, large: Used) -> float:
    """Slope of log time over log size between two measurements.

    Example
    -------
    >>> exponent(Used(10, 1.0, 0), Used(100, 100.0, 0))
    2.0
    """
    ratio = max(large.seconds, 1e-9) / max(small.seconds, 1e-9)
    return math.log(ratio) / math.log(large.size / small.size)


def row(series: Series, used: Sequence[Used]) -> str:
    """A series as a row of the table: each size with its seconds and memory, then the exponent."""
    cells = "; ".join(f"{u.size:,}: {u.seconds:.1f} s, {u.mib:.0f} MiB" for u in used)
    last = f"{exponent(*used[-2:]):.2f}" if len(used) > 1 else "-"
    return f"| {series.name} | {series.what} | {cells} | {last} |"


def section(rows: Sequence[str], machine: str) -> str:
    """The section of docs/benchmarks.md."""
    return "\n".join(
        [
            "## How cost grows",
            "",
            "`python -m benchmarks.scaling`: CPU seconds of the work alone and peak memory above that "
            "of its input, each size in a process of its own. The exponent is the slope of log time "
            "over log size between the two largest sizes: 1 grows with the size, 2 with its square. "
            "Pairs of models are compared with each other, and RDMs have pairs of emotions, so 2 is due "
            "there. From 60 million entries of RDMs in one computation on, fewer draws are made "
            "(`emo/core/stats/effort.py`), and the exponent falls. "
            f"Aim: 60 models of 171 emotions in {LIMIT_S:.0f} s.",
            "",
            machine,
            "",
            *table(("what grows", "work", "size: CPU seconds, peak memory", "exponent"), rows),
        ]
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = parser_of("scaling", __doc__)
    parser.add_argument("--large", action="store_true", help="add 100,000 passages")
    parser.add_argument("--only", help="the series whose names begin so; nothing is written then")
    parser.add_argument("--most", type=int, default=10**9, help="the largest size that is measured")
    args = options(parser, arguments, most=1)
    machine = conditions()
    with tempfile.TemporaryDirectory(dir=ROOT if args.large else None) as folder:
        rows = []
        for series in all_series(Path(folder), args.large):
            if args.only and not series.name.startswith(args.only):
                continue
            sizes = tuple(s for s in series.sizes if s[0] <= args.most)
            kept = Series(series.name, series.what, series.work, sizes)
            rows.append(row(kept, in_processes(kept)))
            print(rows[-1], flush=True)
    if args.only or args.most < 10**9:
        return
    publish("scaling", section(rows, machine))


if __name__ == "__main__":
    main()

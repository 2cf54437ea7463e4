"""Memory and time of an extraction by the number of passages.

``python -m benchmarks.large_sets`` extracts sets of short passages that a program makes, each in a
process of its own, with the tiny model and the default resampling, and writes a table to
docs/benchmarks.md. It takes many minutes.
"""

from __future__ import annotations

import csv
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.command import ROOT, options, parser_of, publish, table
from benchmarks.report import machine
from emo.config.resolve import compose
from emo.core.stats.resampling import stream
from emo.pipeline.extraction import ensure_extraction

EMOTIONS = (
    "afraid",
    "angry",
    "calm",
    "content",
    "curious",
    "excited",
    "happy",
    "proud",
    "sad",
    "shy",
)
WORDS = "a cat door rain letter street morning quiet went came saw left stood long small old table light"
WARM = 200
"""Passages of the extraction that comes first: imports, model and tables are in memory after it."""
IN_A_CELL = 10
"""Passages of one emotion in one situation, in a set that names situations."""
SIZES = (2_000, 10_000, 50_000)
KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Used:
    """What the extraction of one set took."""

    passages: int
    situations: bool
    above: int
    """Bytes of peak resident memory above the peak of the extraction that came first."""
    seconds: float
    """CPU seconds."""


def write_passages(path: Path, n: int, situations: bool) -> None:
    """Write a CSV file of ``n`` different passages of twelve words, row by row."""
    rng, words = stream(0, "passages", n), WORDS.split()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "passage_id", "text", *["situation"] * situations])
        for i in range(n):
            text = f"{' '.join(rng.choice(words, 12))} {i}."
            place = [f"s{i // (len(EMOTIONS) * IN_A_CELL)}"] * situations
            writer.writerow([EMOTIONS[i % len(EMOTIONS)], f"p{i}", text, *place])


def extract(folder: Path, n: int, situations: bool, overrides: Sequence[str]) -> None:
    """Extract a set of ``n`` passages into a folder of its own."""
    folder.mkdir()
    write_passages(folder / "passages.csv", n, situations)
    config = compose(
        "model=tiny",
        "backend.device=cpu",
        f"stimuli.path={folder}/passages.csv",
        f"paths.store={folder}/store",
        f"tracking.uri=sqlite:///{folder}/runs.db",
        *overrides,
        root=ROOT,
    )
    ensure_extraction(config)


def measure(n: int, situations: bool, overrides: Sequence[str] = ()) -> Used:
    """What a set takes in this process, after a small one."""
    with tempfile.TemporaryDirectory() as place:
        extract(Path(place) / "warm", WARM, situations, overrides)
        before, start = peak_bytes(), time.process_time()
        extract(Path(place) / "set", n, situations, overrides)
        return Used(n, situations, peak_bytes() - before, time.process_time() - start)


def peak_bytes() -> int:
    """Peak resident bytes of this process so far; pages of mapped files count, too."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB  # macOS counts bytes


def in_own_process(n: int, situations: bool, overrides: Sequence[str]) -> Used:
    """:func:`measure`, where nothing that ran before counts."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, n, situations, tuple(overrides)).result()


def render(rows: Sequence[Used], overrides: Sequence[str]) -> str:
    """The section as Markdown."""
    with_what = f" and {' '.join(overrides)}" if overrides else " and the default resampling"
    cells = [
        f"| {u.passages:,} | {'yes' if u.situations else 'no'} | {u.above / MIB:.0f} "
        f"| {u.above / u.passages / KIB:.1f} | {u.seconds:.0f} |"
        for u in rows
    ]
    return "\n".join(
        [
            "## Large sets",
            "",
            "`job=extract` with `model=tiny`" + with_what + ", one process per row: passages of "
            f"thirteen words of {len(EMOTIONS)} emotions; with situations, {IN_A_CELL} passages of "
            "each emotion in each. Memory is the peak above that of an extraction of "
            f"{WARM} passages before, in the same process; seconds are CPU seconds of one thread.",
            "",
            machine(),
            "",
            *table(
                ("passages", "situations", "peak above, MiB", "KiB per passage", "CPU seconds"),
                cells,
            ),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write the section."""
    parser = parser_of("large_sets", __doc__)
    parser.add_argument("--passages", type=int, nargs="+", default=SIZES, help="sizes of the sets")
    parser.add_argument("--situations", action="store_true", help="only sets with situations")
    parser.add_argument("overrides", nargs="*", help="settings such as resampling.n_bootstrap=20")
    args = options(parser, arguments)
    if min(args.passages) < WARM:
        parser.error(f"--passages: allowed is at least {WARM} each")
    kinds = (True,) if args.situations else (False, True)
    rows = [
        in_own_process(n, situations, args.overrides) for situations in kinds for n in args.passages
    ]
    publish("large_sets", render(rows, args.overrides))


if __name__ == "__main__":
    main()

"""How often each sentence of a summary is right: planted worlds whose truth is known.

``python -m benchmarks.truth`` simulates every world, prints the table and writes it to docs/truth.md.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.command import ROOT, options, parser_of, table
from benchmarks.planted_studies import Study
from benchmarks.report import write_section
from benchmarks.worlds import WORLDS, World

PAGE = ROOT / "docs" / "truth.md"
STUDIES = 60
AIM_WRONG = 0.05
"""A statement may be wrong in this share of the studies of a world."""


@dataclass(frozen=True)
class Row:
    """One statement in one world."""

    world: str
    truth: str
    reliability: float
    statement: str
    made: float
    """Share of the studies in which the statement is made."""
    wrong: float
    """Share in which it is made and is not true."""
    before: str
    """The same before the rules were changed; empty where it was not measured."""


def rows(world: World, n_studies: int) -> list[Row]:
    """Every statement of a world over ``n_studies`` simulated studies."""
    studies = [world.study(np.random.default_rng([k, 29])) for k in range(n_studies)]
    reliability = float(np.mean([s.reliability for s in studies]))
    names = dict.fromkeys(name for s in studies for name in s.statements)
    return [
        Row(
            world=world.name,
            truth=world.truth,
            reliability=reliability,
            statement=name,
            made=_share(studies, name, 0),
            wrong=_share(studies, name, 1),
            before=world.before.get(name, ""),
        )
        for name in names
    ]


def _share(studies: Sequence[Study], name: str, part: int) -> float:
    return float(np.mean([s.statements.get(name, (False, False))[part] for s in studies]))


def text(found: Sequence[Row], n_studies: int) -> str:
    """The section of the page."""
    worst = max(r.wrong for r in found)
    over = [r for r in found if r.wrong > AIM_WRONG]
    lines = [
        f"{len({r.world for r in found})} worlds, {n_studies} simulated studies each. Made: the share "
        "of studies in which the statement is made. Wrong: the share in which it is made and is not "
        "true. Before: the same under the rules of the version before, where it was measured.",
        "",
        f"Statements that are wrong in more than {AIM_WRONG:.0%} of the studies of a world: "
        f"{len(over)} of {len(found)}; the largest share is {worst:.2f}.",
        "",
        *table(
            ("world", "truth", "reliability", "statement", "made", "wrong", "before"),
            [
                f"| {r.world} | {r.truth} | {r.reliability:.2f} | {r.statement} | {r.made:.2f} | "
                f"{r.wrong:.2f} | {r.before} |"
                for r in found
            ],
        ),
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate all worlds, or those whose name holds a word."""
    parser = parser_of("truth", __doc__)
    parser.add_argument("--studies", type=int, default=STUDIES, help="simulated studies per world")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("-k", default="", help="only worlds with this word; nothing is written")
    args = options(parser, arguments, studies=1, processes=1)
    worlds = [w for w in WORLDS if args.k in w.name]
    with ProcessPoolExecutor(args.processes) as pool:
        each = pool.map(rows, worlds, [args.studies] * len(worlds))
        found = [row for world in each for row in world]
    section = text(found, args.studies)
    print(section)
    if not args.k:
        write_section("truth", section, Path(PAGE))


if __name__ == "__main__":
    main()

"""How often emotion and situation geometry are told apart: planted worlds of two labels.

``python -m benchmarks.specificity`` simulates every world, prints the table and writes it to
docs/specificity.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.command import ROOT, options, parser_of, table
from benchmarks.report import write_section
from emo.core.compare.leaving_out import LeavingOut, leaving_out
from emo.core.compare.specificity import Order, difference, order, specificity
from emo.core.geometry.item_sets import ItemSet
from emo.core.records import Activations
from emo.core.stats.resampling import Resampling

PAGE = ROOT / "docs" / "specificity.md"
STUDIES = 200
HIDDEN = 40
"""Width of the simulated models."""
PAIR = (0, 1)


@dataclass(frozen=True)
class World:
    """Two kinds of labels in the passages of one crossed set; pairs are of emotions and situations."""

    labels: tuple[int, int]
    alike: tuple[float, float]
    """Correlation of the models' vectors, entry by entry."""
    strength: tuple[float, float]
    """Size of the vectors, in units of each model's own noise in a passage."""
    directions: tuple[int, int]
    decay: float = 0.0
    """Weight of the k-th direction: k to the power of minus this."""
    missing: float = 0.0
    """Share of the cells that have no passage."""

    def __str__(self) -> str:
        more = f", weights fall by {self.decay:g}" * (self.decay > 0)
        more += f", {self.missing:.0%} of the cells missing" * (self.missing > 0)
        strength, directions = (_once(x) for x in (self.strength, self.directions))
        return f"{self.labels[0]} x {self.labels[1]}, strength {strength}, {directions} directions{more}"


def _once(pair: Sequence[float]) -> str:
    return " and ".join(f"{x:g}" for x in dict.fromkeys(pair))


WORLDS = (
    World((12, 12), (0.7, 0.7), (2, 2), (3, 3)),
    World((12, 12), (0.7, 0.7), (2, 2), (30, 30), decay=1),
    World((12, 12), (0.0, 0.0), (2, 2), (30, 30), decay=1),
    World((12, 12), (0.9, 0.9), (2, 2), (3, 3)),
    World((8, 24), (0.0, 0.0), (1, 1), (30, 30)),
    World((8, 24), (1.0, 1.0), (1, 1), (30, 30)),
    World((12, 24), (1.0, 1.0), (0.4, 2), (5, 30)),
    World((12, 24), (0.0, 0.0), (0.4, 2), (5, 30)),
    World((12, 12), (1.0, 1.0), (1, 1), (30, 30), missing=0.2),
    World((12, 12), (0.7, 0.7), (1, 1), (30, 30), missing=0.2),
    World((5, 6), (0.0, 0.0), (2, 2), (30, 30)),
    World((12, 24), (0.95, 0.3), (1, 1), (30, 30)),
)
"""In all but the last both kinds are shared alike."""


def planted(rng: np.random.Generator, world: World, n_models: int = 2) -> list[Activations]:
    """Models that hold both geometries, a part of every passage in common, and noise of their own."""
    emotion = np.tile(np.arange(world.labels[0]), world.labels[1])
    situation = np.repeat(np.arange(world.labels[1]), world.labels[0])
    if world.missing:
        kept = rng.random(len(emotion)) > world.missing
        emotion, situation = emotion[kept], situation[kept]
    which = (emotion, situation)
    vectors = [_vectors(rng, world, kind, n_models) for kind in (0, 1)]
    passage = rng.normal(size=(len(emotion), HIDDEN))
    made = []
    for model in range(n_models):
        turns = [np.linalg.qr(rng.normal(size=(HIDDEN, HIDDEN)))[0] for _ in range(3)]
        values = passage @ turns[2] + rng.normal(size=passage.shape)
        for kind in (0, 1):
            values += vectors[kind][model][which[kind]] @ turns[kind][: world.directions[kind]]
        made.append(
            Activations(
                values[None].astype(np.float32),
                tuple(map(str, range(len(emotion)))),
                tuple(f"e{e}" for e in emotion),
                tuple(f"s{s}" for s in situation),
                np.zeros((1, 0, HIDDEN), np.float32),
                "last",
            )
        )
    return made


def _vectors(rng: np.random.Generator, world: World, kind: int, n_models: int) -> list[np.ndarray]:
    """The vectors of one kind of labels in each model; the first model's are what is shared."""
    n, d, alike = world.labels[kind], world.directions[kind], world.alike[kind]
    weights = np.arange(1, d + 1.0) ** -world.decay
    weights *= np.sqrt(HIDDEN / (weights**2).sum()) * world.strength[kind]
    first = rng.normal(size=(n, d))
    others = [
        alike * first + np.sqrt(1 - alike**2) * rng.normal(size=(n, d)) for _ in range(n_models - 1)
    ]
    return [v * weights for v in (first, *others)]


def both(made: Sequence[Activations], resampling: Resampling) -> tuple[LeavingOut, LeavingOut]:
    """What is left out of the emotions, and of the situations of the same passages."""
    assert all(a.situations is not None for a in made)
    turned = [replace(a, emotions=a.situations, situations=a.emotions) for a in made]
    emotion, situation = (
        leaving_out([ItemSet.make(a, 0) for a in each], resampling) for each in (made, turned)
    )
    return emotion, situation


def shares(world: World, n_studies: int) -> tuple[float, float]:
    """Shares of the studies in which the two are told apart: by the rule, and over items alone."""
    apart = []
    for k in range(n_studies):
        made = planted(np.random.default_rng((3, k)), world)
        emotion, situation = both(made, Resampling(n_splits=25, seed=1))
        by_rule = specificity("ab", emotion, situation).difference
        items = difference(emotion.disattenuated(), situation.disattenuated())
        apart.append([order(d[PAIR]) is not Order.untold for d in (by_rule, items)])
    return tuple(np.mean(apart, axis=0).tolist())


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate all worlds and write the table."""
    parser = parser_of("specificity", __doc__)
    parser.add_argument("--studies", type=int, default=STUDIES, help="simulated studies per world")
    args = options(parser, arguments, studies=1)
    head = ("emotions x situations", "shared, emotions", "shared, situations")
    rows = []
    for world in WORLDS:
        rule, items = shares(world, args.studies)
        rows.append(f"| {world} | {world.alike[0]} | {world.alike[1]} | {rule:.3f} | {items:.3f} |")
    section = "\n".join(table((*head, "told apart", "over items alone"), rows))
    print(section)
    write_section("specificity", section, PAGE)


if __name__ == "__main__":
    main()

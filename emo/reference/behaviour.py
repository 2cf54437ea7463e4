"""What is published of the behaviour of two opposite poles, and what rereading the transcripts gives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "behaviour_pair.json"


@dataclass(frozen=True)
class CitedFlips:
    """How many of ``n`` conversations of each model come to assert the wrong answer."""

    figure: str
    of: tuple[int, int]
    n: int
    reread: bool
    """Whether it is by what the answers assert, not by the published scorer."""


@dataclass(frozen=True)
class CitedCompliance:
    """Mean compliance of each model, over the constraints that it could keep."""

    figure: str
    values: tuple[float, float]
    constraints: tuple[int, int]
    """How many these are; they are not the same ones."""


@dataclass(frozen=True)
class BehaviourPair:
    """Two models, what is published of their behaviour, and where it comes from."""

    source: str
    reread: str
    models: tuple[str, str]
    flips: tuple[CitedFlips, ...]
    compliance: tuple[CitedCompliance, ...]


@lru_cache
def behaviour_pair() -> BehaviourPair:
    """The figures, read from the file once."""
    raw = json.loads(DATA.read_text(encoding="utf-8"))
    flips = (CitedFlips(**{**f, "of": tuple(f["of"])}) for f in raw["flips"])
    compliance = (
        CitedCompliance(c["figure"], tuple(c["values"]), tuple(c["constraints"]))
        for c in raw["compliance"]
    )
    a, b = raw["models"]
    return BehaviourPair(raw["source"], raw["reread"], (a, b), tuple(flips), tuple(compliance))

"""Figures of the study that its code's outputs hold and its paper does not print."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "jeong2026_unprinted.json"


@dataclass(frozen=True)
class UnprintedFigure:
    """One figure of one model, or of two models together."""

    figure: str
    models: tuple[str, ...]
    """Ids of the models that it is of."""
    value: float
    withdrawn: bool = False
    """Whether the instrument it was measured with has been withdrawn by its author."""


@dataclass(frozen=True)
class Unprinted:
    """The figures, where they come from, and what was withdrawn."""

    source: str
    withdrawn: str
    figures: tuple[UnprintedFigure, ...]

    def about(self, models: Collection[str]) -> tuple[UnprintedFigure, ...]:
        """The figures all of whose models are among these ids."""
        return tuple(f for f in self.figures if set(f.models) <= set(models))


@lru_cache
def unprinted() -> Unprinted:
    """The figures, read from the file once."""
    raw = json.loads(DATA.read_text(encoding="utf-8"))
    figures = (UnprintedFigure(**{**f, "models": tuple(f["models"])}) for f in raw["figures"])
    return Unprinted(raw["source"], raw["withdrawn"], tuple(figures))

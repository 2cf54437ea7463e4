"""What job=axes finds of one model, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from emo.core.compare.axes import AxisFinding
from emo.core.compare.axis_statistics import Measure
from emo.core.compare.circumplex import Circumplex


@dataclass(frozen=True)
class AxesResult:
    """Findings of every rating, the plane, and what was held against what."""

    norms: str
    """Where the ratings come from."""
    licence: str
    """Of the ratings; empty for a file of the user's own."""
    emotions: tuple[str, ...]
    """Those with ratings."""
    unrated: tuple[str, ...]
    """Emotions of the passages that have none."""
    per_emotion: dict[str, Float64[np.ndarray, " emotion"]]
    """Ratings and covariates by name."""
    words_rated: float
    """Share of the words of the texts that have a rating."""
    components: int
    permutations: int
    findings: tuple[AxisFinding, ...]
    plane: Circumplex | None

    @property
    def ratings(self) -> tuple[str, ...]:
        """Names of what was rated, in their order."""
        return tuple(dict.fromkeys(f.rating for f in self.findings))

    def finding(self, rating: str, measure: Measure, fixed: bool = False) -> AxisFinding | None:
        """One finding; None if there is none, as with values held fixed that leave too few emotions."""
        same = (f for f in self.findings if (f.rating, f.measure) == (rating, measure))
        return next((f for f in same if bool(f.held) == fixed), None)

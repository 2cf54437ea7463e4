"""The record of a search over layers for an RDM of something else: valence, human ratings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float

from emo.core.stats.intervals import ALPHA


class SearchVerdict(StrEnum):
    """Whether a geometry is shown to agree with a criterion; tags and tables have these words."""

    shown = "shown"
    not_shown = "not shown"
    untold = "cannot be told"
    """So few emotions that some 1 of 20 permutations of them, or more, changes nothing."""
    absent = "not available"
    """There was nothing to search for, or no layer to search."""


@dataclass(frozen=True)
class Chosen:
    """Layers chosen by rho on one half of the situations and looked at on the other, and by chance."""

    other: float
    """Mean rho on the half that did not choose."""
    same: float
    """Mean rho on the half that chose."""
    line: float
    """95 % quantile of ``other`` where the emotions are permuted and the layers chosen anew."""
    p: float
    """(1 + permutations with at least this ``other``) / (1 + permutations)."""


@dataclass(frozen=True)
class CriterionSearch:
    """How well the best layer agrees with a criterion RDM, against the same search by chance.

    Chance permutes the emotions of the criterion, once for all layers and halves (Mantel 1967), so
    that it holds every geometry fixed, and the search over layers is part of its p.
    """

    emotions: tuple[str, ...]
    """Those that both know."""
    layer: int
    """The layer with the highest rho over all items."""
    rho: float
    """Spearman, at that layer."""
    line: float
    """95 % quantile of the highest rho of any layer under permuted emotions."""
    p: float
    """(1 + permutations whose highest rho is at least this) / (1 + permutations)."""
    lowest_p: float
    """The smallest p there can be: the share of permutations that leave the criterion as it is."""
    permutations: int
    mantel_p: Float[np.ndarray, " layer"]
    """One-sided p of every layer by itself; NaN where it has no value."""
    chance_low: Float[np.ndarray, " layer"]
    chance_high: Float[np.ndarray, " layer"]
    """``chance_low`` to ``chance_high`` holds the central 95 % of permuted emotions, layer by layer."""
    chosen: Chosen | None
    """None where the items cannot be halved."""

    @property
    def verdict(self) -> SearchVerdict:
        """By the layers that other situations chose; by the best of all where nothing can be halved."""
        if self.lowest_p > ALPHA:
            return SearchVerdict.untold
        p = self.p if self.chosen is None else self.chosen.p
        return SearchVerdict.shown if p <= ALPHA else SearchVerdict.not_shown


def verdict_of(search: CriterionSearch | None) -> SearchVerdict:
    """The verdict of a search that may not have been made."""
    return SearchVerdict.absent if search is None else search.verdict

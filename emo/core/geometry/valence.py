"""Whether a geometry knows pleasant from unpleasant emotions.

The RDM of poles holds similarities as a model's RDM holds cosines: minus the distance of two emotions'
poles, so that emotions of one pole are most alike (0) and those of opposite poles least (-2). Source:
this project's; the test is Mantel's (1967) with the search over layers inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float64

from emo.core.geometry.cells import ItemCells
from emo.core.geometry.criterion_rdm import CriterionRdm
from emo.core.records import Rdm
from emo.core.stats.resampling import stream

VALENCE = "valence"
"""Name of the curve over layers."""
PERMUTATIONS = 1000
"""Of the emotions; the smallest p is 1 / 1001."""
LEAST = 3
"""Emotions with a pole of pleasant or unpleasant, below which there is no valence."""


def no_valence(poles: Mapping[str, float]) -> str:
    """Why these emotions' poles give no valence; empty if they do.

    ``poles`` has 1 for a pleasant emotion, -1 for an unpleasant one and 0 for one that is neither.

    Example
    -------
    >>> no_valence({"calm": 1.0, "happy": 1.0, "neutral": 0.0})
    '2 emotions are pleasant and 0 unpleasant; needed are 3 and both poles'
    >>> no_valence({"calm": 1.0, "happy": 1.0, "sad": -1.0})
    ''
    """
    pleasant, unpleasant = (sum(x == pole for x in poles.values()) for pole in (1, -1))
    if pleasant and unpleasant and pleasant + unpleasant >= LEAST:
        return ""
    return (
        f"{pleasant} emotions are pleasant and {unpleasant} unpleasant; needed are {LEAST} and both "
        "poles"
    )


def pole_rdm(poles: Mapping[str, float]) -> Rdm:
    """The RDM of the poles of these emotions: minus the distance of two poles.

    Example
    -------
    >>> pole_rdm({"calm": 1.0, "happy": 1.0, "sad": -1.0}).cosines
    array([ 0., -2., -2.])
    """
    values = np.array([float(pole) for pole in poles.values()])
    i, j = np.triu_indices(len(values), 1)
    return Rdm(0 - np.abs(values[i] - values[j]), tuple(poles), 0)


def valence_criterion(
    emotions: Sequence[str], poles: Mapping[str, float], seed: int
) -> CriterionRdm | None:
    """What the RDMs of a model of these emotions are compared with; None without valence.

    Emotions without a pole are left out of the comparison, not of the model's centre.
    """
    known = {e: poles[e] for e in emotions if e in poles}
    if no_valence(known):
        return None
    return CriterionRdm.make(emotions, pole_rdm(known), PERMUTATIONS, stream(seed, VALENCE))


def everything_and_halves(
    cells: ItemCells, half: Bool[np.ndarray, "half cell"]
) -> Float64[np.ndarray, "weighting cell"]:
    """Weightings of a search: all items, then every half."""
    return np.concatenate([cells.everything, half.astype(np.float64)])

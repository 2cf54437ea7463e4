"""Whether two geometries are alike: an equivalence margin on disattenuated rho."""

from __future__ import annotations

from enum import StrEnum

from emo.core.choices import MARGIN
from emo.core.stats.intervals import Estimates


class Likeness(StrEnum):
    """What the interval of a disattenuated rho says of two geometries, or of several."""

    alike = "as alike as replicates"
    less = "less alike than replicates"
    untold = "cannot be told at this reliability"


def likeness(disattenuated: Estimates, margin: float = MARGIN) -> Likeness:
    """Alike if the whole interval is above the margin, less alike if below, else not told.

    Example
    -------
    >>> likeness(Estimates(*map(np.array, (0.9, 0.7, 1.1)))).value
    'cannot be told at this reliability'
    """
    if disattenuated.low > margin:
        return Likeness.alike
    if disattenuated.high < margin:
        return Likeness.less
    return Likeness.untold

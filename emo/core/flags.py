"""What is said beside a number that must not be taken at its face value: the flags and their bounds."""

from __future__ import annotations

from enum import StrEnum

FLAGGED_ANISOTROPY = 0.95
"""The published bound [S 2.5].

Anisotropy is of raw activations. A constant vector added to all of them takes it as near to 1 as one
likes and changes no cosine of centred emotion vectors
(:func:`emo.core.geometry.projections.constant_added`).
"""

ANISOTROPY_FLAG = f"published flag: raw anisotropy above {FLAGGED_ANISOTROPY}"
"""The words of that flag wherever it is shown."""

LOW_RELIABILITY = 0.4
"""Below this a reliability is called low; this project's choice.

As many other items would give an RDM that shares less than half of the variance of its ranks with
this one, and an agreement with another RDM can hardly be told from none or from identity.
"""


class ReliabilityFlag(StrEnum):
    """What stands in the way of comparing one geometry with another."""

    none = "ok"
    low = "reliability low"
    undeclared = "situations not declared"
    absent = "not available"


FLAG_REASONS = {
    ReliabilityFlag.none: "",
    ReliabilityFlag.low: f"below {LOW_RELIABILITY}, as many other texts would give another RDM",
    ReliabilityFlag.undeclared: (
        "topics that are told for several emotions raise it though there is no emotion"
    ),
    ReliabilityFlag.absent: "",
}
"""Why a reliability is flagged, for the line that says so."""


def anisotropy_words(flagged: bool) -> str:
    """The published flag as a tag: its words, or that it is not set."""
    return ANISOTROPY_FLAG if flagged else "not flagged"


def reliability_flag(reliability: float | None, declared: bool = True) -> ReliabilityFlag:
    """The flag of a split-half reliability; ``declared``: whether halves kept situations together.

    Example
    -------
    >>> reliability_flag(0.3).value, reliability_flag(0.9, declared=False).value
    ('reliability low', 'situations not declared')
    """
    if reliability is None:
        return ReliabilityFlag.absent
    if not declared:
        return ReliabilityFlag.undeclared
    return ReliabilityFlag.low if reliability < LOW_RELIABILITY else ReliabilityFlag.none

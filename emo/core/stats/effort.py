"""How many draws are made where a study is so large that all of them would take hours or all memory.

Intervals and means over divisions need no more draws than their own noise asks for, and RDMs of many
emotions have little of it. So the number of draws falls once the draws of one computation would hold
more than ``MOST`` numbers. Sixty models of 21 emotions are below that. This rule is the project's own.
"""

from __future__ import annotations

MOST = 60_000_000
"""Entries of RDMs in the draws of one computation, at most: 0.5 GB, and 3 seconds of ranking."""
MOST_UNSORTED = 800_000_000
"""The same where ranks are only shifted, which takes a fraction of sorting."""
LEAST_REPLICATES = 200
"""Bootstrap replicates are never fewer, for percentiles."""
LEAST_DIVISIONS = 20
"""Divisions into halves of a mean are never fewer."""
LEAST_SHARED = 4
"""Divisions in which each unit is left out are never fewer; all units share them."""


def affordable(wanted: int, entries: int, least: int, most: int = MOST) -> int:
    """The number of draws that are made: ``wanted``, or fewer where each has many entries.

    Example
    -------
    >>> affordable(2000, 12 * 210, 200)
    2000
    >>> affordable(2000, 60 * 14_535, 200)
    200
    """
    return min(wanted, max(least, most // max(entries, 1)))

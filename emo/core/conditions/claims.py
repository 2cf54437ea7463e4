"""Published numbers beside measured ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Replication(StrEnum):
    """How a measured number stands to the published one."""

    replicated = "replicated"
    within = "within interval"
    no = "not"


TOLERANCE = 0.01
"""Numbers closer than this are called the same: the study prints two to four decimals."""

RULE = (
    f"replicated: the same layer, or a difference of at most {TOLERANCE}; within interval: the "
    "published number lies in the measured 95 % interval; not: neither."
)


@dataclass(frozen=True)
class Claim:
    """One published number and its measurement."""

    topic: str
    subject: str
    published: float
    measured: float
    low: float | None = None
    high: float | None = None
    """Bounds of the measured 95 % interval; None where there is none."""
    tolerance: float = TOLERANCE
    differs: str = ""
    """What was measured otherwise than published."""

    @property
    def verdict(self) -> Replication:
        """How the two numbers stand to each other, by :data:`RULE`."""
        if abs(self.measured - self.published) <= self.tolerance:
            return Replication.replicated
        if (
            self.low is not None
            and self.high is not None
            and self.low <= self.published <= self.high
        ):
            return Replication.within
        return Replication.no

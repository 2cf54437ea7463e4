"""One malformed input: how it is made, what command meets it, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any


class May(Enum):
    """What may come of a case besides a refusal, which always may."""

    refuse = "nothing else"
    repair = "a finished result equal to that of the same command without the damage"
    leave_out = "as repair, or a result without the damaged part whose output names that part"
    finish = "any finished result: the input is odd, not wrong"
    fail = "a failed run, because only computing shows what is wrong"
    stay = "the other points of a sweep or entries of a spool are dealt with"


@dataclass(frozen=True)
class Case:
    """A command and the damage that is done before it."""

    name: str
    """Stable between versions and machines, one of a kind in its group."""
    args: tuple[str, ...]
    """Of ``launch.py``."""
    named: tuple[str, ...]
    """Of these words one stands in the error: the parameter, the file, or the run."""
    damage: Callable[[Path], object] | None = None
    """Done to the project whose root is given."""
    may: May = May.refuse
    fresh: bool = False
    """Whether the project is one in which nothing was ever run."""
    listing: bool = False
    """Whether the findings may stand below the error line, a line each: stimulus files."""
    writes: tuple[str, ...] = ()
    """Patterns of paths that a refusal may write here, besides locks."""
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    call: tuple[str, Sequence[Any]] | None = None
    """A function of :mod:`tests.fuzz.child` and its arguments, called instead of the command."""

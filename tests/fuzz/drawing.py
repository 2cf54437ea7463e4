"""Values drawn from hypothesis strategies, the same in every session."""

from __future__ import annotations

import hashlib
import random
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

T = TypeVar("T")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Any JSON value, those that Python's own parser lets through included."""

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
"""Texts of any letters, signs and control characters."""


def drawn(strategy: st.SearchStrategy[T], n: int, name: str) -> list[T]:
    """``n`` different values of a strategy; ``name`` stands for the seed."""
    found: list[T] = []

    @seed(number(name))
    @settings(
        max_examples=3 * n,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: T) -> None:
        if len(found) < n and not any(repr(value) == repr(other) for other in found):
            found.append(value)

    collect()
    return found


def chance(name: str) -> random.Random:
    """A stream of random numbers of this name."""
    return random.Random(number(name))


def number(name: str) -> int:
    """A number that a name stands for, the same on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def short(value: object) -> str:
    """A value as part of a case's name."""
    text = ascii(value) if isinstance(value, str) else ascii(repr(value))[1:-1]
    return text if len(text) <= 48 else f"{text[:36]}...{number(text) % 10**6:06d}"

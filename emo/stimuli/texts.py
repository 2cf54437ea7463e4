"""Texts for a tokenizer, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

TEXTS = 1000
"""How many texts a tokenizer is given at once: what it says of a text takes much more than its ids."""


def texts_at_a_time(texts: Sequence[str]) -> Iterator[list[str]]:
    """Texts in lists of at most ``TEXTS``."""
    return (list(texts[i : i + TEXTS]) for i in range(0, len(texts), TEXTS))

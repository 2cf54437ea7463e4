"""The glossary of the documentation, for pages that explain their words where they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "glossary.md"
"""A link to the page of the documentation, so that every word has one explanation."""


@cache
def glossary() -> Mapping[str, str]:
    """Every word with its meaning, as plain text, in the order of the page."""
    meanings = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 2 and cells[0] not in ("word", "---"):
            meanings[_plain(cells[0])] = _plain(cells[1])
    return meanings


def meaning(head: str) -> str:
    """What the heading of a column means; empty where the glossary does not have it.

    Example
    -------
    >>> meaning("disattenuated") == glossary()["disattenuated rho"]
    True
    >>> meaning("model")
    ''
    """
    words = glossary()
    first = head.split(",")[0]
    for word in (head, first, f"{head} rho", f"{first} rho", f"surviving {head}"):
        if word in words:
            return words[word]
    return ""


def _plain(markdown: str) -> str:
    """Markdown of one line without its marks."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"[`*]", "", text).replace("\\|", "|")

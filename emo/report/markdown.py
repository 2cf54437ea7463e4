"""Texts of users inside Markdown, where they stay what they are."""

from __future__ import annotations

import re

SIGNS = re.compile(r"([\\`*<>\[\]|])")
"""Begin markup or end a cell; an underscore inside a word does not."""


def fenced(text: str) -> str:
    """A block of code; its fence is longer than any row of backticks in the text."""
    fence = "`" * (max([2, *map(len, re.findall("`+", text))]) + 1)
    return f"{fence}\n{text}\n{fence}"


def table_cell(text: str) -> str:
    """A text as a table's cell."""
    return SIGNS.sub(r"\\\1", " ".join(text.splitlines()))

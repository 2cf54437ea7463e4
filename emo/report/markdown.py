"""Markdown in which the texts of users stay plain text."""

from __future__ import annotations

import re

SIGNS = re.compile(r"([\\`*<>\[\]|])")
"""Signs that start markup or end a cell; an underscore inside a word does neither."""


def fenced(text: str) -> str:
    """The text as a block of code; its fence is longer than any row of backticks in the text."""
    fence = "`" * (max([2, *map(len, re.findall("`+", text))]) + 1)
    return f"{fence}\n{text}\n{fence}"


def table_cell(text: str) -> str:
    """The text as one cell of a table."""
    return SIGNS.sub(r"\\\1", " ".join(text.splitlines()))

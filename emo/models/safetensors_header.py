"""The header of a safetensors file: the names of its tensors, and whether the file is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LENGTH = 8
"""Number of bytes that hold the length of the header, which is JSON."""
LONGEST = 100_000_000
"""Longest header that the library accepts, in bytes."""


def tensor_names(path: Path) -> list[str]:
    """The names of the tensors of an undamaged file."""
    return [name for name in _header(path) if name != "__metadata__"]


def damage(path: Path) -> str:
    """The damage of a file in a few words, "" for none; the values of tensors are not read."""
    size = path.stat().st_size
    try:
        header = _header(path)
    except ValueError as error:
        return str(error)
    try:
        ends = [entry["data_offsets"][1] for n, entry in header.items() if n != "__metadata__"]
        due = _data_start(path) + max(ends, default=0)
    except (KeyError, TypeError, IndexError):
        return "its header lacks the places of the tensors"
    if size < due:
        return f"it is cut off, {size} of {due} bytes are there"
    return f"{size - due} bytes too many" if size > due else ""


def _data_start(path: Path) -> int:
    with path.open("rb") as file:
        return LENGTH + int.from_bytes(file.read(LENGTH), "little")


def _header(path: Path) -> dict[str, Any]:
    """The header; raises ValueError with the damage."""
    start, size = _data_start(path), path.stat().st_size
    if size < LENGTH or start - LENGTH > LONGEST:
        raise ValueError("it is no safetensors file")
    if start > size:
        raise ValueError(f"it is cut off within its header, {size} of {start} bytes are there")
    with path.open("rb") as file:
        file.seek(LENGTH)
        text = file.read(start - LENGTH)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header

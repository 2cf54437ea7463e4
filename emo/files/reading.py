"""Files that this project wrote, read back; whatever is wrong in one, it is one kind of error."""

from __future__ import annotations

import csv
import functools
import json
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open

from emo.errors import DamagedFile
from emo.files.typed import typed

T = TypeVar("T")

WRONG = (
    SafetensorError,
    csv.Error,
    ValueError,  # bytes that are no UTF-8, no JSON; labels that do not fit
    TypeError,
    AttributeError,
    LookupError,
    RecursionError,
    ArithmeticError,
    struct.error,
)
"""What readers raise at content they were not made for."""


def reads(reader: Callable[[Path], T]) -> Callable[[Path], T]:
    """A function of a path that raises :class:`emo.errors.DamagedFile` at content it cannot take."""

    @functools.wraps(reader)
    def read(path: Path) -> T:
        with undamaged(path):
            return reader(path)

    return read


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """What goes wrong while a file is read, other than reading its bytes, is damage of that file.

    Raises
    ------
    DamagedFile
        Then, and if it is no ordinary file: a pipe would be waited for without end.
    OSError
        If its bytes cannot be had.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise DamagedFile(path, "it is no file")
    try:
        yield
    except WRONG as error:
        said = str(error) or type(error).__name__
        raise DamagedFile(path, " ".join(said.split())[:200]) from error


def record_of(hint: Any, path: Path, finite: bool = True) -> Any:
    """The value of type ``hint`` in a JSON file (:func:`emo.files.typed.typed`).

    ``finite=False`` takes NaN and infinities, which JSON has not.

    Raises
    ------
    DamagedFile
        If the file holds none.
    OSError
        If its bytes cannot be had.
    """
    with undamaged(path):
        text = path.read_bytes().decode()
        return typed(hint, json.loads(text, parse_constant=_no_number if finite else None))


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def tensors_of(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All tensors of a safetensors file, and the labels in its header."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()["labels"], parse_constant=_no_number)


def require_header(path: Path) -> None:
    """Ask whether a safetensors file has a header that fits its length: a part of one has none."""
    with undamaged(path), safe_open(path, framework="numpy"):
        pass

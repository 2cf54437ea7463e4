"""Files that this project wrote, read back: whatever is wrong in one raises the same error."""

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
from emo.files.plain_records import from_plain

T = TypeVar("T")

LONGEST_JSON = 2**32
"""Bytes; a larger file is not read: no record of a run comes near it."""

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
"""Errors that a reader raises when the content of a file is not what it expects."""


def reads(reader: Callable[[Path], T]) -> Callable[[Path], T]:
    """The reader of a path, changed so that it raises :class:`emo.errors.DamagedFile`.

    It raises that error at any content that it cannot read.
    """

    @functools.wraps(reader)
    def read(path: Path) -> T:
        with undamaged(path):
            return reader(path)

    return read


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """A block that reads a file: its errors become :class:`emo.errors.DamagedFile`.

    An error of the disk stays as it is.

    Raises
    ------
    DamagedFile
        If the content is wrong, or the path is no ordinary file (reading a pipe would never end).
    OSError
        If the system cannot read the file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise DamagedFile(path, "it is no file")
    try:
        yield
    except WRONG as error:
        reason = str(error) or type(error).__name__
        raise DamagedFile(path, " ".join(reason.split())[:200]) from error


def record_of(hint: Any, path: Path, *, finite: bool = True) -> Any:
    """The value of type ``hint`` in a JSON file (:func:`emo.files.plain_records.from_plain`).

    With ``finite=False`` the file may hold NaN and infinities, which JSON itself does not know.

    Raises
    ------
    DamagedFile
        If the file holds no such value.
    OSError
        If the system cannot read the file.
    """
    with undamaged(path):
        if (size := path.stat().st_size) > LONGEST_JSON:
            raise DamagedFile(path, f"{size / 2**30:.1f} GiB are no record")
        text = path.read_bytes().decode()
        return from_plain(hint, json.loads(text, parse_constant=_no_number if finite else None))


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def tensors_of(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All tensors of a safetensors file, and the labels in its header."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()["labels"], parse_constant=_no_number)


def require_header(path: Path) -> None:
    """Refuse a safetensors file whose header does not fit its length, such as a part of one."""
    with undamaged(path), safe_open(path, framework="numpy"):
        pass

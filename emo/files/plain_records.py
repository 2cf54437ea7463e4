"""Records as JSON values and back: reading checks the type of every field."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any

import numpy as np


def plain(value: Any, *, nan_as_null: bool = True) -> Any:
    """A record as JSON values: a dataclass becomes an object, a tuple or an array a list.

    A number that is not finite becomes null; with ``nan_as_null=False`` it stays, which JSON itself
    does not know.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        entries = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return plain(entries, nan_as_null=nan_as_null)
    match value:
        case Enum():
            return value.value
        case dict():
            return {str(k): plain(v, nan_as_null=nan_as_null) for k, v in value.items()}
        case list() | tuple() | np.ndarray():
            return [plain(v, nan_as_null=nan_as_null) for v in value]
        case float() | np.floating():
            return float(value) if math.isfinite(value) or not nan_as_null else None
        case np.integer() | np.bool_():
            return value.item()
        case _:
            return value


def from_plain(hint: Any, value: Any, where: str = "") -> Any:
    """The value of type ``hint`` that :func:`plain` turned into ``value``.

    Null is NaN where the type is a number. A field with a default may be missing; a field that the
    type does not have is refused.

    Raises
    ------
    ValueError
        If the value has another type; the message names the place.
    """
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return _record(hint, value, where)
    if _is_array(hint):
        return _array(hint, value, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(_one_of(tuple(member.value for member in hint), value, where))
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        (hint,) = (a for a in args if a is not type(None))
        return from_plain(hint, value, where)
    if origin is typing.Literal:
        return _one_of(args, value, where)
    if origin is tuple:
        return _tuple(args, value, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        entries = _require(value, dict, where).items()
        return {k: from_plain(args[1], v, _inside(where, k)) for k, v in entries}
    return _scalar(hint, value, where)


def _record(hint: Any, value: Any, where: str) -> Any:
    given = _require(value, dict, where)
    hints, needed = _fields(hint)
    for name in given.keys() - hints.keys():
        raise ValueError(f"{_inside(where, name)}: there is no such field")
    for name in needed:
        if name not in given:
            raise ValueError(f"{_inside(where, name)} is missing")
    return hint(**{k: from_plain(hints[k], v, _inside(where, k)) for k, v in given.items()})


@cache
def _fields(hint: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The types of a dataclass's fields, and the names of the fields without a default."""
    missing = dataclasses.MISSING
    fields = dataclasses.fields(hint)
    needed = [f.name for f in fields if f.default is missing and f.default_factory is missing]
    return typing.get_type_hints(hint), tuple(needed)


def _is_array(hint: Any) -> bool:
    return hint is np.ndarray or getattr(hint, "array_type", None) is np.ndarray


def _array(hint: Any, value: Any, where: str) -> np.ndarray:
    """One axis of numbers (null is NaN) or of truth values."""
    kind = bool if hint is not np.ndarray and "bool" in hint.dtypes else float
    entries = enumerate(_require(value, list, where))
    return np.array([from_plain(kind, v, _inside(where, i)) for i, v in entries], dtype=kind)


def _tuple(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    entries = _require(value, list, where)
    if len(args) == 2 and args[1] is ...:
        args = (args[0],) * len(entries)
    if len(args) != len(entries):
        raise ValueError(f"{_named(where)} has {len(entries)} entries, not {len(args)}")
    pairs = zip(args, entries, strict=True)
    return tuple(from_plain(hint, v, _inside(where, i)) for i, (hint, v) in enumerate(pairs))


def _one_of(allowed: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{_named(where)} is {repr(value)[:40]}, none of {', '.join(allowed)}")
    return value


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and value is None:
        return math.nan
    whole = isinstance(value, int) and not isinstance(value, bool)
    if hint is float and whole and abs(value) <= LARGEST:
        return float(value)
    if hint is int and not whole:
        raise ValueError(f"{_named(where)} is {_kind(value)}, not {KINDS[int]}")
    if hint is str and isinstance(value, str) and not value.isascii():
        value.encode()  # raises for half of a surrogate pair, which UTF-8 cannot hold
    return _require(value, hint, where)


def _require(value: Any, kind: Any, where: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{_named(where)} is {_kind(value)}, not {KINDS[kind]}")
    return value


def _kind(value: Any) -> str:
    return "null" if value is None else KINDS[type(value)]


def _named(where: str) -> str:
    return where or "the content"


def _inside(where: str, name: object) -> str:
    """The place of a field or an entry: the place of its record, a dot and its name."""
    word = str(name)
    shown = word if word.isprintable() and len(word) < 40 else repr(word)[:40]
    return f"{where}.{shown}" if where else shown


KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}
LARGEST = 2**1023
"""Largest whole number that is read as a float."""

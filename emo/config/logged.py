"""The RunConfig of a logged run, from the parameters it was logged with as text."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from emo.config.schema import RunConfig

NOT_READ = frozenset({"job", "steer", "export", "tracking", "paths", "output", "force", "root"})
"""Groups and fields that decide nothing about an extraction: settings of jobs, and places."""


def config_of(params: Mapping[str, str]) -> RunConfig:
    """The config of a run, by dotted name and text as the tracking store lists it.

    A field that the run did not log has its default: it was added later, and its default is what
    runs before it did. What is ``NOT_READ`` has its default, too.

    Raises
    ------
    ValueError
        If a value is none that its field can have.
    """
    return _group(RunConfig, params, "")


def _group(kind: Any, params: Mapping[str, str], prefix: str) -> Any:
    hints = typing.get_type_hints(kind)
    given = {}
    for field in dataclasses.fields(kind):
        if not prefix and field.name in NOT_READ:
            continue
        name, hint = f"{prefix}{field.name}", hints[field.name]
        if dataclasses.is_dataclass(hint):
            given[field.name] = _group(hint, params, f"{name}.")
        elif name in params:
            try:
                given[field.name] = _value(hint, params[name])
            except ValueError:
                raise ValueError(f"{name}={params[name]} is no value of it") from None
    return kind(**given)


def _value(hint: Any, text: str) -> Any:
    """A value of the type ``hint`` from its text."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = typing.get_args(hint)
        if text == "None" and type(None) in members:
            return None
        (hint,) = (member for member in members if member is not type(None))
    if hint is bool:
        if text not in BOOLEANS:
            raise ValueError(text)
        return BOOLEANS[text]
    return hint(text)


BOOLEANS = {"True": True, "False": False}

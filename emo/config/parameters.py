"""Names and types of all parameters of the schema, and suggestions for a wrong name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from emo.config.jobs import moved_to
from emo.config.schema import RunConfig
from emo.errors import UnknownParameter, did_you_mean

TYPES = {
    bool: "true, false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    type(None): "null",
    Any: "any value",
}


def hint_of(name: str) -> Any:
    """The type of the field with a dotted name, None if it does not exist; "" is the whole config."""
    hint: Any = RunConfig
    for part in name.split(".") if name else ():
        if get_origin(hint) is dict:
            return get_args(hint)[1] if part else None
        if not dataclasses.is_dataclass(hint):
            return None
        hint = get_type_hints(hint).get(part)
    return hint


def members(hint: Any) -> tuple[Any, ...]:
    """The types of a union; any other type alone."""
    return (hint,) if get_origin(hint) in (list, dict) else get_args(hint) or (hint,)


def takes_text(hint: Any) -> bool:
    """Whether the field can be a single text."""
    return str in members(hint)


def is_open(name: str) -> bool:
    """Whether a parameter belongs to a dictionary, where new keys are allowed; Hydra refuses them."""
    return get_origin(hint_of(name.rpartition(".")[0])) is dict


def keys_of(group: Any) -> list[str]:
    """Names of a group's fields that a user may set."""
    return [f.name for f in dataclasses.fields(group) if f.name != "root"]


@cache
def all_names() -> tuple[str, ...]:
    """The dotted names of all parameters."""

    def names(group: Any, prefix: str, add: Callable[[str], None]) -> None:
        for key, hint in get_type_hints(group).items():
            if dataclasses.is_dataclass(hint):
                names(hint, f"{prefix}{key}.", add)
            elif key != "root":
                add(f"{prefix}{key}")

    dotted: list[str] = []
    names(RunConfig, "", dotted.append)
    return tuple(dotted)


def unknown(name: str, keys: Iterable[str] | None = None) -> UnknownParameter:
    """The error about a parameter that there is not; ``keys`` are those beside it."""
    if new := moved_to(name):
        if hint_of(new[0]) is not None:
            return UnknownParameter(
                name, _beside(new[0]), f" any more: it is now {' or '.join(new)}"
            )
        name, keys = new[0], None
    keys = _beside(name) if keys is None else keys
    *groups, last = name.split(".")
    same = [known for known in all_names() if known.split(".")[-1] == last]
    here = [known for known in same if {*groups} <= {*known.split(".")}]
    near = did_you_mean(name, [*all_names(), *keys_of(RunConfig)])
    elsewhere = f" (did you mean {' or '.join((here or same)[:2])}?)" if same else ""
    return UnknownParameter(name, keys, elsewhere if here else near or elsewhere)


def is_name(name: str) -> bool:
    """Whether a parameter, a group of parameters or a setting of Hydra has this name."""
    return name == "_global_" or name.split(".")[0] == "hydra" or hint_of(name) is not None


def expected(name: str) -> str | None:
    """The values that a field allows, in words; None if it does not exist or allows every value."""
    hint = hint_of(name)
    return None if hint in (None, Any) else in_words(hint)


def options_of(hint: Any) -> list[str]:
    """The names that a choice, or a list of choices, allows; none for every other type."""
    names: list[str] = []
    for member in members(hint):
        if get_origin(member) is list:
            names += options_of(get_args(member)[0])
        elif isinstance(member, type) and issubclass(member, Enum):
            names += [option.name for option in member]
    return names


def in_words(hint: Any) -> str:
    """The values of a type, in words."""
    words = []
    for member in members(hint):
        if get_origin(member) is list:
            words.append(f"a list [a,b] of: {in_words(get_args(member)[0])}")
        elif isinstance(member, type) and issubclass(member, Enum):
            words.append(", ".join(option.name for option in member))
        elif dataclasses.is_dataclass(member):
            words.append(f"a value each of {', '.join(keys_of(member))}")
        else:
            words.append(TYPES.get(member, "a value"))
    return " or ".join(words)


def _beside(name: str) -> list[str]:
    """Names of the fields in the group of a parameter, or in the nearest group above it."""
    group = name.rpartition(".")[0]
    while not dataclasses.is_dataclass(hint_of(group)):
        group = group.rpartition(".")[0]
    return keys_of(hint_of(group))

"""A value of the wrong type, out of bounds, empty or null for every parameter of the schema.

The parameters are those of ``RunConfig``, whatever they are: a new one is tried without a word here.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from emo.config.schema import RunConfig
from tests.fuzz.case import Case
from tests.fuzz.drawing import WORDS, chance, drawn, short
from tests.fuzz.place import SMALL, Place

OWN = ("root",)
"""Not a user's to set."""
NOT_EMPTY = (
    "job.sensitivity.name",
    "job.sensitivity.storage",
    "model.id",
    "model.revision",
    "stimuli.path",
    "stimuli.neutral_path",
    "stimuli.poles",
    "subparams.prompts_path",
    "emotions.path",
    "job.steer.run",
    "job.steer.scenarios_path",
    "job.steer.judge_model",
    "job.export.run",
    "job.export.folder",
    "tracking.uri",
    "tracking.experiment",
    "paths.store",
    "paths.weights",
)
"""Paths, addresses and names: an empty one is a shell variable that is not set."""
PER_PARAMETER = 1
"""Wrong values tried of each parameter, besides null and, for ``NOT_EMPTY``, the empty one."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A leaf of the schema."""

    name: str
    type: Any
    """Without None."""
    optional: bool
    least: float | None


def parameters(cls: Any = RunConfig, prefix: str = "") -> Iterator[Parameter]:
    """All leaves of a config class, by their dotted names."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        kind, name = hints[field.name], f"{prefix}{field.name}"
        if dataclasses.is_dataclass(kind):
            yield from parameters(kind, f"{name}.")
            continue
        options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
        inner = next(option for option in options if option is not type(None))
        yield Parameter(name, inner, len(options) > 1, field.metadata.get("min"))


def cases(place: Place) -> list[Case]:
    """A drawn wrong value a parameter, null where that is not allowed, and empty ones."""
    found = []
    for parameter in parameters():
        name = parameter.name
        if name in OWN:
            continue
        strategy = wrong(parameter)
        values = [] if strategy is None else drawn(strategy, PER_PARAMETER, name)
        if not parameter.optional and parameter.type is not Any:
            values.append("null")
        if name in NOT_EMPTY:
            values.append("")
        found += [case(name, value) for value in dict.fromkeys(values)]
    return found


def case(name: str, value: str) -> Case:
    """An override beside those of a quick run, which it follows."""
    fresh = chance(name + value).random() < 0.25
    return Case(f"{name}={short(value)}", (*SMALL, f"{name}={value}"), (name,), fresh=fresh)


def wrong(parameter: Parameter) -> st.SearchStrategy[str] | None:
    """Override values that the parameter's type or minimum does not allow."""
    kind, least = parameter.type, parameter.least
    container = st.sampled_from(["[1,2]", "{a:1}", "[[x]]", "{a:{b:c}}"])
    words = WORDS.filter(lambda w: w.isalnum() and w.isascii() and w[0].isalpha()).filter(no_word)
    text = words.map(lambda w: f"x{w}")
    below = st.nothing() if least is None else st.integers(-(10**9), int(least) - 1).map(str)
    if kind is int:
        return st.one_of(text, below, st.just("2.5"), st.just("nan"), container, st.just("1e400"))
    if kind is float:
        return st.one_of(text, below, st.sampled_from(["nan", "inf", "-inf", "1e999"]), container)
    if kind is bool:
        return st.one_of(
            text, st.integers(2, 99).map(str), st.sampled_from(["-1", "0.5"]), container
        )
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        near = st.sampled_from(
            [m.value.upper() + "_" for m in kind] + [m.value + "s" for m in kind]
        )
        return st.one_of(text, near, st.integers(100, 999).map(str), container)
    if kind is str:
        return container
    if typing.get_origin(kind) is list:
        return st.one_of(
            st.sampled_from(["{a:1}", "[{a:1}]", "[[[1]]]", "[null]", "7", "[a,null]"]), text
        )
    if typing.get_origin(kind) is dict:
        return st.one_of(st.sampled_from(["[1]", "7", "[[a,1]]"]), text)
    return None  # Any: what it takes is in tests/fuzz/groups/requests.py


def no_word(text: str) -> bool:
    """Whether a text is none that YAML or Python reads as something else than a text."""
    return text.lower() not in {
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "null",
        "none",
        "nan",
        "inf",
    }

"""Overrides whose value is a text: quoted for Hydra, kept as typed, passwords out of sight."""

from __future__ import annotations

import dataclasses
import functools
import shlex
from typing import TYPE_CHECKING, Any

from emo.config.jobs import SHORT, JobConfig
from emo.config.parameters import takes_text
from emo.config.sweep_values import values_of
from emo.errors import ConfigError, EmoError, value_text
from emo.redact import holds_password, reference_to

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def quoted(key: str, value: str) -> str:
    """The override ``key=value``, quoted so that neither the shell nor Hydra changes the text."""
    return shlex.quote(text_override(key, value))


def text_override(key: str, value: str) -> str:
    """The override ``key=value``, quoted so that Hydra does not change the text."""
    from hydra.core.override_parser.types import Quote, QuotedString

    return f"{key}={QuotedString(value, Quote.double).with_quotes()}"


def free_text(text: str) -> str:
    """The override, with its value quoted as it stands if the parameter is a text of any characters.

    A value that is in quotes, as Hydra asks for elsewhere, stays as it is, and null is null.
    """
    key, equals, value = text.partition("=")
    key = SHORT.get(key.lstrip("+"), key)
    if not equals or key.lstrip("+") not in free_fields():
        return text
    mark = value[:1]
    own = mark in ("'", '"') and len(value) > 1 and value[-1] == mark and mark not in value[1:-1]
    if own or value == "null" or not value.strip():
        return f"{key}={value}"
    return text_override(key, value.replace("${", "\\${"))


@functools.cache
def free_fields() -> tuple[str, ...]:
    """Dotted names of the parameters that are texts of any characters."""
    return tuple(
        f"job.{group.name}.{field.name}"
        for group in dataclasses.fields(JobConfig)
        if dataclasses.is_dataclass(group.default_factory)
        for field in dataclasses.fields(group.default_factory)
        if field.metadata.get("free")
    )


def as_typed(key: str, hint: Any, parsed: Override, text: str) -> str:
    """The override, quoted where Hydra would read a text as a number or a truth value.

    The short commit hash 123e4 is no number, and a file may be called true.

    Raises
    ------
    ConfigError
        If the values of a sweep, or a list, cannot be read as texts.
    """
    if not takes_text(hint):
        return text
    values, raw = values_of(parsed), parsed.get_value_string()
    if all(isinstance(value, str) or value is None for value in values):
        return str(parsed.input_line)
    if parsed.is_sweep_override():
        if [str(value) for value in values] == [part.strip() for part in raw.split(",")]:
            return text
        raise ConfigError(
            key, raw, 'texts; what looks like a number stands in quotes, such as "01"'
        )
    if isinstance(values[0], (list, dict)):
        raise ConfigError(key, raw, f"a single text; in quotes it is one: {quoted(key, raw)}")
    return text_override(key, raw.strip())


def with_references(key: str, parsed: Override) -> str:
    """The override with a reference in place of each value that holds a password.

    Raises
    ------
    EmoError
        If such a value stands in a list.
    """
    values = values_of(parsed)
    if not all(isinstance(value, str) for value in values):
        raise EmoError(f"{value_text(key)}: an address with a password cannot stand in a list")
    parts = [
        f"={reference_to(value)}" if holds_password(value) else text_override("", value)
        for value in values
    ]
    return f"{key}={','.join(part[1:] for part in parts)}"

"""Overrides of a command line, each checked before Hydra reads it.

Hydra would take ``force=2`` for true, ``model.revision=123e4`` for 1230000.0 and ``~seed`` for a seed of
its own choice, and its error messages have several lines.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from emo.config.groups import Groups
from emo.config.hydra_settings import checked_setting
from emo.config.jobs import KEYWORDS
from emo.config.parameters import (
    hint_of,
    in_words,
    is_open,
    keys_of,
    members,
    takes_text,
    unknown,
)
from emo.config.schema import secret_fields
from emo.config.spellings import respelt
from emo.config.sweep_values import values_of
from emo.config.text_overrides import (
    as_typed,
    free_text,
    quoted,
    text_override,
    with_references,
)
from emo.errors import ConfigError, EmoError, value_text
from emo.redact import holds_password

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

GRAMMAR = frozenset("()[]{},=:'\"\\$")
"""Characters of Hydra's own grammar."""


def checked(overrides: Iterable[str], folders: Sequence[Path], root: Path) -> list[str]:
    """The overrides in the form that Hydra reads; passwords of addresses move to the environment.

    ``folders`` hold the config groups. A relative folder of a sweep is taken from ``root``.

    Raises
    ------
    EmoError
        Naming the first override that is not allowed, and what is allowed.
    """
    groups = Groups(folders)
    return [_checked(free_text(text), groups, root) for text in overrides]


def _checked(text: str, groups: Groups, root: Path) -> str:
    text = respelt(_as_field(text), groups)
    key = text.partition("=")[0].lstrip("+~")
    if not key and text:
        raise EmoError(
            f"override {value_text(text)!r}: the name is missing: group=option or a.b=value"
        )
    parsed = _parsed(text, groups)
    if parsed.is_delete():
        if key.startswith("hydra.launcher."):
            return text
        raise EmoError(
            f"{value_text(text)}: nothing can be left out; give another value: {value_text(key)}=..."
        )
    if parsed.package is not None:
        raise EmoError(
            f"{value_text(text)}: a package cannot be chosen; give {parsed.key_or_group}=..."
        )
    if key.startswith(("hydra.", "hydra/")):
        return checked_setting(parsed, text, root)
    if key in groups:
        for value in values_of(parsed, groups):
            groups.check_option(key, value, parsed.get_value_string())
        return text.lstrip("+")
    hint = hint_of(key)
    if hint is None or key == "root":
        raise unknown(key)
    for value in values_of(parsed):
        _check_value(key, hint, value, parsed.get_value_string())
    text = as_typed(key, hint, parsed, text)
    if holds_password(text):
        text = with_references(key, parsed)
    return f"++{text.lstrip('+')}" if is_open(key) else text.lstrip("+")


def _as_field(text: str) -> str:
    """The override with the name that the schema has in place of a keyword of Python."""
    for typed, name in KEYWORDS.items():
        if text.lstrip("+").startswith(typed):
            return text.replace(typed, name, 1)
    return text


def _parsed(text: str, groups: Groups) -> Override:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    key, equals, value = text.partition("=")
    key = key.lstrip("+~")
    for words in (text, text_override(key, value)):
        try:
            return OverridesParser.create().parse_override(words)
        except Exception:  # Hydra raises many types here, and RecursionError
            if not (takes_text(hint_of(key)) and value and GRAMMAR.isdisjoint(value)):
                break  # the value may not be meant as a text
    if not equals:
        having = [f"{group}={text}" for group in groups.having(text)]
        hint = f" (did you mean {' or '.join(having)}?)" if having else ""
        raise EmoError(
            f"override {value_text(text)!r}: the value is missing{hint}: group=option or a.b=value"
        )
    if key not in groups and hint_of(key) is None and not key.startswith(("hydra.", "hydra/")):
        raise unknown(key)
    secret = key in secret_fields()
    raise EmoError(
        f"override {value_text(key)}={'...' if secret else value_text(value)}: cannot be read; "
        f"a text with any of {' '.join(sorted(GRAMMAR))} stands in quotes: "
        + quoted(key, "..." if secret else value_text(value.strip("\"'")))
    )


def _check_value(name: str, hint: Any, value: Any, raw: str) -> None:
    """Refuse a value that OmegaConf would read as another one, or refuse in several lines."""
    types = members(hint)
    if isinstance(value, str) and "${" in value:
        return
    if value == "???":
        raise ConfigError(name, value, "a value")
    if value is None and hint is not Any and type(None) not in types:
        raise ConfigError(name, "null", f"{in_words(hint)}: it is never null")
    if bool in types and value is not None and not isinstance(value, bool):
        raise ConfigError(name, raw, "true, false" + (", null" if type(None) in types else ""))
    group = next((member for member in types if dataclasses.is_dataclass(member)), None)
    if group is not None:
        if not isinstance(value, dict):
            raise ConfigError(
                name, raw, f"a value each of {', '.join(keys_of(group))}: {name}.NAME="
            )
        for key, each in value.items():
            inner = hint_of(f"{name}.{key}")
            if inner is None:
                raise unknown(f"{name}.{key}")
            _check_value(f"{name}.{key}", inner, each, str(each))
    entry = next((get_args(member)[0] for member in types if get_origin(member) is list), None)
    if entry is str and isinstance(value, list) and not all(type(v) in (str, int) for v in value):
        raise ConfigError(name, raw, "a list of single texts, such as [a,b]; a number in quotes")

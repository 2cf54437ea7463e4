"""What a user types as overrides, checked and put into words that Hydra reads as they are meant.

Hydra would take ``force=2`` for true, ``model.revision=123e4`` for 1230000.0 and ``~seed`` for a seed of
its own choice, and says what it refuses in several lines. So each override is looked at by itself first.
"""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from emo.config.parameters import (
    did_you_mean,
    hint_of,
    in_words,
    is_open,
    keys_of,
    members,
    takes_text,
    unknown,
)
from emo.config.schema import secret_fields
from emo.errors import ConfigError, EmoError, said
from emo.redact import hidden, without_password

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

MOST_POINTS = 10_000
"""Of a sweep: each is composed and checked before the first is run."""

GRAMMAR = frozenset("()[]{},=:'\"\\$")
"""Characters of Hydra's own grammar."""

HYDRA = (
    "hydra.launcher.*",
    "hydra.sweeper.max_batch_size",
    "hydra.sweeper.params.*",
    "hydra.sweep.dir",
    "hydra.run.dir",
    "hydra.mode",
    "hydra.verbose",
    "hydra.job.env_set.*",
)
"""Settings of Hydra that mean something here."""


def checked(overrides: Iterable[str], folders: Sequence[Path], root: Path) -> list[str]:
    """The overrides as Hydra is to have them; passwords in addresses are in the environment then.

    ``folders`` hold the config groups; a relative folder of a sweep is taken from ``root``.

    Raises
    ------
    EmoError
        Naming the first override that cannot be meant, and what is allowed.
    """
    groups = Groups(folders)
    return [_checked(text, groups, root) for text in overrides]


def check_size(overrides: Sequence[Override], folders: Sequence[Path]) -> None:
    """Refuse a sweep of too many points, of which the last override of each name counts.

    Raises
    ------
    EmoError
        With the number of points.
    """
    groups = Groups(folders)
    sizes = {
        o.get_key_element(): len(_values(o, groups if o.key_or_group in groups else None))
        for o in overrides
    }
    if (n := math.prod(sizes.values())) > MOST_POINTS:
        raise EmoError(f"a sweep of {n} points: allowed are at most {MOST_POINTS}")


def quoted(key: str, value: str) -> str:
    """An override of a text in words that neither the shell nor Hydra reads otherwise."""
    return shlex.quote(_text(key, value))


def _text(key: str, value: str) -> str:
    """An override of a text as Hydra reads it."""
    from hydra.core.override_parser.types import Quote, QuotedString

    return f"{key}={QuotedString(value, Quote.double).with_quotes()}"


class Groups:
    """The config groups, each with its options, as folders and files of ``conf`` are."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def __contains__(self, name: str) -> bool:
        return any((folder / name).is_dir() for folder in self._folders) and "." not in name

    def options(self, name: str) -> list[str]:
        """Names of a group's options, sorted."""
        files = {f.stem for folder in self._folders for f in (folder / name).glob("*.yaml")}
        return sorted(files)

    def having(self, option: str) -> list[str]:
        """Groups with such an option."""
        names = {p.name for folder in self._folders for p in folder.iterdir() if p.is_dir()}
        return sorted(name for name in names if option in self.options(name))


def _checked(text: str, groups: Groups, root: Path) -> str:
    key = text.partition("=")[0].lstrip("+~")
    if not key and text:
        raise EmoError(f"override {said(text)!r}: the name is missing: group=option or a.b=value")
    parsed = _parsed(text, groups)
    if parsed.is_delete():
        if key.startswith("hydra.launcher."):
            return text
        raise EmoError(
            f"{said(text)}: nothing can be left out; give another value: {said(key)}=..."
        )
    if parsed.package is not None:
        raise EmoError(f"{said(text)}: a package cannot be chosen; give {parsed.key_or_group}=...")
    if key.startswith(("hydra.", "hydra/")):
        return _hydra(parsed, text, root)
    if key in groups:
        for value in _values(parsed, groups):
            _check_option(key, value, parsed.get_value_string(), groups)
        return text.lstrip("+")
    hint = hint_of(key)
    if hint is None or key == "root":
        raise unknown(key)
    for value in _values(parsed):
        _check_value(key, hint, value, parsed.get_value_string())
    text = _as_typed(key, hint, parsed, text)
    if without_password(text) != text:
        text = _hiding(key, parsed, text)
    return f"++{text.lstrip('+')}" if is_open(key) else text.lstrip("+")


def _parsed(text: str, groups: Groups) -> Override:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    key, equals, value = text.partition("=")
    key = key.lstrip("+~")
    for words in (text, _text(key, value)):
        try:
            return OverridesParser.create().parse_override(words)
        except Exception:  # each of its kinds, and RecursionError
            if not (takes_text(hint_of(key)) and value and GRAMMAR.isdisjoint(value)):
                break  # it may be meant as something else than a text
    if not equals:
        having = [f"{group}={text}" for group in groups.having(text)]
        hint = f" (did you mean {' or '.join(having)}?)" if having else ""
        raise EmoError(
            f"override {said(text)!r}: the value is missing{hint}: group=option or a.b=value"
        )
    if key not in groups and hint_of(key) is None and not key.startswith(("hydra.", "hydra/")):
        raise unknown(key)
    shown = "..." if key in secret_fields() else said(value)
    again = "..." if shown == "..." else said(value.strip("\"'"))
    raise EmoError(
        f"override {said(key)}={shown}: cannot be read; a text with any of {' '.join(sorted(GRAMMAR))} "
        f"stands in quotes: {quoted(key, again)}"
    )


def _values(parsed: Override, groups: Groups | None = None) -> list[Any]:
    """The value, or those of a sweep, as plain values; a pattern is one of a group's options.

    Raises
    ------
    EmoError
        If a sweep has no value, or too many.
    """
    from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, RangeSweep

    name, value = parsed.key_or_group, parsed.value()
    if isinstance(value, Glob):
        options = [] if groups is None else value.filter(groups.options(name))
        if not options:
            allowed = "values; patterns are for the options of a group"
            if groups is not None:
                allowed = f"a pattern of {', '.join(groups.options(name))}"
            raise ConfigError(name, parsed.get_value_string(), allowed)
        return options
    if isinstance(value, IntervalSweep):
        allowed = "values, or range(first,behind_last,step); job=sensitivity draws its own"
        raise ConfigError(name, parsed.get_value_string(), allowed)
    if isinstance(value, RangeSweep):
        n = _length(value)
        if not 0 < n <= MOST_POINTS:
            allowed = f"a range of 1 to {MOST_POINTS} values"
            raise ConfigError(name, parsed.get_value_string(), allowed)
        return list(value.range())
    if isinstance(value, ChoiceSweep):
        plain = [parsed._convert_value(each) for each in value.list]
        if not plain or any(one in plain[:i] for i, one in enumerate(plain)):
            raise ConfigError(name, parsed.get_value_string(), "at least one value, each once")
        return plain
    return [value]


def _length(sweep: Any) -> float:
    """How many values a range has; infinite if it has no end."""
    span, step = float(sweep.stop) - float(sweep.start), float(sweep.step)
    if not math.isfinite(span) or not math.isfinite(step) or step == 0:
        return math.inf
    return max(0, math.ceil(span / step))


def _hydra(parsed: Override, text: str, root: Path) -> str:
    key, value = parsed.key_or_group, parsed.value()
    if "/" in key:
        if not parsed.is_sweep_override() and not isinstance(value, str):
            raise ConfigError(key, parsed.get_value_string(), "the name of one option")
        return text
    families = [name for name in HYDRA if name.endswith(".*")]
    if key not in HYDRA and not any(key.startswith(name[:-1]) for name in families):
        raise EmoError(f"{said(key)}: no such setting; of Hydra's there are {', '.join(HYDRA)}")
    if key == "hydra.verbose" and not isinstance(value, (bool, list)):
        raise ConfigError(key, value, "true, false, or a list of loggers, such as [emo]")
    if key == "hydra.mode" and value not in ("RUN", "MULTIRUN"):
        raise ConfigError(key, parsed.get_value_string(), "RUN, MULTIRUN")
    if key == "hydra.sweeper.max_batch_size":
        whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
        if value is not None and not whole:
            raise ConfigError(key, value, "a whole number of at least 1, or null: all at once")
    if key in ("hydra.sweep.dir", "hydra.run.dir"):
        if not isinstance(value, str) or not value.strip() or value == "???":
            raise ConfigError(key, parsed.get_value_string(), "a folder")
        if "${" not in value:
            return _text(key, str(Path(root, value).absolute()))
    return text


def _check_option(group: str, value: Any, raw: str, groups: Groups) -> None:
    """One option of a group: a list, a dictionary or null would make Hydra stumble."""
    options = groups.options(group)
    if isinstance(value, str) and (value in options or "${" in value):
        return
    shown = value if isinstance(value, str) else raw
    raise ConfigError(group, shown, ", ".join(options) + did_you_mean(shown, options))


def _check_value(name: str, hint: Any, value: Any, raw: str) -> None:
    """What OmegaConf would take for something else, or refuse in several lines."""
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
    of = next((get_args(member)[0] for member in types if get_origin(member) is list), None)
    if of is str and isinstance(value, list) and not all(type(v) in (str, int) for v in value):
        raise ConfigError(name, raw, "a list of single texts, such as [a,b]; a number in quotes")


def _as_typed(key: str, hint: Any, parsed: Override, text: str) -> str:
    """A text keeps its characters where Hydra would read a number or a truth value from it.

    The short commit hash 123e4 is no number, and a file may be called true.
    """
    if not takes_text(hint):
        return text
    values, raw = _values(parsed), parsed.get_value_string()
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
    return _text(key, raw.strip())


def _hiding(key: str, parsed: Override, text: str) -> str:
    """The override with references in place of values that hold a password."""
    values = _values(parsed)
    if not all(isinstance(value, str) for value in values):
        raise EmoError(f"{said(key)}: an address with a password cannot stand in a list")
    parts = [
        f"={hidden(value)}" if without_password(value) != value else _text("", value)
        for value in values
    ]
    return f"{key}={','.join(part[1:] for part in parts)}"

"""The check that every field of a config has a value that its metadata allows.

Each field has its metadata where it is defined (:mod:`emo.config.schema`, :mod:`emo.config.jobs`):

====== =============================================================================================
min    the smallest value, also of each number in a list; with ``above`` the value must be larger
max    the largest value; ``why`` says what is wrong with a larger one
path   ``read``: a file or folder that must exist, ``model``: the same unless it is a hub id,
       ``written``: a folder that is made
form   a regular expression that matches the whole text; ``allowed`` says it in words
secret the value may hold a password; :func:`emo.config.schema.public` leaves it out
free   a text of any characters: on the command line nothing in it is Hydra's grammar
====== =============================================================================================

A text is never empty: an empty text comes from an unset variable of a shell, and null is the default.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from emo.config.parameters import members
from emo.config.schema import ResamplingConfig, RunConfig
from emo.errors import ConfigError, EmoError, value_text

HALVES = 1_000_000
"""Most half splits in all bootstrap replicates; more would not change a digit that anybody reads."""


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of a config with its value."""

    name: str
    """Dotted, as on the command line."""
    value: Any
    hint: Any
    metadata: Mapping[str, Any]
    default: Any

    @property
    def single(self) -> list[Any]:
        """The value, or the values of a list."""
        return list(self.value) if isinstance(self.value, (list, tuple)) else [self.value]


def fields(config: Any, prefix: str = "") -> Iterator[Field]:
    """Every field of a config that is no group of fields."""
    hints = get_type_hints(type(config))
    for f in dataclasses.fields(config):
        value, name = getattr(config, f.name), f"{prefix}{f.name}"
        if dataclasses.is_dataclass(value):
            yield from fields(value, f"{name}.")
        else:
            yield Field(name, value, hints[f.name], f.metadata, f.default)


def check(config: RunConfig) -> None:
    """Refuse a config with a value that its field does not allow; no file is read.

    Raises
    ------
    ConfigError
        Naming the first such field.
    """
    for field in fields(config):
        if field.value is None:
            continue
        _check_list(field)
        for value in field.single:
            if isinstance(value, str):
                _check_text(field, value)
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                _check_number(field, value)
        if "path" in field.metadata:
            _absolute(config, field)
    _check_halves(config.resampling)


def check_files(config: RunConfig) -> None:
    """Refuse a config that names a file or folder that does not exist.

    Raises
    ------
    EmoError
        Naming the parameter, the missing path, and the right path if the current folder has the file.
    """
    for field in fields(config):
        kind = field.metadata.get("path")
        if field.value is None or kind is None or (kind == "model" and not is_path(field.value)):
            continue
        path = _absolute(config, field)
        try:
            match kind:
                case "written":
                    if field.value != field.default:
                        _check_folder(field, path)
                case "read" | "model":
                    if not path.exists():
                        raise EmoError(missing(field.name, field.value, path))
                case _:
                    raise AssertionError(f"{field.name}: {kind} is no kind of path")
        except OSError as error:  # too long a name, or a folder without permission
            raise EmoError(f"{field.name}={value_text(field.value)}: {error.strerror}") from None


def _check_folder(field: Field, path: Path) -> None:
    """Refuse a folder that does not exist and cannot be made; an existing one may be read only."""
    nearest = next(p for p in (path, *path.parents) if p.exists())
    if not nearest.is_dir():
        raise EmoError(
            f"{field.name}={value_text(field.value)}: {value_text(nearest)} is a file, not a folder"
        )
    if nearest != path:
        require_writable(field.name, path)


def require_writable(name: str, folder: Path) -> None:
    """Refuse a folder in which no file can be made, or that cannot be made; no trial file remains.

    Raises
    ------
    EmoError
        Naming the parameter and the folder that prevents it.
    """
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return
    except OSError as error:
        reason = error.strerror or "no file can be made there"
        raise EmoError(f"{name}={value_text(folder)}: {value_text(nearest)}: {reason}") from None


def as_path(name: str, value: object) -> Path:
    """The path that a caller gives as text or as a path.

    Raises
    ------
    ConfigError
        If it is something else.
    """
    if not isinstance(value, (str, os.PathLike)) or "\0" in str(value):
        raise ConfigError(name, value, "a path")
    return Path(value)


def is_path(model_id: str) -> bool:
    """Whether ``model.id`` has the form of a path; a hub id is ORG/NAME."""
    return model_id.startswith((".", "/", "~")) or model_id.count("/") > 1


def missing(name: str, value: str, path: Path) -> str:
    """The message about a parameter whose path does not exist, with the path that was meant."""
    what = (
        "no such folder or file"
        if name in ("model.id", "model.adapter")
        else "cannot be read: no such file"
    )
    line = f"{name}={value_text(value)}: {what}: {value_text(path)}"
    meant = Path.cwd() / value
    if not Path(value).is_absolute() and meant != path and meant.exists():
        line += f"; relative paths begin at the project's root: give {name}={value_text(meant)}"
    return line


def check_memory(resampling: ResamplingConfig, n_items: int) -> None:
    """Refuse half splits that need more memory than this machine has free.

    Raises
    ------
    ConfigError
        With the needed and the free memory.
    """
    import psutil

    halves = resampling.n_bootstrap * resampling.splits_per_replicate + resampling.n_splits
    # Bytes: the passages of each half, and those drawn; each replicate's weights; permuted labels.
    needed = n_items * (2 * halves + 16 * resampling.n_bootstrap + 8 * resampling.n_permutations)
    free = psutil.virtual_memory().available
    if needed > free:
        gib = [f"{size / 2**30:.1f} GiB" for size in (needed, free)]
        raise ConfigError(
            "resampling.n_bootstrap",
            resampling.n_bootstrap,
            f"less: {halves} half splits of {n_items} passages take {gib[0]}, free are {gib[1]}",
        )


def _check_halves(resampling: ResamplingConfig) -> None:
    halves = resampling.n_bootstrap * resampling.splits_per_replicate
    if halves > HALVES:
        raise ConfigError(
            "resampling.n_bootstrap",
            resampling.n_bootstrap,
            f"less: with resampling.splits_per_replicate={resampling.splits_per_replicate} it makes "
            f"{halves} half splits, at most {HALVES} are drawn",
        )


def _check_list(field: Field) -> None:
    """Refuse a list in a list where single values are meant."""
    hint = next((member for member in members(field.hint) if get_origin(member) is list), None)
    if hint is None:
        return
    nested = any(isinstance(value, (list, tuple, dict)) for value in field.value)
    if nested and get_args(hint) != (Any,):
        raise ConfigError(field.name, field.value, "a list of single values, such as [a,b]")


def _check_text(field: Field, value: str) -> None:
    if not value.strip():
        null = ", or null: its default" if type(None) in members(field.hint) else ""
        raise ConfigError(field.name, value, f"a text that is not empty{null}")
    form = field.metadata.get("form")
    if form is not None and re.fullmatch(form, value) is None:
        raise ConfigError(field.name, value, field.metadata["allowed"])


def _check_number(field: Field, value: float) -> None:
    bound = field.metadata.get
    least, above = bound("min", -math.inf), bound("above", -math.inf)
    most = bound("max", math.inf)
    if not {"min", "above", "max"} & field.metadata.keys():
        return
    finite = isinstance(value, int) or math.isfinite(value)  # an int may be beyond any float
    if finite and least <= value <= most and value > above:
        return
    bounds = {"above": above, "at least": least, "at most": most}
    limits = ", ".join(f"{words} {n}" for words, n in bounds.items() if math.isfinite(n))
    each = "each " if isinstance(field.value, (list, tuple)) else ""
    number = "a value" if finite else "a finite value"
    joint = "" if math.isfinite(above) else "of "
    why = f": {field.metadata['why']}" if "why" in field.metadata and value > most else ""
    raise ConfigError(field.name, field.value, f"{each}{number} {joint}{limits}{why}")


def _absolute(config: RunConfig, field: Field) -> Path:
    try:
        return config.path(field.value)
    except (OSError, RuntimeError, ValueError) as error:  # ~nobody, a loop of links, a null byte
        reason = str(error).splitlines()[0]
        raise EmoError(
            f"{field.name}={value_text(field.value)}: not a path here: {value_text(reason)}"
        ) from None

"""Errors of Hydra and OmegaConf in one line: the parameter, its value, and what is allowed."""

from __future__ import annotations

import re
from typing import Any

from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

from emo.config.parameters import expected, hint_of, options_of, unknown
from emo.config.text_overrides import quoted
from emo.errors import ConfigError, EmoError, value_text
from emo.redact import without_password

LAUNCHER_EXTRAS = ("joblib", "ray", "submitit")
MERGING = "Error merging override "
SEVERAL = re.compile(r"Ambiguous value for argument '(.*)'|Sweep parameters '(.*)' requires")
NO_VALUE = ("reference_type", "object_type", "full_key", "See https")
"""Beginnings of lines that tell a user nothing."""


def explained(error: Exception) -> EmoError:
    """The error as one line that a user can act on."""
    cause = error.__cause__
    if isinstance(error, MissingConfigException):
        return _missing(error)
    if several := SEVERAL.match(str(error)):
        return _several(several[1] or several[2])
    if isinstance(error, ConfigCompositionException) and isinstance(cause, OmegaConfBaseException):
        first = str(error).partition("\n")[0]
        if first.startswith(MERGING):
            key, _, value = without_password(first.removeprefix(MERGING)).lstrip("+").partition("=")
            return _refused(key, value, cause)
        error = cause
    if isinstance(error, OmegaConfBaseException):
        return of_omegaconf(error)
    lines = [line.strip() for line in without_password(str(error)).splitlines() if line.strip()]
    kept = "; ".join(line for line in lines if not line.startswith(NO_VALUE))
    return EmoError(value_text(kept or type(error).__name__))


def of_omegaconf(error: OmegaConfBaseException) -> EmoError:
    """An error of OmegaConf as one line that names the parameter."""
    name = str(error.full_key or "config")
    message = str(error.msg or error)
    if "not in" in message and error.parent_node is not None:
        parent = error.parent_node
        return unknown(name, [str(k) for k in parent] if isinstance(parent, DictConfig) else None)
    if isinstance(error, InterpolationResolutionError):
        allowed = f"a reference that has a value: {_reason(error)}"
        return ConfigError(name, _as_written(error, name), allowed)
    return _refused(name, str(getattr(error, "value", None) or ""), error)


def _as_written(error: OmegaConfBaseException, name: str) -> str:
    """The text of the config node that an error is about, with its references unresolved."""
    if error.parent_node is None:
        return "${...}"
    node: Any = OmegaConf.to_container(error.parent_node._get_root(), resolve=False)
    for key in re.split(r"[.\[\]]+", name):
        node = node.get(key) if isinstance(node, dict) else None
    return "${...}" if node is None else str(node)


def _refused(name: str, value: str, error: OmegaConfBaseException) -> EmoError:
    """The error about a value of a wrong type; for settings of Hydra, OmegaConf says what is allowed."""
    if (allowed := expected(name)) is not None:
        return ConfigError(name, value, allowed, options_of(hint_of(name)))
    return EmoError(f"{value_text(name)}={value_text(value)}: {_reason(error)}")


def _missing(error: MissingConfigException) -> EmoError:
    """The error about an option that its group does not have."""
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    if group == "hydra/launcher" and (extra := option.partition("_")[0]) in LAUNCHER_EXTRAS:
        install = f"pip install -c constraints.txt -e '.[{extra}]'"
        return EmoError(f"hydra/launcher: its package is not installed, {install}")
    if error.options is not None:
        options = [o for o in error.options if not o.startswith("_")]
        return ConfigError(group, option, options)
    return EmoError(value_text(str(error).partition("\n")[0]))


def _several(text: str) -> EmoError:
    key, _, value = text.partition("=")
    return EmoError(
        f"{value_text(text)}: several values; with -m they make a sweep, {key}=[...] is a list, and "
        f"{quoted(key, value_text(value))} is one text"
    )


def _reason(error: OmegaConfBaseException) -> str:
    lines = [line.strip() for line in without_password(str(error.msg or error)).splitlines()]
    lines = [line for line in lines if line and not line.startswith(NO_VALUE)]
    return value_text(lines[0] if lines else type(error).__name__)

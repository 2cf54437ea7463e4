"""Arguments of a call from a notebook: each refusal is one sentence that names what is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real

from emo.config.parameters import did_you_mean
from emo.errors import ConfigError, first_of


def whole(name: str, value: object, least: int, most: int | None = None) -> int:
    """A whole number within bounds, numpy's own included; a truth value is none.

    Raises
    ------
    ConfigError
        If it is something else.
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if least <= number and (most is None or number <= most):
            return number
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise ConfigError(name, value, f"a whole number {bounds}")


def number(name: str, value: object) -> float:
    """A finite number.

    Raises
    ------
    ConfigError
        If it is something else.
    """
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(float(value)):
        return float(value)
    raise ConfigError(name, value, "a finite number")


def one_of(name: str, value: object, allowed: Iterable[str]) -> str:
    """A word that is one of those allowed.

    Raises
    ------
    ConfigError
        If it is none of them, with the words that look like it.
    """
    words = list(allowed)
    if isinstance(value, str) and value in words:
        return value
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    raise ConfigError(name, value, f"one of {first_of(words, ', ')}{hint}")


def place(name: str, value: object, labels: Sequence[str]) -> int:
    """Where a label stands among ``labels``.

    Raises
    ------
    ConfigError
        If it is none of them.
    """
    return labels.index(one_of(name, value, labels))

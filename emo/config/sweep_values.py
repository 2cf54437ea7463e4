"""The values that an override gives to a parameter: one, or those of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.config.groups import Groups
from emo.errors import ConfigError, EmoError

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

MOST_POINTS = 10_000
"""Most points of a sweep: each is composed and checked before the first one runs."""


def check_size(overrides: Sequence[Override], folders: Sequence[Path]) -> None:
    """Refuse a sweep of more than ``MOST_POINTS`` points.

    If several overrides have the same name, the last one counts.

    Raises
    ------
    EmoError
        With the number of points.
    """
    groups = Groups(folders)
    sizes = {
        o.get_key_element(): len(values_of(o, groups if o.key_or_group in groups else None))
        for o in overrides
    }
    if (n := math.prod(sizes.values())) > MOST_POINTS:
        raise EmoError(f"a sweep of {n} points: allowed are at most {MOST_POINTS}")


def values_of(parsed: Override, groups: Groups | None = None) -> list[Any]:
    """The value of an override, or the values of a sweep, as plain values.

    A pattern stands for the options of a group that it matches.

    Raises
    ------
    EmoError
        If a sweep has no value, or too many.
    """
    from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, RangeSweep

    name, value, raw = parsed.key_or_group, parsed.value(), parsed.get_value_string
    match value:
        case Glob():
            options = [] if groups is None else value.filter(groups.options(name))
            if not options:
                allowed = "values; patterns are for the options of a group"
                if groups is not None:
                    allowed = f"a pattern of {', '.join(groups.options(name))}"
                raise ConfigError(name, raw(), allowed)
            return options
        case IntervalSweep():
            allowed = "values, or range(first,behind_last,step); job=sensitivity draws its own"
            raise ConfigError(name, raw(), allowed)
        case RangeSweep():
            if not 0 < _length(value) <= MOST_POINTS:
                raise ConfigError(name, raw(), f"a range of 1 to {MOST_POINTS} values")
            return list(value.range())
        case ChoiceSweep():
            plain = [parsed._convert_value(each) for each in value.list]
            if not plain or any(one in plain[:i] for i, one in enumerate(plain)):
                raise ConfigError(name, raw(), "at least one value, each once")
            return plain
        case _:
            return [value]


def _length(sweep: Any) -> float:
    """How many values a range has; infinite if the range has no end."""
    span, step = float(sweep.stop) - float(sweep.start), float(sweep.step)
    if not math.isfinite(span) or not math.isfinite(step) or step == 0:
        return math.inf
    return max(0, math.ceil(span / step))

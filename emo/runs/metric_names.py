"""The section of MLflow's metrics page in which each number of a run stands.

MLflow makes a section of what comes before the last ``/`` of a name. Only the tracking store gets names
with sections: outcomes, files and tables have the bare ones, and no code reads a run by a metric's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeVar

from emo.config.enums import JobName, MethodName
from emo.config.schema import RunConfig

V = TypeVar("V")

CHOSEN = "chosen on the same texts"
"""Numbers at a layer, or of a dose, that was chosen because of the same texts: they are too good."""
ELSEWHERE = "chosen on other texts"
"""The same numbers with the layer chosen on one half of the texts and read on the other."""


@dataclass(frozen=True)
class Section:
    """One section, and the metrics that stand in it."""

    name: str
    patterns: tuple[str, ...]
    """Bare names, ``*`` for any characters."""
    prefix: str = ""
    """What the bare names lose, because the section says it."""
    kinds: tuple[str, ...] = ()
    """Kinds of runs (:func:`kind_of`) that have the section; empty: all."""


SECTIONS: tuple[Section, ...] = (
    Section("over layers", ("curve_*",), "curve_"),
    Section("over layers", ("*_by_layer_*",)),
    Section("over strengths", ("dose_*",), "dose_"),
    Section("over turns", ("turns_*",), "turns_", kinds=(JobName.behave,)),
    Section("constraints", ("constraint_*",), "constraint_", kinds=(JobName.behave,)),
    Section("steering", ("steering_*",), "steering_", kinds=(JobName.behave,)),
    Section("cost", ("forward_passes*", "texts_*", "tokens_*", "seconds_*", "weights_*")),
    Section(ELSEWHERE, ("nested_by_*", "valence_nested*")),
    Section("layers", ("layer", "best_layer*", "layer_by_*", "valence_best_layer")),
    Section("checks", ("*finite_layers*", "anisotropy_flag", "permutations", "limit_*")),
    Section("checks", ("n_*", "emotions_*", "words_rated", "settings_repeating")),
    Section("checks", ("runs_*",), kinds=(JobName.summarize,)),
    Section(CHOSEN, ("valence_best", "valence_line", "valence_search_p", "best_success*")),
    Section(CHOSEN, ("best_strength",), kinds=(JobName.steer,)),
    Section(CHOSEN, ("*_best",), kinds=(JobName.precision,)),
    Section(CHOSEN, ("*",), kinds=(MethodName.comprehension, JobName.axes)),
    Section("headline", ("*",)),
)
"""The first row that fits a name counts."""
OVER = ("over layers", "over strengths", "over turns")
"""Sections of curves."""
ORDER = (
    *("headline", CHOSEN, ELSEWHERE, "constraints", "steering", "layers", *OVER, "checks", "cost"),
)
"""The sections as a run's overview lists them, which is as they are sent."""


def kind_of(config: RunConfig) -> str:
    """What decides, besides its name, where a metric stands: an extraction's method, else the job."""
    job = config.job.name
    return config.method.name.value if job is JobName.extract else job.value


def logged_name(name: str, kind: str) -> str:
    """The name under which the tracking store gets a metric: its section and, after it, the metric."""
    row = next(
        row
        for row in SECTIONS
        if (not row.kinds or kind in row.kinds)
        and any(fnmatchcase(name, pattern) for pattern in row.patterns)
    )
    return f"{row.name}/{name.removeprefix(row.prefix)}"


def in_sections(metrics: Mapping[str, V], config: RunConfig) -> dict[str, V]:
    """Metrics or curves by the names that the tracking store gets, in the order of the sections."""
    kind = kind_of(config)
    named = {logged_name(name, kind): value for name, value in metrics.items()}
    return dict(sorted(named.items(), key=lambda item: ORDER.index(item[0].partition("/")[0])))

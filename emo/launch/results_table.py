"""The table that ends a sweep: a row per point, as it was swept, with the numbers its job is run for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emo.config.enums import JobName
from emo.process.progress import duration
from emo.report.table import Entry, Table
from emo.runs.outcome import Outcome

HEADLINES: dict[JobName, tuple[str, ...]] = {
    JobName.extract: ("best_layer", "layer", "reliability", "accuracy", "anisotropy"),
}
"""The metrics that stand in the table, by job; of a job that is not here, its first numbers."""

MOST = 4
"""Most metrics in a table that names none."""

SHORT = 8
"""Characters of a run's id: enough wherever an id is taken."""


def results_table(
    job: JobName, varied: Sequence[Sequence[str]], results: Sequence[Outcome]
) -> Table:
    """What became of each point: its varied settings, status, headline metrics, time and run.

    ``varied`` and ``results`` are in the order in which the points were swept.
    """
    values = [
        {key.lstrip("+"): value for key, _, value in (word.partition("=") for word in words)}
        for words in varied
    ]
    keys = list(dict.fromkeys(key for each in values for key in each))
    metrics = shown_metrics(job, [result.metrics for result in results])
    rows = [
        (
            *(point.get(key, "") for key in keys),
            result.status,
            *(_number(result.metrics.get(name)) for name in metrics),
            *_run(result),
        )
        for point, result in zip(values, results, strict=True)
    ]
    heads = [_short(key, keys) for key in keys]
    columns = (*heads, "status", *(name.replace("_", " ") for name in metrics), "time", "run")
    return Table("points", "", "", columns, tuple(rows))


def shown_metrics(job: JobName, metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the metrics that the table shows: those of the job that a point has."""
    there = list(
        dict.fromkeys(
            name for each in metrics for name, v in each.items() if _number(v) is not None
        )
    )
    wanted = [name for name in HEADLINES.get(job, ()) if name in there]
    return wanted or there[:MOST]


def _run(result: Outcome) -> tuple[str | None, str | None]:
    """The time and the id of a point's run, as the table shows them."""
    took = None if result.seconds is None else duration(result.seconds)
    return took, None if result.run_id is None else result.run_id[:SHORT]


def _number(value: Any) -> Entry:
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if numeric else None


def _short(key: str, keys: Sequence[str]) -> str:
    """The last part of a parameter's name, where no other parameter ends so."""
    last = key.rpartition(".")[2]
    return last if sum(k.rpartition(".")[2] == last for k in keys) == 1 else key

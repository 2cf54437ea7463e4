"""What a study has to show: the importances beside the exact shares, its trials, its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emo.config.enums import Source
from emo.core.stats.level_effects import LevelEffects
from emo.files.csv_files import csv_text
from emo.pipeline.trial_runs import Study
from emo.report.pages.comparisons import study_page
from emo.report.runs import sensitivity as report
from emo.runs.files import write_json
from emo.runs.job import Report, Result
from emo.study.importance import Exact, Importance
from emo.study.space import place_of
from emo.study.trials import completed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emo.report.pages.page import Page


def study_result(
    study: Study,
    measured: Sequence[Importance],
    exact: Mapping[str, Exact],
    effects: Mapping[str, LevelEffects],
    effort: str,
) -> Result:
    """What the run of a study logs; ``exact`` and ``effects`` are those of some objectives."""
    shown = Report(
        text=report.terminal_text(f"study {study.name}", measured, exact, effects),
        metrics={
            "trials": len(completed(study.optuna)),
            **_metrics(measured),
            **{f"parameters_told_{name}": float(len(e.told)) for name, e in effects.items()},
        },
        effort=effort,
        answer=report.answer(measured, effects, study.config.model.source is Source.tiny),
    )
    figures = dict(_figures(study, measured, exact))
    title = f"study {study.name}"

    def page() -> Page:
        trials = _trials(study)
        return study_page(title, shown.answer, shown.text, measured, effects, trials, figures)

    write = partial(_write, study, measured, exact, effects)
    return Result(shown, write, figures, page=page)


def _trials(study: Study) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of all complete trials."""
    names = list(study.space.choices)
    rows = []
    for t in completed(study.optuna):
        point = {**study.space.fixed, **t.params}
        rows.append([place_of(t), *(point[n] for n in names), *t.values])
    return ["trial", *names, *study.objectives], rows


def _metrics(measured: Sequence[Importance]) -> dict[str, float]:
    return {
        f"importance_{kind}_{i.objective}_{name}": value
        for i in measured
        for kind, values in (("impurity", i.impurity), ("fanova", i.fanova))
        for name, value in values.items()
    }


def _compared(importance: Importance, exact: Exact | None) -> dict[str, Any]:
    """The exact shares, where they are known, and how well each importance ranks as they do."""
    if exact is None:
        return {"exact": None, "exact_from": None, "rank_correlation": None}
    return {
        "exact": exact.shares,
        "exact_from": exact.source,
        "rank_correlation": exact.agreement(importance),
    }


def _changes(effects: LevelEffects | None) -> list[dict[str, Any]] | None:
    """One entry per change; None where an objective has no replicates."""
    if effects is None:
        return None
    rows = zip(
        effects.names,
        effects.change.value,
        effects.change.low,
        effects.change.high,
        strict=True,
    )
    return [
        {
            "parameter": name,
            "value": value,
            "change": float(change),
            "low": None if np.isnan(low) else float(low),
            "high": None if np.isnan(high) else float(high),
        }
        for (name, value), change, low, high in rows
    ]


def _write(
    study: Study,
    measured: Sequence[Importance],
    exact: Mapping[str, Exact],
    effects: Mapping[str, LevelEffects],
    folder: Path,
) -> None:
    content = {
        "study": study.name,
        "changes": {i.objective: _changes(effects.get(i.objective)) for i in measured},
        "importances": [asdict(i) | _compared(i, exact.get(i.objective)) for i in measured],
    }
    write_json(content, folder / "importance.json")
    trials_csv = csv_text(*_trials(study))
    (folder / "trials.csv").write_text(trials_csv, encoding="utf-8")


def _figures(
    study: Study, measured: Sequence[Importance], exact: Mapping[str, Exact]
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    varied = {name: d.choices for name, d in study.space.varied.items()}
    for i, importance in enumerate(measured):
        points = [(t.params, t.values[i]) for t in completed(study.optuna)]
        objective = importance.objective
        yield f"slices_{objective}", partial(report.slice_figure, points, varied, objective)
        yield f"parallel_{objective}", partial(report.parallel_figure, points, varied, objective)
        if importance.impurity:
            known = exact.get(objective)
            yield f"importance_{objective}", partial(report.importance_figure, importance, known)

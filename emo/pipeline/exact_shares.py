"""What the importances of a study are compared with: exact shares of variance, where they are known."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from optuna.trial import FrozenTrial

from emo.config.schema import RunConfig, SubparamsConfig
from emo.core.stats.factorial import factorial
from emo.core.stats.sobol import variance_shares
from emo.errors import EmoError
from emo.generation import protocols
from emo.study.importance import Exact
from emo.study.space import Space

if TYPE_CHECKING:
    from emo.tracking import Tracker

log = logging.getLogger(__name__)

ABLATED = {"relative_rho": "relative", "rho_matched": "rho_matched"}
"""Objectives that job=ablate has, too, and their columns in its ``points.csv``."""


def exact_shares(
    config: RunConfig, space: Space, trials: Sequence[FrozenTrial], tracker: Tracker
) -> dict[str, Exact]:
    """Objective -> exact shares, of the study's own trials or of a logged job=ablate."""
    shares = {}
    for i, name in enumerate(config.job.sensitivity.objectives):
        exact = _of_trials(space, trials, i)
        if exact is None and name in ABLATED:
            exact = of_ablation(config, space, tracker, name)
        if exact is not None:
            shares[name] = exact
    return shares


def _of_trials(space: Space, trials: Sequence[FrozenTrial], objective: int) -> Exact | None:
    """None unless every varied parameter has two values and the trials are their full factorial."""
    varied = space.varied
    if any(len(d.choices) != 2 for d in varied.values()):
        return None
    seen: dict[tuple[int, ...], float] = {}
    for trial in trials:
        levels = tuple(d.choices.index(trial.params[n]) for n, d in varied.items())
        seen.setdefault(levels, trial.values[objective])
    if len(seen) < 2 ** len(varied):
        return None
    return _exact(list(varied), list(seen), list(seen.values()), "this study's grid")


def of_ablation(config: RunConfig, space: Space, tracker: Tracker, objective: str) -> Exact | None:
    """Shares from the finished job=ablate of the same model, precision, prompts and passages.

    None if none is logged, or the space has another reference or points that it has not, or a point
    has no value.
    """
    from emo.pipeline.factorial import plan_of, settings_of
    from emo.pipeline.generation import read_prompts
    from emo.pipeline.study_point import PRECISION, precisions, settings

    if PRECISION in space.varied:
        return None
    (config,) = precisions(config).values()
    choices = config.job.sensitivity.space
    levels = {
        ours: list(choices[theirs])
        for ours, theirs in (("tokens", "max_new_tokens"), ("samples", "samples"))
        if len(choices.get(theirs, ())) == 2
    }
    ablate = replace(config.job.ablate, emotions=config.job.sensitivity.emotions, **levels)
    config = replace(config, job=replace(config.job, ablate=ablate))
    run = tracker.find_finished(plan_of(config, read_prompts(config)).provenance.fingerprint)
    if run is None:
        return None
    run_id, there = run.info.run_id, [_key(sub) for sub in settings_of(config)]
    try:
        values = tracker.read(run_id, "points.csv", partial(_column, ABLATED[objective]))
        rho = dict(zip(there, values, strict=True))
    except (EmoError, ValueError) as error:
        log.warning("run %s is an ablation but its points are unreadable (%s)", run_id, error)
        return None
    wanted = [_key(sub) for sub in settings(config)]
    if wanted[0] != there[0] or not rho.keys() >= set(wanted):
        return None
    if not np.isfinite([rho[key] for key in wanted]).all():
        return None
    names = [name for name in choices if name != PRECISION]
    rows = product(*(range(len(choices[name])) for name in names))
    varied = [i for i, name in enumerate(names) if name in space.varied]
    return _exact(
        [names[i] for i in varied],
        [tuple(row[i] for i in varied) for row in rows],
        [rho[key] for key in wanted],
        f"job=ablate, run {run_id}",
    )


def _column(name: str, path: Path) -> list[float]:
    """An objective at every point of a logged ablation, in its order."""
    with path.open(newline="", encoding="utf-8") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def _key(sub: SubparamsConfig) -> str:
    return json.dumps(protocols.identity(sub), sort_keys=True)


def _exact(
    names: list[str], levels: list[tuple[int, ...]], values: list[float], source: str
) -> Exact:
    shares = variance_shares(factorial(names, np.array(levels), np.array(values)))
    return Exact(dict(zip(shares.factors, map(float, shares.in_all), strict=True)), source)

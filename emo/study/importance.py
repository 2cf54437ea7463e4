"""Importances: how much a study's objectives depend on each parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import optuna
from optuna.importance import (
    FanovaImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    get_param_importances,
)

from emo.core.stats.sobol import rank_agreement
from emo.study.trials import completed


@dataclass(frozen=True)
class Importance:
    """Importances of one objective, each adding up to 1, in the order of the first."""

    objective: str
    n_trials: int
    impurity: dict[str, float]
    """Mean decrease of impurity in a random forest (Breiman 2001)."""
    fanova: dict[str, float]
    """Functional ANOVA of a random forest's main effects (Hutter et al. 2014)."""


@dataclass(frozen=True)
class Exact:
    """The exact shares that importances estimate, computed from every point of the space."""

    shares: dict[str, float]
    """Share of the variance of all effects that a parameter is part of (total Sobol index)."""
    source: str

    def agreement(self, importance: Importance) -> dict[str, float]:
        """Spearman's rank correlation of each kind of importance with the shares."""
        kinds = {"impurity": importance.impurity, "fanova": importance.fanova}
        return {kind: rank_agreement(values, self.shares).rho for kind, values in kinds.items()}


def importances(study: optuna.Study, objectives: list[str], seed: int) -> list[Importance]:
    """Importances of every objective from the complete trials.

    They are empty if the objective or every parameter is constant. The forests are grown on the trials
    in the order of their places, in whatever order they finished.
    """
    trials = completed(study)
    in_order = optuna.create_study(directions=study.directions)
    in_order.add_trials(trials)
    table = []
    for i, name in enumerate(objectives):
        values = np.array([trial.values[i] for trial in trials])
        varied = len({tuple(t.params.items()) for t in trials}) > 1
        if len(trials) < 2 or np.ptp(values) == 0 or not varied:
            table.append(Importance(name, len(trials), {}, {}))
            continue
        by = [
            get_param_importances(in_order, evaluator=evaluator, target=lambda t, i=i: t.values[i])
            for evaluator in (
                MeanDecreaseImpurityImportanceEvaluator(seed=seed),
                FanovaImportanceEvaluator(seed=seed),
            )
        ]
        table.append(Importance(name, len(trials), by[0], {k: by[1][k] for k in by[0]}))
    return table

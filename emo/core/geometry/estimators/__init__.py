"""Estimators of emotion vectors: one file each, listed in one table."""

from emo.core.choices import unknown
from emo.core.geometry.estimators.base import Estimator
from emo.core.geometry.estimators.lda import Lda
from emo.core.geometry.estimators.logistic import Logistic
from emo.core.geometry.estimators.mean_difference import MeanDifference
from emo.core.geometry.estimators.pca import Pca

ESTIMATORS: dict[str, Estimator] = {
    member.name: member for member in (MeanDifference(), Logistic(), Pca(), Lda())
}
"""Every estimator by its name."""


def estimator(name: str) -> Estimator:
    """The estimator of that name.

    Raises
    ------
    UnknownChoice
        If there is none.
    """
    if name not in ESTIMATORS:
        raise unknown("estimator", name, list(ESTIMATORS))
    return ESTIMATORS[name]

"""Estimators without a shortcut, as somebody might add them: a file and an entry in the table."""

import numpy as np

from emo.core.geometry.estimators.base import Estimator


class Median(Estimator):
    """The median of each emotion's items, dimension by dimension; weights are whole numbers."""

    name = "median"

    def estimate(self, values, emotions, weights):
        """The median of each emotion's items."""
        return np.stack([_median(rows) for rows in _repeated(values, emotions, weights)])


class DualPca(Estimator):
    """The axis along which each emotion's items lie farthest from the mean of all items."""

    name = "dual_pca"

    def estimate(self, values, emotions, weights):
        """Unit axes, pointing to the emotion's side; from inner products of items alone."""
        centre = np.average(np.asarray(values, np.float64), axis=0, weights=weights)
        return np.stack([_axis(rows - centre) for rows in _repeated(values, emotions, weights)])


def _repeated(values, emotions, weights):
    values, times = np.asarray(values, np.float64), weights.astype(int)
    for e in range(emotions.max() + 1):
        inside = emotions == e
        yield np.repeat(values[inside], times[inside], axis=0)


def _median(rows):
    return np.median(rows, axis=0) if len(rows) else np.full(rows.shape[1], np.nan)


def _axis(rows):
    if not len(rows):
        return np.full(rows.shape[1], np.nan)
    share = np.linalg.eigh(rows @ rows.T)[1][:, -1]
    axis = rows.T @ share
    return axis / np.linalg.norm(axis) * np.sign(rows.mean(axis=0) @ axis)

"""Robust readers of emotion: a planted outlier dimension, labels without meaning, references."""

import numpy as np
import pytest

from emo.core.geometry.cells import ItemCells
from emo.core.geometry.classifiers import FOLDS, Classifier, left_out_hits
from emo.core.geometry.estimators import estimator
from emo.core.geometry.projections import z_score
from tests.core.planted import crossed, decided_alike


def items(rng, n_emotions=8, n_groups=15, hidden=30, strength=1.2):
    emotions, groups = crossed(n_emotions, n_groups)
    geometry = strength * rng.normal(size=(n_emotions, hidden))
    return geometry[emotions] + rng.normal(size=(len(emotions), hidden)), groups, emotions


def accuracy(values, groups, emotions, seed=0):
    hits = left_out_hits(values, groups, emotions[None], np.random.default_rng(seed))
    return {name: float(x.mean()) for name, x in hits.items()}


def raw_accuracy(values, groups, emotions):
    cells = ItemCells.make(groups, emotions)
    return float(
        estimator("mean_difference").layer(cells, values).left_out_accuracy(cells.everything)[0]
    )


def test_an_outlier_dimension_rules_the_raw_centroid_only(rng):
    values, groups, emotions = items(rng)
    before = raw_accuracy(values, groups, emotions), *accuracy(values, groups, emotions).values()
    values[:, 3] = 1000 * rng.normal(size=len(values))
    assert min(before) > 0.9
    assert raw_accuracy(values, groups, emotions) < 0.3
    assert min(accuracy(values, groups, emotions).values()) > 0.9


def test_correlated_noise_is_taken_out_by_the_discriminant(rng):
    """Noise along few directions that every dimension has: z-scoring cannot see it, LDA can."""
    values, groups, emotions = items(rng, strength=0.6)
    values += 4 * rng.normal(size=(len(values), 3)) @ rng.normal(size=(3, values.shape[1]))
    got = accuracy(values, groups, emotions)
    assert got[Classifier.lda] > got[Classifier.centroid_z] + 0.2


def test_labels_without_meaning_are_read_at_chance(rng):
    values, groups, emotions = items(rng, strength=0)
    for value in accuracy(values, groups, emotions).values():
        assert abs(value - 1 / 8) < 0.1


def test_many_labellings_are_scored_as_each_alone(rng):
    values, groups, emotions = items(rng)
    labels = np.stack([emotions, rng.permutation(emotions)])
    both = left_out_hits(values, groups, labels, np.random.default_rng(3))
    for row, one in enumerate(labels):
        alone = left_out_hits(values, groups, one[None], np.random.default_rng(3))
        for name in Classifier:
            assert decided_alike(both[name][row], alone[name][0])


def test_decisions_are_those_of_the_written_out_discriminant(rng):
    """Against the covariance within emotions itself, shrunk by scikit-learn's rule where there is it."""
    covariance = pytest.importorskip("sklearn.covariance")
    values, groups, emotions = items(rng, strength=0.3)
    hits = left_out_hits(values, groups, emotions[None], np.random.default_rng(5))
    folds = np.random.default_rng(5).permutation(15) % FOLDS
    for fold in range(FOLDS):
        test = folds[groups] == fold
        scaled = z_score(values, values[~test])
        train, labels = scaled[~test], emotions[~test]
        share = min(covariance.ledoit_wolf(train, assume_centered=True)[1], 1 - 1e-3)
        centroids = np.stack([train[labels == e].mean(axis=0) for e in range(8)])
        residual = train - centroids[labels]
        total = (train**2).mean()
        within = residual.T @ residual / len(train) + share / (1 - share) * total * np.eye(30)
        inverse = np.linalg.inv(within)
        score = (
            scaled[test] @ inverse @ centroids.T - np.diag(centroids @ inverse @ centroids.T) / 2
        )
        decided = (score.argmax(axis=1) == emotions[test]).astype(float)
        assert decided_alike(hits[Classifier.lda][0, test], decided)
        distance = ((scaled[test][:, None] - centroids) ** 2).sum(axis=2)
        decided = (distance.argmin(axis=1) == emotions[test]).astype(float)
        assert decided_alike(hits[Classifier.centroid_z][0, test], decided)


def test_an_emotion_that_stands_in_one_fold_only_is_not_scored():
    groups, emotions = np.arange(9), np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    values = np.random.default_rng(0).normal(size=(9, 4))
    hits = left_out_hits(values, groups, emotions[None], np.random.default_rng(0))
    for found in hits.values():
        assert np.isnan(found[0, 8])
        assert np.isfinite(found[0, :8]).any()


def test_one_group_has_no_accuracy():
    hits = left_out_hits(
        np.ones((3, 2)), np.zeros(3, int), np.array([[0, 1, 2]]), np.random.default_rng(0)
    )
    assert all(np.isnan(found).all() for found in hits.values())

"""Each estimator beside a library's, or beside its definition spelt out with the items themselves."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.geometry.cells import ItemCells
from emo.core.geometry.comprehension import describe
from emo.core.geometry.cosines import paired_cosines
from emo.core.geometry.estimators import estimator
from emo.core.geometry.estimators.dual import FOLDS, DualEstimator
from emo.core.geometry.layer_results import fits_per_layer
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, record


@pytest.fixture
def drawn(rng):
    """Six emotions in ten situations, away from the origin, one dimension with ten times the spread."""
    emotions, groups = crossed(6, 10)
    values = rng.normal(size=(6, 40))[emotions] + rng.normal(size=(10, 40))[groups]
    values += rng.normal(size=values.shape) + 7
    values[:, 3] *= 10
    return values, emotions, groups


def test_probes_are_those_of_scikit_learn(drawn):
    linear = pytest.importorskip("sklearn.linear_model")
    values, emotions, _ = drawn
    fit = estimator("logistic").fit(values, emotions, np.ones(len(values)))
    centre, scale = values.mean(axis=0), np.sqrt(values.var(axis=0).mean())
    for e in range(6):
        probe = linear.LogisticRegression(C=1, tol=1e-9, max_iter=10_000)
        probe.fit((values - centre) / scale, emotions == e)
        weights = probe.coef_[0] / scale
        assert fit.vectors[e] == pytest.approx(weights, abs=1e-3 * np.abs(weights).max())
        assert fit.offsets[e] == pytest.approx(probe.intercept_[0] - weights @ centre, abs=0.02)


def test_whitened_means_are_those_of_the_inverse_covariance(drawn):
    covariance = pytest.importorskip("sklearn.covariance")
    values, emotions, _ = drawn
    fit = estimator("lda").fit(values, emotions, np.ones(len(values)))
    means = np.stack([values[emotions == e].mean(axis=0) for e in range(6)])
    within, share = covariance.ledoit_wolf(values - means[emotions], assume_centered=True)
    assert 1e-3 < share < 1 - 1e-3
    want = means @ np.linalg.inv(within)
    assert paired_cosines(fit.vectors, want) == pytest.approx(np.ones(6))
    ratio = fit.vectors / want
    assert ratio == pytest.approx(np.full(want.shape, ratio[0, 0]))


@pytest.mark.slow
def test_equal_variances_leave_the_means_as_they_are(rng):
    """The unit is that of the activations."""
    emotions = np.repeat(np.arange(3), 2000)
    values = 5 * np.eye(3, 4)[emotions] + rng.normal(size=(6000, 4))
    got = estimator("lda").vectors(values, emotions)
    want = estimator("mean_difference").vectors(values, emotions)
    assert got == pytest.approx(want, abs=0.3)


def test_components_are_those_of_the_singular_value_decomposition(drawn):
    values, emotions, _ = drawn
    fit = estimator("pca").fit(values, emotions, np.ones(len(values)))
    means = np.stack([values[emotions == e].mean(axis=0) for e in range(6)])
    for e in range(6):
        others = np.delete(means, e, axis=0).mean(axis=0)
        differences = values[emotions == e] - others
        axis = np.linalg.svd(differences, full_matrices=False)[2][0]
        along = differences @ axis
        assert fit.vectors[e] == pytest.approx(axis * along.mean(), abs=1e-8)
        assert fit.offsets[e] == pytest.approx(-fit.vectors[e] @ (means[e] + others) / 2)


def test_fits_are_counted(rng, monkeypatch):
    """What is said before a long run is what is done at one layer."""
    emotions, groups = crossed(6, 40)
    values = rng.normal(size=(len(emotions), 8))
    settings = Resampling(n_splits=7, n_bootstrap=3, splits_per_replicate=2, n_permutations=4)
    made = []
    real = DualEstimator.solved
    monkeypatch.setattr(DualEstimator, "solved", lambda *args: made.append(1) or real(*args))
    poles = {f"e{e}": 1.0 - 2 * (e % 2) for e in range(6)}
    data = record(values, emotions, groups)
    data = replace(data, neutral=data.values[:, :3])
    describe(data, settings, estimator="pca", poles=poles)
    # The vectors themselves are one more; a bootstrap replicate may lack an emotion or a fold.
    assert fits_per_layer(settings, FOLDS) == pytest.approx(len(made) - 1, rel=0.02)


@pytest.mark.parametrize("name", ["logistic", "pca", "lda"])
def test_a_shift_of_all_items_changes_no_reading(name, drawn, rng):
    """Neutral centring shifts all items, so it may change vectors but not what is read."""
    values, emotions, groups = drawn
    cells = ItemCells.make(groups, emotions)
    hits = [
        estimator(name).layer(cells, x).left_out_labels(cells.everything)
        for x in (values, values + rng.normal(size=40))
    ]
    assert (hits[0] != hits[1]).mean() <= 0.02


def test_where_one_dimension_drowns_the_rest_the_covariance_takes_it_away(rng):
    """A difference of means follows an outlier dimension; means in the metric of the items do not."""
    emotions, _groups = crossed(6, 12)
    directions = rng.normal(size=(6, 30))
    values = directions[emotions] + rng.normal(size=(72, 30))
    values[:, 3] = 200 * rng.normal(size=72)
    directions[:, 3] = 0
    want = directions - directions.mean(axis=0)
    share = {}
    for name in ("mean_difference", "lda"):
        got = estimator(name).vectors(values, emotions)
        share[name] = float(paired_cosines(got - got.mean(axis=0), want).mean())
    assert share["mean_difference"] < 0.3 < 0.8 < share["lda"]

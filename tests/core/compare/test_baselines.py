"""What needs no model: planted surfaces, and geometries that are no surface."""

import numpy as np
import pytest

from emo.core.compare.baselines import ALL, Baseline, beside_baselines, unexplained
from emo.core.geometry.item_sets import ItemSet
from emo.core.stats.correlation import partial_spearman
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, nested, record

FEW = Resampling(n_splits=20, seed=2)
EMOTIONS, SITUATIONS = 14, 12


def planted(rng, surface, geometry, own=1.5, design=None):
    """Two models and a baseline: every one holds the surface, the models ``geometry`` besides.

    Surface and geometry are parts of emotions; every set has its own noise, so that the surface is seen
    only with noise, too.
    """
    emotions, groups = design or crossed(EMOTIONS, SITUATIONS)
    n = emotions.max() + 1
    known, more = rng.normal(size=(2, n, 30))
    sets = []
    for k, hidden in enumerate((60, 80, 70)):
        left, right = np.split(np.linalg.qr(rng.normal(size=(hidden, 60)))[0].T, 2)
        values = surface * known[emotions] @ left
        if k < 2:
            values = values + geometry * more[emotions] @ right
        noise = own * rng.normal(size=values.shape) * np.sqrt(30 / hidden)
        sets.append(ItemSet.make(record(values + noise, emotions, groups, design is None), 0))
    return {"a": sets[0], "b": sets[1]}, sets[2]


def test_of_models_that_hold_only_the_surface_nearly_nothing_is_left():
    """The same-item partial keeps most of it, because the surface is seen with noise."""
    left, kept, covered = [], [], []
    for k in range(8):
        models, surface = planted(np.random.default_rng((1, k)), 1.0, 0.0)
        got = beside_baselines(models, [Baseline("surface", (surface,))], FEW)
        (beyond,) = got.beyond
        left.append(float(beyond.unexplained.value))
        covered.append(beyond.unexplained.low <= 0 <= beyond.unexplained.high)
        assert beyond.disattenuated.value > 0.8
        a, b, held = (s.rdm(s.emotions) for s in (*models.values(), surface))
        kept.append(float(partial_spearman(a, b, held[None])))
    assert abs(np.mean(left)) < 0.08
    assert np.mean(kept) > 0.2
    assert np.mean(covered) >= 0.85


def test_a_shared_geometry_besides_the_surface_is_kept():
    left = []
    for k in range(6):
        models, surface = planted(np.random.default_rng((2, k)), 0.7, 1.0)
        (beyond,) = beside_baselines(models, [Baseline("surface", (surface,))], FEW).beyond
        left.append(float(beyond.unexplained.value))
        assert beyond.unexplained.low > 0.2
        assert beyond.partial.value == pytest.approx(1.0, abs=0.25)
    assert np.mean(left) > 0.5


def test_every_model_stands_beside_every_baseline(rng):
    models, surface = planted(rng, 1.0, 0.5)
    word = surface.rdm(surface.emotions)
    baselines = [
        Baseline("surface", (surface,)),
        Baseline("embedding", (models["b"], None)),
        Baseline("words", rdm=word),
    ]
    got = beside_baselines(models, baselines, FEW)
    by = {(x.model, x.baseline): x for x in got.beside}
    assert list(by) == [
        ("a", "surface"),
        ("b", "surface"),
        ("a", "embedding"),
        ("a", "words"),
        ("b", "words"),
    ]
    assert by["a", "words"].reliability == pytest.approx(1)
    assert by["a", "words"].same == pytest.approx(by["a", "surface"].same)
    assert by["a", "surface"].disjoint.low > 0
    assert by["a", "words"].disjoint.value > by["a", "surface"].disjoint.value
    e = by["a", "surface"].disattenuated
    assert e.low < e.value < e.high
    assert [x.baseline for x in got.beyond] == ["surface", "words", ALL]


def test_a_baseline_named_twice_takes_nothing_more_away(rng):
    """Word and character counts are nearly one covariate: the axis in which they differ is noise."""
    models, surface = planted(rng, 1.0, 1.0)
    once = beside_baselines(models, [Baseline("x", (surface,))], FEW).beyond[0]
    twice = beside_baselines(
        models, [Baseline("x", (surface,)), Baseline("y", (surface,))], FEW
    ).beyond[-1]
    assert twice.baseline == ALL
    assert twice.unexplained.value == pytest.approx(float(once.unexplained.value), abs=1e-6)


def test_the_partial_is_that_of_the_inverse_matrix(rng):
    x = rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4)) * 0.3 + rng.normal(size=(500, 4))
    r = np.corrcoef(x.T)
    left, partial = unexplained(r, 0, 1, [2, 3])
    inverse = np.linalg.inv(r)
    assert partial == pytest.approx(-inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1]))
    assert left == pytest.approx(r[0, 1] - r[0, 2:] @ np.linalg.inv(r[2:, 2:]) @ r[2:, 1])


def test_a_baseline_that_is_the_model_leaves_no_partial():
    r = np.array([[1.0, 0.9, 0.99], [0.9, 1, 0.91], [0.99, 0.91, 1]])
    left, partial = unexplained(r, 0, 1, [2])
    assert left == pytest.approx(0.9 - 0.99 * 0.91)
    assert np.isnan(partial)


def test_one_text_an_emotion_has_same_item_rho_only(rng):
    models, surface = planted(rng, 1.0, 0.5, design=nested(8, 1))
    got = beside_baselines(models, [Baseline("surface", (surface,))], FEW)
    assert np.isfinite(got.beside[0].same)
    assert np.isnan(got.beside[0].disattenuated.value)
    assert np.isnan(got.beyond[0].unexplained.value)

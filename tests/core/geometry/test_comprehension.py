"""Planted truth: known geometry in, the same geometry and the right layer out."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.geometry.comprehension import GeometryError, describe
from emo.core.geometry.cosines import cosine_matrix, rdm, upper
from emo.core.records import Activations
from emo.core.stats.correlation import spearman
from emo.core.stats.resampling import Resampling

FEW = Resampling(n_splits=20, n_bootstrap=20, splits_per_replicate=3, n_permutations=9, seed=1)


def planted(rng, strengths, n_emotions=8, n_situations=10, hidden=40, crossed=True, declared=None):
    """Layer l = strength[l] * emotion geometry + situation (if crossed) + noise."""
    declared = crossed if declared is None else declared
    geometry = rng.normal(size=(n_emotions, hidden))
    geometry -= geometry.mean(axis=0)
    groups = np.repeat(np.arange(n_situations), n_emotions)
    emotions = np.tile(np.arange(n_emotions), n_situations)
    values = [
        s * geometry[emotions]
        + crossed * rng.normal(size=(n_situations, hidden))[groups]
        + rng.normal(size=(len(groups), hidden))
        for s in strengths
    ]
    neutral = rng.normal(size=(len(strengths), 20, hidden)) + 2
    return geometry, Activations(
        values=np.array(values, dtype=np.float32),
        item_ids=tuple(map(str, range(len(groups)))),
        emotions=tuple(f"e{e}" for e in emotions),
        situations=tuple(f"s{g}" for g in groups) if declared else None,
        neutral=neutral.astype(np.float32),
        position="last",
    )


def test_splits_are_those_of_their_own_replicate_however_many_at_a_time(rng, monkeypatch):
    """Against all weights spelt out at once."""
    from emo.core.geometry import cells as module
    from emo.core.geometry.cells import ItemCells
    from emo.core.geometry.estimators.mean_difference import GramLayer
    from emo.core.geometry.layer_results import _within
    from emo.core.geometry.resampled import half_correlations

    cells = ItemCells.make(np.repeat(np.arange(8), 5), np.tile(np.arange(5), 8))
    gram = GramLayer.make(cells, rng.normal(size=(40, 12)))
    counts = rng.integers(0, 4, size=(30, 40)).astype(np.float64)
    inner = rng.integers(0, 2, size=(210, 40)).astype(bool)
    want = half_correlations(gram, np.repeat(counts, 7, axis=0), inner)
    monkeypatch.setattr(module, "CHUNK", 64)  # rows at a time, which end within a replicate
    assert _within(gram, counts, inner, 7) == pytest.approx(want, nan_ok=True)


@pytest.mark.parametrize("crossed", [True, False])
def test_planted_geometry_comes_back(rng, crossed):
    geometry, activations = planted(rng, [0, 0.3, 4, 0.3], n_emotions=16, crossed=crossed)
    vectors, d = describe(activations, FEW)
    truth = upper(cosine_matrix(geometry))
    assert spearman(rdm(vectors, 2).cosines, truth) >= 0.99
    assert d.choices["reliability"].layer == 2
    assert d.choices["accuracy"].layer == 2
    assert d.curves["reliability"][2] > 0.95
    assert abs(d.curves["reliability"][0]) < 0.4  # layer 0 holds no emotion
    assert d.curves["accuracy"][2] == 1.0
    assert d.curves["accuracy"][0] < 0.4
    assert d.split_unit == ("situation" if crossed else "passage")


def test_situations_that_are_not_declared_fake_reliability(rng):
    """No emotion anywhere, only situations told for every emotion.

    Halved within each emotion, the situations of one half are missing in the other, so both halves
    carry the same pattern with opposite sign, and their RDMs agree. Halved as a whole they do not.
    """
    _, honest = planted(rng, [0, 0, 0], n_emotions=16)
    _, naive = planted(rng, [0, 0, 0], n_emotions=16, declared=False)
    assert np.abs(describe(honest, FEW)[1].curves["reliability"]).max() < 0.35
    assert describe(naive, FEW)[1].curves["reliability"].min() > 0.35


def test_removing_situations_helps_where_they_are_strong(rng):
    _, activations = planted(rng, [0.5])
    with_situations = describe(activations, FEW)[1].curves["accuracy"][0]
    without = describe(activations, FEW, remove="situation")[1].curves["accuracy"][0]
    assert without > with_situations


def test_published_layer_is_the_argmin_of_its_curve(rng):
    _, activations = planted(rng, [1, 2, 3])
    _, d = describe(activations, FEW)
    assert d.best_layer == int(np.argmin(d.curves["mean_cosine"]))
    assert d.best_layer_pct == pytest.approx(100 * d.best_layer / 3)
    assert d.rdm_std == d.curves["rdm_std"][d.best_layer]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_layers_do_not_compete(rng, bad):
    _, activations = planted(rng, [1, 2, 6, 1])
    activations.values[2, 3, 5] = bad
    d = describe(activations, FEW)[1]
    assert d.finite_layers == (0, 1, 3)
    assert all(np.isnan(curve[2]) for curve in d.curves.values())
    for choice in d.choices.values():
        assert choice.layer != 2
        assert choice.low != 2 or choice.low <= choice.layer <= choice.high
    clean = planted(np.random.default_rng(7), [1, 2, 6, 1])[1]
    assert np.allclose(
        describe(clean, FEW)[1].curves["accuracy"][[0, 1, 3]], d.curves["accuracy"][[0, 1, 3]]
    )


def test_a_non_finite_neutral_sentence_takes_its_layer_out(rng):
    _, activations = planted(rng, [1, 2])
    activations.neutral[0, 0, 0] = np.nan
    assert describe(activations, FEW)[1].finite_layers == (1,)


def test_no_finite_layer_is_said(rng):
    _, activations = planted(rng, [1])
    activations.values[:] = np.nan
    with pytest.raises(GeometryError, match="precision=bf16"):
        describe(activations, FEW)


def test_one_passage_an_emotion_has_no_reliability(rng):
    _, activations = planted(rng, [1, 2], n_situations=1, crossed=False)
    _, d = describe(activations, FEW)
    assert d.reliability is None
    assert d.accuracy is None
    assert d.choices["reliability"] is None
    assert d.choices["mean_cosine"] is not None


def test_three_passages_an_emotion_give_everything(rng):
    """The published design: halves of one and two passages, bootstrap with gaps."""
    _, activations = planted(rng, [0.2, 3], n_situations=3, crossed=False)
    _, d = describe(activations, FEW)
    assert d.reliability is not None
    assert d.choices["reliability"].layer == 1
    assert 0 <= d.choices["accuracy"].share <= 1


def test_two_emotions_are_no_geometry(rng):
    _, activations = planted(rng, [1], n_emotions=2)
    with pytest.raises(GeometryError, match="at least 3"):
        describe(activations, FEW)


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(rng):
    _, activations = planted(rng, [0.4, 0.5])
    a, b = (describe(activations, FEW)[1] for _ in range(2))
    assert a.headline() == b.headline()
    other = Resampling(n_splits=20, n_bootstrap=20, splits_per_replicate=3, seed=2)
    assert describe(activations, other)[1].curves["reliability"][0] != a.curves["reliability"][0]


def test_anisotropy_is_flagged_above_the_published_bound(rng):
    _, activations = planted(rng, [3])
    low = describe(activations, FEW)[1]
    high = planted(rng, [3])[1]
    high.neutral[..., 0] += 500
    flagged = describe(high, FEW)[1]
    assert not low.anisotropy_flag
    assert low.anisotropy == pytest.approx(4 / 5, abs=0.05)
    assert flagged.anisotropy_flag
    assert flagged.anisotropy > 0.95


def test_passages_that_the_model_does_not_tell_apart_are_refused(rng):
    _, data = planted(rng, [1.0, 1.0])
    same = replace(data, values=np.ones_like(data.values))
    with pytest.raises(GeometryError, match="identical activations: no layer can be chosen"):
        describe(same, FEW)

"""Oracles: scikit-learn's PCA and scaler; properties that define each projection."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import pearsonr, spearmanr
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from emo.core.choices import Projection
from emo.core.geometry.cosines import cosine_matrix, mean_pairwise_cosine, upper
from emo.core.geometry.projections import (
    all_but_the_top,
    constant_added,
    linear_normalisations,
    project,
    without_neutral,
    z_score,
)
from tests.core.planted import crossed, record

matrices = arrays(float, (9, 5), elements=st.floats(-5, 5).map(lambda x: round(x, 2)))


def some(rng, n_layers=2, hidden=12):
    """Activations with a large common direction, and neutral sentences of their own."""
    emotions, groups = crossed(4, 6)
    one = record(np.zeros((24, hidden)), emotions, groups)
    values = rng.normal(size=(n_layers, 24, hidden)) + 5 * np.eye(hidden)[0]
    neutral = rng.normal(size=(n_layers, 8, hidden)) + 4 * np.eye(hidden)[0]
    return replace(one, values=values.astype(np.float32), neutral=neutral.astype(np.float32))


def test_all_but_the_top_is_centred_pca_without_its_first_axes(rng):
    x = rng.normal(size=(30, 8)) @ rng.normal(size=(8, 8)) + 3
    pca = PCA().fit(x)
    for n in (0, 1, 3):
        scores = pca.transform(x)
        scores[:, :n] = 0
        assert np.allclose(all_but_the_top(x, x, n), scores @ pca.components_)


def test_the_default_number_of_components_is_a_hundredth_of_the_width(rng):
    for hidden, n in ((40, 1), (250, 2), (300, 3)):
        x = rng.normal(size=(20, hidden))
        assert np.allclose(all_but_the_top(x, x), all_but_the_top(x, x, n))
        assert not np.allclose(all_but_the_top(x, x), all_but_the_top(x, x, n + 1))


@given(matrices, st.integers(1, 3))
def test_nothing_is_left_along_what_was_removed(x, n):
    left = all_but_the_top(x, x, n)
    assert np.allclose(left.mean(axis=0), 0, atol=1e-9)
    before = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    after = np.linalg.svd(left, compute_uv=False)
    assert np.allclose(after[: 5 - n], before[n:], atol=1e-8)
    assert np.allclose(after[5 - n :], 0, atol=1e-8)


def test_projections_turn_with_the_basis(rng):
    """All-but-the-top and neutral components belong to the space, z-scores to its axes."""
    x, y = rng.normal(size=(20, 6)) * np.arange(1, 7), rng.normal(size=(9, 6))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert np.allclose(all_but_the_top(x @ turn, x @ turn, 2), all_but_the_top(x, x, 2) @ turn)
    assert np.allclose(without_neutral(x @ turn, y @ turn), without_neutral(x, y) @ turn)
    assert not np.allclose(z_score(x @ turn, x @ turn), z_score(x, x) @ turn)


def test_z_scores_are_scikit_learns(rng):
    x = rng.normal(size=(20, 6)) * np.arange(6) + 1e3  # the first dimension is constant
    assert np.allclose(z_score(x, x), StandardScaler().fit_transform(x))
    new = rng.normal(size=(3, 6))
    want = StandardScaler().fit(x[:, 1:]).transform(new[:, 1:])
    assert np.allclose(z_score(new, x)[:, 1:], want)
    assert not z_score(new, x)[:, 0].any()


@given(matrices, arrays(float, 5, elements=st.floats(0.1, 9)), st.floats(-9, 9))
def test_z_scores_do_not_depend_on_the_units_of_a_dimension(x, scale, shift):
    assert np.allclose(z_score(x * scale + shift, x * scale + shift), z_score(x, x), atol=1e-6)


def test_neutral_components_are_the_fewest_that_explain_half(rng):
    neutral = rng.normal(size=(20, 6)) * [5, 4, 3, 2, 1, 0.5]
    x = rng.normal(size=(10, 6))
    pca = PCA().fit(neutral)
    share = pca.explained_variance_ratio_
    for wanted in (0.1, 0.5, 0.9, 1.0):
        n = next(k for k in range(1, 7) if share[:k].sum() >= wanted - 1e-9)
        axes = pca.components_[:n]
        assert np.allclose(without_neutral(x, neutral, wanted), x - x @ axes.T @ axes)
    assert np.allclose(without_neutral(x, neutral), without_neutral(x, neutral, 0.5))


@given(matrices, matrices)
def test_neutral_projection_twice_is_once_and_leaves_what_is_orthogonal(x, neutral):
    once = without_neutral(x, neutral)
    assert np.allclose(without_neutral(once, neutral), once, atol=1e-9)
    centred = neutral - neutral.mean(axis=0)
    outside = np.eye(5) - np.linalg.pinv(centred) @ centred
    assert np.allclose(without_neutral(x @ outside, neutral), x @ outside, atol=1e-7)


def test_a_direction_of_neutral_texts_vanishes_from_items(rng):
    """Planted: neutral texts vary along one axis, which also dominates the items."""
    axis = np.linalg.qr(rng.normal(size=(6, 1)))[0][:, 0]
    neutral = np.outer(rng.normal(size=12), axis) * 10 + 0.1 * rng.normal(size=(12, 6))
    emotion = rng.normal(size=(5, 6))
    spoilt = emotion + np.outer(rng.normal(size=5), axis) * 20
    clean = upper(cosine_matrix(emotion - np.outer(emotion @ axis, axis)))
    assert np.abs(upper(cosine_matrix(spoilt)) - clean).max() > 0.5
    assert np.allclose(upper(cosine_matrix(without_neutral(spoilt, neutral))), clean, atol=0.1)


def test_project_works_layer_by_layer_and_on_neutral_sentences_too(rng):
    data = some(rng)
    for name, function in (
        ("all_but_the_top", lambda v, x, y: all_but_the_top(v, x, 2)),
        ("z_score", lambda v, x, y: z_score(v, x)),
        ("neutral_pcs", lambda v, x, y: without_neutral(v, y)),
    ):
        got = project(data, name, components=2)
        for layer in range(2):
            x, y = (a[layer].astype(float) for a in (data.values, data.neutral))
            assert np.allclose(got.values[layer], function(x, x, y), atol=1e-5)
            assert np.allclose(got.neutral[layer], function(y, x, y), atol=1e-5)
        assert got.emotions == data.emotions
        assert not np.allclose(got.values, data.values)
    assert project(data, "none") is data


def test_all_but_the_top_takes_the_common_direction_out(rng):
    data = some(rng, hidden=40)
    before, after = (
        mean_pairwise_cosine(d.neutral) for d in (data, project(data, "all_but_the_top"))
    )
    assert before.min() > 0.25
    assert np.abs(after).max() < 0.2


def test_the_given_activations_are_not_written_to(rng):
    data = some(rng)
    values, neutral = data.values.copy(), data.neutral.copy()
    for name in Projection:
        project(data, name)
    assert np.array_equal(data.values, values)
    assert np.array_equal(data.neutral, neutral)


@pytest.mark.parametrize("projection", Projection)
def test_a_layer_that_is_not_finite_stays_as_it_is(rng, projection):
    data = some(rng)
    data.values[1, 3, 2] = np.inf
    got = project(data, projection)
    assert np.array_equal(got.values[1], data.values[1])
    assert np.isfinite(got.values[0]).all()


def test_what_cannot_be_projected_is_refused(rng):
    data = some(rng)
    with pytest.raises(ValueError, match="projection=pca: allowed is none, all_but_the_top"):
        project(data, "pca")
    with pytest.raises(ValueError, match="at least 2 neutral sentences, there are 1"):
        project(replace(data, neutral=data.neutral[:, :1]), "neutral_pcs")


@given(
    arrays(float, 15, elements=st.floats(-1, 1).map(lambda x: round(x, 3)), unique=True),
    arrays(float, 15, elements=st.floats(-1, 1).map(lambda x: round(x, 3)), unique=True),
)
def test_no_linear_normalisation_changes_a_correlation(a, b):
    rows = linear_normalisations(a, b)
    assert [r.name for r in rows] == ["none", "range", "z_score", "anisotropy"]
    for row in rows:
        assert row.spearman == pytest.approx(spearmanr(a, b)[0], abs=1e-9)
        assert row.pearson == pytest.approx(pearsonr(a, b)[0], abs=1e-7)


def test_the_normalisations_are_what_they_are_called(rng):
    a = rng.uniform(-0.5, 0.9, size=28)
    rows = {r.name: r for r in linear_normalisations(a, rng.normal(size=28))}
    moved = {name: (a - r.shift) / r.scale for name, r in rows.items()}
    assert rows["none"].largest_change == 0
    assert (moved["range"].min(), moved["range"].max()) == (0, pytest.approx(1))
    assert moved["z_score"].mean() == pytest.approx(0, abs=1e-12)
    assert moved["z_score"].std() == pytest.approx(1)
    assert np.allclose(moved["anisotropy"], (a - a.mean()) / (1 - a.mean()))
    for name in ("range", "z_score", "anisotropy"):
        assert rows[name].largest_change == pytest.approx(np.abs(moved[name] - a).max())
        assert rows[name].largest_change > 0.05


def test_a_constant_vector_changes_anisotropy_and_no_centred_cosine(rng):
    """The published flag is set and cleared at will; the RDM stays within rounding."""
    plain, added, subtracted = constant_added(some(rng), 1)
    assert plain.largest_change == 0
    assert plain.anisotropy < 0.9
    assert added.anisotropy > 0.9998
    assert -0.2 < subtracted.anisotropy < 0.05  # -1 / (sentences - 1), and less of a few
    assert max(added.largest_change, subtracted.largest_change) < 1e-9


def test_a_constant_needs_finite_layers_and_neutral_sentences(rng):
    data = some(rng)
    data.values[1, 0, 0] = np.inf
    with pytest.raises(ValueError, match="layer 1 has activations that are not finite"):
        constant_added(data, 1)
    with pytest.raises(ValueError, match="at least 2 neutral sentences, there are 1"):
        constant_added(replace(data, neutral=data.neutral[:, :1]), 0)

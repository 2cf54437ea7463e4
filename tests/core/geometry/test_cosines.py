import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from emo.core.compare.rdms import compare_vectors, mantel
from emo.core.geometry.cosines import (
    analytic_floor,
    anisotropy_bounds,
    cosine_matrix,
    finite_layers,
    mean_pairwise_cosine,
    rdm,
    rdm_std,
    reference_layers,
    upper,
)
from emo.core.records import EmotionVectors, LabelMismatch
from emo.core.stats.resampling import stream


def vectors(values, names=None):
    values = np.asarray(values, dtype=float)
    names = names or tuple(f"e{i}" for i in range(values.shape[1]))
    return EmotionVectors(values, names, tuple(1 for _ in names), "global")


def test_rdm_is_scipys_cosine_in_row_order(rng):
    x = rng.normal(size=(2, 6, 9))
    assert np.allclose(rdm(vectors(x), 1).cosines, 1 - pdist(x[1], "cosine"))
    assert np.allclose(mean_pairwise_cosine(x), [(1 - pdist(y, "cosine")).mean() for y in x])
    assert np.allclose(rdm_std(x), [pdist(y, "cosine").std() for y in x])


def test_equal_norms_pin_the_published_criterion_at_the_floor():
    """Vertices of a regular simplex: the mean cosine is -1/(n-1) exactly."""
    n = 7
    x = np.eye(n) - 1 / n
    assert upper(cosine_matrix(x)).mean() == pytest.approx(analytic_floor(n))


def test_anisotropy_of_one_shared_direction(rng):
    """Unit-variance noise plus c times a direction: cosine c^2 / (c^2 + d) in the limit."""
    d, c = 4000, 80.0
    x = rng.normal(size=(1, 30, d))
    x[..., 0] += c
    assert mean_pairwise_cosine(x)[0] == pytest.approx(c**2 / (c**2 + d), abs=0.01)


def test_reference_layers_round_down():
    assert reference_layers(26) == {"25%": 6, "50%": 13, "75%": 19}


def test_finite_layers_need_every_array(rng):
    a, b = rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 5, 2))
    a[1, 0, 0], b[2, 4, 1] = np.nan, np.inf
    assert finite_layers(a, b) == (0, 3)


def test_zero_vector_is_nan_not_a_number_that_looks_fine():
    assert np.isnan(cosine_matrix(np.array([[0.0, 0.0], [1.0, 0.0]]))[0, 1])


def test_mantel_against_a_loop_over_the_same_permutations(rng):
    x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    a, b = upper(cosine_matrix(x)), upper(cosine_matrix(y))
    rho, p = mantel(a, b, 99, stream(3, "mantel"))
    assert rho == pytest.approx(spearmanr(a, b)[0])
    orders = stream(3, "mantel").permuted(np.tile(np.arange(6), (99, 1)), axis=1)
    null = [spearmanr(upper(cosine_matrix(x)[np.ix_(o, o)]), b)[0] for o in orders]
    assert p == pytest.approx((1 + sum(r >= rho - 1e-12 for r in null)) / 100)


def test_mantel_finds_the_same_geometry_and_not_another(rng):
    x = rng.normal(size=(12, 5))
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    a, b = upper(cosine_matrix(x)), upper(cosine_matrix(x @ rotation))
    other = upper(cosine_matrix(rng.normal(size=(12, 5))))
    assert mantel(a, b, 499, rng) == (pytest.approx(1.0), 1 / 500)
    assert mantel(a, other, 499, rng)[1] > 0.05


@pytest.mark.slow
def test_mantel_false_positives_are_five_in_a_hundred():
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(2000):
        a = upper(cosine_matrix(rng.normal(size=(10, 6))))
        b = upper(cosine_matrix(rng.normal(size=(10, 6))))
        hits += mantel(a, b, 199, rng)[1] <= 0.05
    assert 0.04 <= hits / 2000 <= 0.06


def test_compare_refuses_other_emotions(rng):
    x = rng.normal(size=(1, 3, 4))
    with pytest.raises(LabelMismatch, match="position 0"):
        compare_vectors(vectors(x, ("a", "b", "c")), vectors(x, ("b", "a", "c")), 0, 0, rng)


def test_compare_reports_both_sides(rng):
    a, b = rng.normal(size=(2, 8, 4)), rng.normal(size=(3, 8, 6))
    got = compare_vectors(vectors(a), vectors(a), 1, 1, rng, permutations=99)
    assert (got.rho, got.mean_cosine) == (pytest.approx(1), pytest.approx(1))
    other = compare_vectors(vectors(a), vectors(b), 1, 2, rng, permutations=99)
    assert other.mean_cosine is None  # the hidden sizes differ
    assert other.layer_b == 2


def test_the_interval_of_anisotropy_covers_that_of_endlessly_many_sentences():
    """Sentences of a common direction and noise; 600 layers are 600 samples of 20 sentences."""
    rng = stream(0, "sentences")
    common = np.zeros(30)
    common[0] = 8.0
    many = common + rng.normal(size=(1, 4000, 30))
    truth = mean_pairwise_cosine(many)[0]
    bounds = anisotropy_bounds(common + rng.normal(size=(600, 20, 30)))
    covered = float(((bounds.low <= truth) & (truth <= bounds.high)).mean())
    assert 0.92 <= covered <= 0.98


def test_the_interval_lies_about_the_mean_over_pairs(rng):
    sentences = rng.normal(size=(3, 12, 5)) + 1
    bounds = anisotropy_bounds(sentences)
    assert (bounds.low + bounds.high) / 2 == pytest.approx(mean_pairwise_cosine(sentences))


def test_two_sentences_have_no_interval(rng):
    assert np.isnan(anisotropy_bounds(rng.normal(size=(2, 2, 5))).low).all()

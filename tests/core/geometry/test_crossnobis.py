"""The cross-validated distance: unbiased, in units of the scatter within emotions."""

import numpy as np
import pytest

from emo.core.geometry.crossnobis import Crossnobis, crossnobis
from emo.core.records import Activations, LabelMismatch

EMOTIONS, SITUATIONS, HIDDEN = 4, 6, 20


def world(seed, strength, scatter=1.0, of_situation=2.0, declared=True, situations=SITUATIONS):
    """Activations with planted means of emotions, and the true mean squared distance of these."""
    rng = np.random.default_rng(seed)
    means = strength * rng.normal(size=(EMOTIONS, HIDDEN))
    items = (
        means
        + of_situation * rng.normal(size=(situations, 1, HIDDEN))
        + scatter * rng.normal(size=(situations, EMOTIONS, HIDDEN))
    )
    values = items.reshape(1, -1, HIDDEN).astype(np.float32)
    emotions = tuple(f"e{i}" for _ in range(situations) for i in range(EMOTIONS))
    names = tuple(f"s{k}" for k in range(situations) for _ in range(EMOTIONS))
    ids = tuple(str(i) for i in range(len(emotions)))
    i, j = np.triu_indices(EMOTIONS, 1)
    true = ((means[i] - means[j]) ** 2).sum(axis=1).mean() / scatter**2
    return (
        Activations(values, ids, emotions, names if declared else None, values[:, :0], "last"),
        float(true),
    )


def distances(n, **settings):
    made = [world(seed, **settings) for seed in range(1000, 1000 + n)]
    return np.array([crossnobis(a, (0,), 0).distance()[0].value for a, _ in made]), np.array(
        [true for _, true in made]
    )


@pytest.mark.parametrize("declared", [True, False])
def test_it_is_zero_on_average_where_no_emotion_is_planted(declared):
    found, _ = distances(80, strength=0.0, declared=declared, of_situation=2.0 * declared)
    assert abs(found.mean()) < 3 * found.std() / np.sqrt(len(found))
    assert 0.25 < (found > 0).mean() < 0.75  # a plain squared distance is always above 0


def test_the_plain_squared_distance_of_the_same_worlds_is_not():
    def plain(a):
        labels = np.array(a.emotions)
        means = np.stack([a.values[0, labels == e].mean(axis=0) for e in sorted(set(labels))])
        i, j = np.triu_indices(EMOTIONS, 1)
        return ((means[i] - means[j]) ** 2).sum(axis=1).mean()

    found = np.array([plain(world(seed, 0.0)[0]) for seed in range(20)])
    assert found.min() > 1


@pytest.mark.parametrize("scatter", [1.0, 3.0])
def test_the_planted_distance_comes_out_in_units_of_the_scatter(scatter):
    settings = {"strength": 0.5 * scatter, "scatter": scatter, "of_situation": 0.0}
    found, true = distances(15, situations=20, **settings)
    assert found.mean() == pytest.approx(true.mean(), rel=0.2)


def test_the_metric_is_that_of_other_situations():
    """One pair of situations by the formula itself, with the covariance written out."""
    from emo.core.geometry.discriminants import ridge_of

    a, _ = world(3, 0.7)
    values = a.values[0].astype(np.float64).reshape(SITUATIONS, EMOTIONS, HIDDEN)
    others = values[[2, 3, 4]]  # blocks are situation % 5: 0 and 5 share one
    residual = (others - others.mean(axis=0)).reshape(-1, HIDDEN)
    gram, n = residual @ residual.T, len(residual)
    variance = np.trace(gram) / n / HIDDEN
    ridge = ridge_of(np.diagonal(gram), float((gram**2).sum()), HIDDEN)
    covariance = (
        (residual.T @ residual / n + ridge * np.eye(HIDDEN)) * variance / (variance + ridge)
    )
    covariance *= n / (n - EMOTIONS)
    i, j = np.triu_indices(EMOTIONS, 1)
    first, second = (values[s][i] - values[s][j] for s in (0, 1))
    expected = np.einsum("ph,hk,pk->p", first, np.linalg.inv(covariance), second).mean()
    assert crossnobis(a, (0,), 0).products[0, 0, 1] == pytest.approx(expected, rel=1e-6)


def test_a_situation_with_itself_is_no_estimate(rng):
    products = rng.normal(size=(2, 5, 5))
    products = products + products.transpose(0, 2, 1)
    for layer in products:
        np.fill_diagonal(layer, 0)
    weights = np.array([3.0, 1.0, 0.0, 2.0, 1.0])
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    total = sum(weights[i] * weights[j] for i, j in pairs)
    expected = sum(weights[i] * weights[j] * products[1, i, j] for i, j in pairs) / total
    assert Crossnobis(products).weighted(weights[None])[0, 1] == pytest.approx(expected)
    alone = np.array([[4.0, 0, 0, 0, 0]])
    assert np.isnan(Crossnobis(products).weighted(alone)).all()


def test_what_a_situation_adds_to_all_emotions_changes_nothing():
    a, _ = world(1, 0.5)
    moved = a.values.reshape(1, SITUATIONS, EMOTIONS, HIDDEN).copy()
    moved[:, 2] += 40
    other = Activations(
        moved.reshape(a.values.shape), a.item_ids, a.emotions, a.situations, a.neutral, "last"
    )
    before, after = (crossnobis(x, (0,), 0).products[0, 2, 3] for x in (a, other))
    assert after == pytest.approx(before, rel=0.02)  # in its own metric, which the others give


def test_too_few_situations_have_no_distance():
    assert crossnobis(world(0, 1.0, situations=3)[0], (0,), 0) is None
    assert crossnobis(world(0, 1.0, situations=4)[0], (0,), 0) is not None


def test_situations_that_lack_an_emotion_do_not_count():
    a, _ = world(0, 1.0)
    kept = np.arange(len(a.emotions) - 1)
    less = Activations(
        *(a.values[:, kept], a.item_ids[:-1], a.emotions[:-1], a.situations[:-1], a.neutral, "last")
    )
    assert crossnobis(less, (0,), 0).situations == SITUATIONS - 1


def test_two_emotions_are_too_few():
    values = np.ones((1, 8, 3), np.float32)
    labels, names = ("a", "b") * 4, tuple("11223344")
    with pytest.raises(LabelMismatch, match="at least 3"):
        crossnobis(Activations(values, names, labels, names, values[:, :0], "x"), (0,), 0)

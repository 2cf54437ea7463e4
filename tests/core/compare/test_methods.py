"""Estimators side by side: planted emotions, the algebra of the published cosine, equal numbers."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.choices import EstimatorName
from emo.core.compare.method_result import Bounded, Contrast, Order
from emo.core.compare.methods import (
    Items,
    cosine_accuracy,
    equal_units,
    mean_cosine,
    method_rows,
    probe_accuracy,
)
from emo.core.geometry.item_sets import ItemSet
from emo.core.records import Activations
from emo.core.stats.resampling import Resampling

FEW = Resampling(n_splits=6, n_bootstrap=20)
POLES = {"e0": 1.0, "e1": 1.0, "e2": -1.0, "e3": -1.0}


def world(seed, strength, situations=6, hidden=24, emotions=5, neutral=0, declared=True):
    """Items of planted emotion means, one layer; the first two emotions lie on one side."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(emotions, hidden))
    means[:2] += 2 * rng.normal(size=hidden)
    items = strength * means + rng.normal(size=(situations, 1, hidden))
    items = items + rng.normal(size=(situations, emotions, hidden))
    values = items.reshape(1, -1, hidden).astype(np.float32)
    labels = tuple(f"e{i}" for _ in range(situations) for i in range(emotions))
    names = tuple(f"s{k}" for k in range(situations) for _ in range(emotions))
    ids = tuple(map(str, range(len(labels))))
    sentences = rng.normal(size=(1, neutral, hidden)).astype(np.float32)
    return Activations(values, ids, labels, names if declared else None, sentences, "last")


def items_of(activations):
    return Items.of(activations, tuple(dict.fromkeys(activations.emotions)))


@pytest.fixture(scope="module")
def rows():
    items = items_of(world(0, 1.5, neutral=4))
    return method_rows(items, 0, list(EstimatorName), FEW, POLES)


def test_every_estimator_finds_planted_emotions(rows):
    assert [row.estimator for row in rows] == list(EstimatorName)
    for row in rows:
        assert row.accuracy.value > 0.6 > 1 / 5
        assert row.cosine_accuracy.value > 0.6
        assert row.accuracy.low <= row.accuracy.value <= row.accuracy.high
        assert row.valence is not None
        assert 0 < row.valence_p <= 1


def test_agreement_is_with_difference_of_means(rows):
    means, *others = rows
    assert means.agreement is None
    for row in others:
        assert row.agreement is not None
    assert rows[3].agreement.value == pytest.approx(1, abs=0.35)


def test_the_order_of_the_list_changes_no_number(rows):
    items = items_of(world(0, 1.5, neutral=4))
    (lda,) = method_rows(items, 0, [EstimatorName.lda], FEW, POLES)
    assert lda.accuracy == rows[3].accuracy
    assert lda.agreement.value == pytest.approx(rows[3].agreement.value)


def test_without_emotions_accuracies_are_chance():
    found = [
        cosine_accuracy(world(seed, 0.0), 0, name).value
        for seed in range(12)
        for name in ("mean_difference", "lda")
    ]
    assert np.mean(found) == pytest.approx(1 / 5, abs=0.05)


def test_the_cosine_reads_no_item_by_its_own_situation():
    """Items that hold nothing but their situation and noise: an item's own would give it away."""
    a = world(0, 0.0, situations=5, hidden=400)
    assert cosine_accuracy(a, 0, "mean_difference").value < 0.45
    assert probe_accuracy(a, 0).value < 0.45


@pytest.mark.parametrize("strength", [0.0, 2.0])
def test_centring_alone_gives_the_published_cosine(strength):
    """Inner products of vectors less their mean: off the diagonal -1 / (k - 1) of the diagonal."""
    items = ItemSet.make(world(3, strength), 0)
    products, _ = items.layer.products(items.layer.cells.everything)
    centre = np.eye(5) - 1 / 5
    products = centre @ products[0] @ centre
    off = products[np.triu_indices(5, 1)].mean()
    assert off / np.diagonal(products).mean() == pytest.approx(-1 / 4, rel=1e-9)
    found = mean_cosine(items, 0)
    assert -1 / 4 - 1e-9 <= found.value < -1 / 4 + 0.06  # the bound of any unit vectors


def test_vectors_of_equal_length_have_exactly_the_algebraic_cosine():
    corners = np.eye(5, 24, dtype=np.float32)
    values = np.tile(corners, (4, 1))[None]
    labels = tuple(f"e{i}" for _ in range(4) for i in range(5))
    names = tuple(f"s{k}" for k in range(4) for _ in range(5))
    a = Activations(values, names, labels, names, values[:, :0], "last")
    assert mean_cosine(ItemSet.make(a, 0), 0).value == pytest.approx(-1 / 4)


def test_neutral_centring_leaves_the_cosine_free(rows):
    far = world(0, 1.5, neutral=4)
    far = replace(far, neutral=far.neutral + 30)
    (row,) = method_rows(items_of(far), 0, [EstimatorName.mean_difference], FEW, POLES)
    assert row.neutral_cosine.value > 0.8
    assert row.global_cosine == rows[0].global_cosine


def test_without_neutral_texts_there_is_no_such_cosine():
    (row,) = method_rows(items_of(world(0, 1.5)), 0, [EstimatorName.lda], FEW, {})
    assert row.neutral_cosine is None
    assert row.valence is None


def test_items_labelled_neutral_are_the_centre_and_no_emotion():
    a = world(0, 1.5)
    labels = tuple("neutral" if e == "e4" else e for e in a.emotions)
    items = Items.of(replace(a, emotions=labels), ("e0", "e1", "e2", "e3"))
    assert items.neutral_words == "neutral texts"
    assert items.neutral.shape[1] == 6
    assert set(items.told.emotions) == {"e0", "e1", "e2", "e3"}


@pytest.mark.parametrize("declared", [True, False])
def test_fewer_units_are_whole_situations_or_items_of_every_emotion(declared):
    items = items_of(world(0, 1.5, situations=7, declared=declared))
    assert items.units == 7
    some = items.some(3, np.random.default_rng(0))
    assert len(some.emotions) == 15
    assert {some.emotions.count(e) for e in some.emotions} == {3}


def test_all_units_give_the_numbers_of_all():
    items = items_of(world(0, 1.5, situations=5))
    (row,) = method_rows(items, 0, [EstimatorName.mean_difference], FEW, POLES)
    equal = equal_units(items, 0, 5, FEW)
    assert equal["accuracy"] == row.accuracy
    assert equal["reliability"].value == pytest.approx(row.reliability.value)


def test_reliability_falls_with_fewer_units():
    items = items_of(world(0, 0.7, situations=16, emotions=8))
    whole, few = (equal_units(items, 0, n, FEW)["reliability"].value for n in (16, 5))
    assert few < whole


def test_a_contrast_has_the_interval_of_both():
    a, b = Bounded(0.6, 0.5, 0.7), Bounded(0.4, 0.3, 0.5)
    contrast = Contrast("accuracy", a, b)
    assert contrast.difference.value == pytest.approx(0.2)
    assert contrast.difference.low == pytest.approx(0.2 - np.hypot(0.1, 0.1))
    assert contrast.order is Order.above
    assert Contrast("accuracy", b, a).order is Order.below
    assert Contrast("accuracy", a, replace(b, high=0.65)).order is Order.untold


@pytest.mark.slow
def test_sources_without_a_difference_are_told_apart_in_at_most_5_percent():
    told = []
    for seed in range(100):
        sides = [items_of(world(1000 * k + seed, 0.6, situations=n)) for k, n in ((1, 12), (2, 5))]
        read, written = (equal_units(s, 0, 5, FEW) for s in sides)
        told.append(
            Contrast("accuracy", written["accuracy"], read["accuracy"]).order is not Order.untold
        )
    assert np.mean(told) <= 0.05

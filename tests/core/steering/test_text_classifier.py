"""The classifier of texts: its optimum, and that left-out tables know nothing of what is left out."""

import numpy as np
import pytest

from emo.core.steering.text_classifier import RIDGE, fitted, left_out_confusion

EMOTIONS = ("calm", "angry", "sad")


def texts(n_situations=12, strength=3.0, seed=0, hidden=8):
    rng = np.random.default_rng(seed)
    labels = [e for _ in range(n_situations) for e in EMOTIONS]
    groups = [f"s{i}" for i in range(n_situations) for _ in EMOTIONS]
    planted = strength * np.eye(len(EMOTIONS), hidden)[[EMOTIONS.index(e) for e in labels]]
    return planted + rng.standard_normal((len(labels), hidden)), labels, groups


def test_at_the_optimum_probabilities_add_up_to_the_labels():
    """The gradient of the bias is 0 there, and that of the weights is the ridge's share."""
    values, labels, _ = texts(strength=1.0)
    reader = fitted(values, labels)
    member = np.array([[label == e for e in reader.emotions] for label in labels], float)
    off = reader.probabilities(values) - member
    assert off.sum(axis=0) == pytest.approx(0, abs=2e-2)
    assert off.T @ values / len(labels) == pytest.approx(-RIDGE * reader.weights, abs=1e-3)


def test_planted_emotions_are_found_in_situations_left_out():
    found = left_out_confusion(*texts(strength=6.0))
    assert found.emotions == ("angry", "calm", "sad") and found.n == 36 and found.n_groups == 12
    assert found.accuracy > 0.9 and found.low > found.chance == pytest.approx(1 / 3)
    assert [sum(row) for row in found.counts] == [12, 12, 12]


def test_without_anything_planted_accuracy_is_chance():
    accuracies = [left_out_confusion(*texts(strength=0.0, seed=s)).accuracy for s in range(12)]
    assert np.mean(accuracies) == pytest.approx(1 / 3, abs=0.08)


def test_what_is_of_a_situation_helps_only_where_it_has_been_seen():
    """Texts are equal within a situation and emotions are drawn by situation: nothing carries over."""
    rng = np.random.default_rng(0)
    situations = rng.standard_normal((30, 40)).repeat(3, axis=0)
    groups = [f"s{i}" for i in range(30) for _ in range(3)]
    labels = [e for e in rng.choice(EMOTIONS, 30) for _ in range(3)]
    seen = fitted(situations, labels)
    names = [seen.emotions[int(i)] for i in seen.probabilities(situations).argmax(axis=1)]
    assert np.mean([a == b for a, b in zip(names, labels, strict=True)]) == 1
    assert left_out_confusion(situations, labels, groups).accuracy < 0.6


def test_one_situation_cannot_be_left_out():
    values, labels, _ = texts(2)
    with pytest.raises(ValueError, match="at least two situations"):
        left_out_confusion(values, labels, ["one"] * len(labels))

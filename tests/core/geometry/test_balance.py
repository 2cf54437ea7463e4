"""Balance of a set of texts: what is planted in a label's style is found, and chance is chance."""

import numpy as np
import pytest
from scipy.stats import f_oneway

from emo.core.geometry.balance import eta_squared, read_labels, style_balance

LABELS = tuple(f"e{i % 7}" for i in range(84))
SITUATIONS = tuple(f"s{i // 7}" for i in range(84))


def test_eta_squared_is_that_of_an_analysis_of_variance_within_situations(rng):
    values = rng.normal(size=(84, 3)) + np.repeat(rng.normal(size=(12, 3)) * 9, 7, axis=0)
    got = eta_squared(values, LABELS, SITUATIONS)
    centred = values - np.repeat(values.reshape(12, 7, 3).mean(axis=1), 7, axis=0)
    for feature in range(3):
        groups = [centred[i::7, feature] for i in range(7)]
        f = f_oneway(*groups).statistic
        assert got[feature] == pytest.approx(6 * f / (6 * f + 77))


def test_a_constant_and_one_that_only_situations_move_have_none():
    values = np.stack([np.full(84, 0.1), np.repeat(np.arange(12) / 3, 7)], axis=1)
    assert eta_squared(values, LABELS, SITUATIONS).tolist() == [0, 0]


def test_features_without_labels_are_read_at_chance_and_planted_ones_are_found(rng):
    chance = [
        read_labels(rng.normal(size=(84, 5)), LABELS, SITUATIONS, seed).accuracy
        for seed in range(8)
    ]
    assert abs(np.mean(chance) - 1 / 7) < 0.06
    values = rng.normal(size=(84, 5))
    values[::7, 2] += 8
    reading = read_labels(values, LABELS, SITUATIONS)
    assert reading.by_label["e0"] > 0.9 > max(reading.by_label[f"e{i}"] for i in range(1, 7))
    assert reading.low < reading.accuracy < reading.high


def test_words_that_most_texts_lack_are_read(rng):
    """Each label has three words of its own, each text one of them among thirty of no meaning.

    Z-scored, a word that one text has weighs as much as one that tells; as it is, it does not.
    """
    label = np.arange(84) % 7
    values = np.zeros((84, 800))
    values[np.arange(84), 3 * label + rng.integers(0, 3, 84)] = 1
    for text in values:
        text[21 + rng.choice(779, 30, replace=False)] = 0.3
    reading = read_labels(values, LABELS, SITUATIONS)
    assert reading.classifier == "accuracy"
    assert reading.accuracy > 0.7


def test_an_exclamation_mark_of_one_emotion_is_named():
    nouns = ("lamp", "tree", "door", "road", "hand", "boat", "wall", "coat", "ring", "pot", "sea")
    texts = [
        f"The {nouns[i % 11]} was near the {nouns[i % 5]}" + ("!" if i % 7 == 3 else ".")
        for i in range(84)
    ]
    balance = style_balance(texts, LABELS, SITUATIONS)
    assert balance.eta_squared["exclamation"] == pytest.approx(1)
    assert balance.reading.by_label["e3"] == pytest.approx(1)
    assert max(balance.eta_squared, key=lambda name: balance.eta_squared[name]) == "exclamation"

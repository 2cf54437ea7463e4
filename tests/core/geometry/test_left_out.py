"""What items are read as: by brute force, and as the accuracy curve counts it."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.geometry.comprehension import describe
from emo.core.geometry.left_out import UNREAD, read_as
from emo.core.records import Activations
from emo.core.stats.resampling import Resampling

EMOTIONS = ("calm", "happy", "proud", "sad")


def items(rng, n_situations=6, crossed=True, strength=1.0, n_layers=3):
    emotion = np.tile(np.arange(4), n_situations)
    situation = np.repeat(np.arange(n_situations), 4)
    values = rng.normal(size=(n_layers, len(emotion), 12))
    values += strength * rng.normal(size=(n_layers, 4, 12))[:, emotion]
    values += rng.normal(size=(n_layers, n_situations, 12))[:, situation]
    return Activations(
        values.astype(np.float32),
        tuple(f"{s}_{e}" for s, e in zip(situation, emotion, strict=True)),
        tuple(EMOTIONS[e] for e in emotion),
        tuple(f"place {s}" for s in situation) if crossed else None,
        rng.normal(size=(n_layers, 4, 12)).astype(np.float32),
        "last",
    )


def nearest_without_its_situation(activations, layer, item):
    values = activations.values[layer].astype(np.float64)
    rest = [i for i, g in enumerate(activations.groups) if g != activations.groups[item]]
    centroids = [
        values[[i for i in rest if activations.emotions[i] == e]].mean(axis=0) for e in EMOTIONS
    ]
    return int(np.argmin([((c - values[item]) ** 2).sum() for c in centroids]))


@pytest.mark.parametrize("crossed", [True, False])
def test_an_item_is_read_as_the_nearest_centroid_without_its_situation(rng, crossed):
    activations = items(rng, crossed=crossed)
    read = read_as(activations)
    for layer in range(3):
        for item in range(24):
            assert read[layer, item] == nearest_without_its_situation(activations, layer, item)


@pytest.mark.parametrize("remove", ["none", "situation"])
def test_the_share_read_as_written_is_the_accuracy_curve(rng, remove):
    activations = items(rng)
    written = np.array([EMOTIONS.index(e) for e in activations.emotions])
    share = (read_as(activations, remove) == written).mean(axis=1)
    settings = Resampling(n_splits=4, n_bootstrap=4, n_permutations=0)
    _, descriptors = describe(activations, settings, remove)
    np.testing.assert_allclose(share, descriptors.curves["accuracy"])
    assert 0.25 < share.mean() < 1


def test_many_items_are_read_as_few_are(rng):
    """Above a thousand items another way computes the same."""
    activations = items(rng, n_situations=260, n_layers=1)
    read = read_as(activations)
    some = rng.choice(1040, 30, replace=False)
    assert [nearest_without_its_situation(activations, 0, i) for i in some] == read[
        0, some
    ].tolist()


def test_an_emotion_of_a_single_situation_is_not_read(rng):
    activations = items(rng)
    emotions = list(activations.emotions)
    emotions[5] = "alone"
    read = read_as(replace(activations, emotions=tuple(emotions)))
    assert (read[:, 5] == UNREAD).all()
    assert (np.delete(read, 5, axis=1) != UNREAD).all()


def test_a_layer_that_is_not_finite_is_not_read(rng):
    activations = items(rng)
    activations.values[1, 3, 2] = np.inf
    read = read_as(activations)
    assert (read[1] == UNREAD).all()
    assert (read[[0, 2]] != UNREAD).all()

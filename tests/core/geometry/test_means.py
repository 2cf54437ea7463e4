import numpy as np
import pytest

from emo.core.geometry.means import group_means, remove_group_means
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Activations, LabelMismatch, require_same_labels


def activations(values, emotions, situations=None):
    values = np.asarray(values, dtype=np.float32)
    n = values.shape[1]
    return Activations(
        values=values,
        item_ids=tuple(f"i{k}" for k in range(n)),
        emotions=tuple(emotions),
        situations=situations,
        neutral=np.ones((values.shape[0], 2, values.shape[2]), np.float32),
        position="last",
    )


def test_centre_weighs_emotions_not_passages(rng):
    """Uneven counts: the mean of the per-emotion means is not the mean of the passages."""
    values = rng.normal(size=(2, 6, 5))
    emotions = ["a", "a", "a", "a", "b", "c"]
    got = emotion_vectors(activations(values, emotions))
    assert got.emotions == ("a", "b", "c")
    assert got.n_items == (4, 1, 1)
    for layer in range(2):
        x = values[layer].astype(np.float32).astype(float)
        means = [x[:4].mean(axis=0), x[4], x[5]]
        centre = sum(means) / 3
        for e in range(3):
            assert np.allclose(got.values[layer, e], means[e] - centre, atol=1e-12)


def test_uncentred_vectors_are_the_means(rng):
    values = rng.normal(size=(1, 4, 3))
    got = emotion_vectors(activations(values, "aabb"), centring="none")
    assert np.allclose(got.values[0, 0], values[0, :2].astype(np.float32).mean(axis=0), atol=1e-7)


def test_removing_situations_leaves_the_emotion_effect(rng):
    """item = situation + emotion, exactly: removal gives back the emotion effects."""
    situation, emotion = rng.normal(size=(4, 7)) * 50, rng.normal(size=(3, 7))
    values = (situation[:, None] + emotion[None]).reshape(1, 12, 7)
    got = emotion_vectors(
        activations(values, "abc" * 4, tuple(s for s in "wxyz" for _ in range(3))),
        remove="situation",
    )
    assert np.allclose(got.values[0], emotion - emotion.mean(axis=0), atol=1e-4)


def test_removal_needs_situations(rng):
    with pytest.raises(ValueError, match="situation column"):
        emotion_vectors(activations(rng.normal(size=(1, 3, 2)), "abc"), remove="situation")


def test_removal_leaves_groups_with_mean_zero(rng):
    groups = np.array([0, 1, 1, 0, 2])
    left = remove_group_means(rng.normal(size=(3, 5, 4)), groups)
    assert np.allclose(group_means(left, groups), 0, atol=1e-12)


def test_a_non_finite_item_spoils_its_own_layer_only(rng):
    values = rng.normal(size=(3, 6, 4))
    values[1, 2, 3] = np.inf
    got = emotion_vectors(activations(values, "aabbcc"))
    assert np.isfinite(got.values[[0, 2]]).all()
    assert not np.isfinite(got.values[1]).all()


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ("abc", "acb", "position 1: 'b' against 'c'"),
        ("ab", "abc", "2 against 3"),
    ],
)
def test_labels_must_agree_in_content_and_order(a, b, words):
    with pytest.raises(LabelMismatch, match=words):
        require_same_labels(a, b, "emotions")


def test_records_refuse_labels_that_do_not_fit():
    with pytest.raises(LabelMismatch, match="emotions has 2 labels for 3 items"):
        activations(np.zeros((1, 3, 2)), "ab")

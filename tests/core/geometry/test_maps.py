"""Maps that follow each other: distances stay, and no turn would follow better."""

import numpy as np
import pytest

from emo.core.geometry.cosines import cosine_matrix
from emo.core.geometry.maps import followed_maps, within_span
from emo.core.records import EmotionVectors


def vectors(values):
    n = values.shape[1]
    return EmotionVectors(values, tuple(f"e{i}" for i in range(n)), (1,) * n, "global")


def turn(angle, mirrored=False):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]]) @ np.diag([1, -1 if mirrored else 1])


def test_following_changes_no_distance(rng):
    made = vectors(rng.normal(size=(4, 7, 20)))
    maps = followed_maps(made, range(4))
    for layer in range(4):
        alone = followed_maps(made, [layer]).points[0]
        here = maps.points[layer]
        distances = [np.linalg.norm(x[:, None] - x[None], axis=2) for x in (here, alone)]
        np.testing.assert_allclose(*distances, atol=1e-12)


def test_no_turn_of_a_map_is_nearer_to_the_one_before(rng):
    maps = followed_maps(vectors(rng.normal(size=(3, 7, 20))), range(3))
    before, here = maps.points[0], maps.points[1]
    best = np.linalg.norm(here - before)
    for angle in np.linspace(0, 2 * np.pi, 73):
        for mirrored in (False, True):
            assert np.linalg.norm(here @ turn(angle, mirrored) - before) >= best - 1e-12


def test_a_rotated_layer_has_the_same_map(rng):
    first = rng.normal(size=(7, 20))
    rotation = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    maps = followed_maps(vectors(np.stack([first, first @ rotation])), [0, 1])
    np.testing.assert_allclose(maps.points[0], maps.points[1], atol=1e-9)
    np.testing.assert_allclose(maps.share[0], maps.share[1])


def test_vectors_in_a_plane_are_shown_whole(rng):
    plane = rng.normal(size=(6, 2))
    plane /= np.linalg.norm(plane, axis=1, keepdims=True)
    maps = followed_maps(vectors(np.pad(plane, ((0, 0), (0, 8)))[None]), [0])
    np.testing.assert_allclose(maps.share, [1])
    shown = np.linalg.norm(maps.points[0][:, None] - maps.points[0][None], axis=2)
    np.testing.assert_allclose(shown, np.linalg.norm(plane[:, None] - plane[None], axis=2))


def test_an_emotion_without_direction_does_no_harm(rng):
    values = rng.normal(size=(2, 5, 8))
    values[0, 2] = 0
    assert np.isfinite(followed_maps(vectors(values), [0, 1]).points).all()


@pytest.mark.parametrize("hidden", [3, 7, 40])
def test_coordinates_of_the_span_have_the_same_cosines_lengths_and_maps(rng, hidden):
    made = vectors(rng.normal(size=(3, 7, hidden)))
    made.values[1] = np.nan
    small = within_span(made)
    assert small.values.shape == (3, 7, min(7, hidden)) and np.isnan(small.values[1]).all()
    for layer in (0, 2):
        a, b = made.values[layer], small.values[layer]
        np.testing.assert_allclose(cosine_matrix(b), cosine_matrix(a), atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(b, axis=1), np.linalg.norm(a, axis=1), atol=1e-12)
    maps = [followed_maps(v, [0, 2]) for v in (made, small)]
    np.testing.assert_allclose(maps[1].share, maps[0].share, atol=1e-12)
    distances = [np.linalg.norm(m.points[1][:, None] - m.points[1][None], axis=2) for m in maps]
    np.testing.assert_allclose(*distances, atol=1e-9)

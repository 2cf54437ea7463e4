"""Components from cosines are those of the unit vectors; the counterpart keeps place and sign."""

import numpy as np
import pytest

from emo.core.geometry.components import counterpart, principal_components, square
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.geometry.lexical import lexical_norm, text_length


def test_scores_are_those_of_the_unit_vectors(rng):
    vectors = rng.normal(size=(9, 40))
    scores, shares = principal_components(upper(cosine_matrix(vectors)), 4)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    assert shares == pytest.approx((s**2 / (s**2).sum())[:4])
    for k in range(4):
        expected = u[:, k] * s[k]
        assert np.abs(scores[k]) == pytest.approx(np.abs(expected))
        assert scores[k][np.abs(scores[k]).argmax()] > 0


def test_rows_of_rdms_are_taken_at_once_and_missing_pairs_give_nan(rng):
    rdms = upper(cosine_matrix(rng.normal(size=(2, 3, 6, 10))))
    rdms[1, 2, 0] = np.nan
    scores, shares = principal_components(rdms, 2)
    assert scores.shape == (2, 3, 2, 6)
    assert np.isnan(scores[1, 2]).all() and np.isnan(shares[1, 2]).all()
    assert scores[0, 1] == pytest.approx(principal_components(rdms[0, 1], 2)[0])
    assert square(rdms[0, 0])[2, 2] == 1


def test_a_component_is_found_again_where_it_has_another_place(rng):
    axes = rng.normal(size=(2, 12))
    first = upper(cosine_matrix((axes * [[2.0], [1.0]]).T))
    other = upper(cosine_matrix((axes * [[1.0], [2.0]]).T))
    row = principal_components(first, 2)[0][0]
    again = counterpart(np.stack([first, other]), -row, 2)
    assert again[0] == pytest.approx(-row)
    assert np.corrcoef(again[1], -row)[0, 1] > 0.8


def test_words_of_an_emotions_texts():
    texts = ["Glad, so GLAD to be here", "It rained.", "no words of it"]
    labels = ("happy", "sad", "calm")
    emotions = ("sad", "happy")
    assert text_length(texts, labels, emotions).tolist() == [2, 6]
    values, share = lexical_norm(texts, labels, emotions, {"glad": 8.0, "here": 5.0})
    assert np.isnan(values[0]) and values[1] == pytest.approx(7)
    assert share == pytest.approx(3 / 8)
    assert lexical_norm(["7 8"], ("sad",), ("sad",), {})[1] == 0

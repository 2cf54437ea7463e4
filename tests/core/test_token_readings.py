"""Values of tokens on vectors, against the definition; means leave out what is marked."""

import numpy as np
import pytest

from emo.core.choices import TokenMeasure
from emo.core.frames import ResidualFrame
from emo.core.records import EmotionVectors
from emo.core.token_readings import (
    Mark,
    TokenReading,
    TokenReadings,
    lengths,
    measured,
    ranked,
    summarised,
)


def made(rng, n_layers=3, n_emotions=4, hidden=6):
    values = rng.normal(size=(n_layers, n_emotions, hidden))
    vectors = EmotionVectors(values, tuple("abcd"), (1,) * n_emotions, "global")
    frame = ResidualFrame(rng.normal(size=(n_layers, hidden)), np.arange(1.0, n_layers + 1))
    return vectors, frame, rng.normal(size=(n_layers, 5, hidden)).astype(np.float32)


@pytest.mark.parametrize("measure", TokenMeasure)
def test_a_value_is_that_of_the_definition(rng, measure):
    vectors, frame, tokens = made(rng)
    got = measured(frame, vectors, tokens, [0, 2], measure)
    assert got.shape == (2, 4, 5)
    for place, layer in enumerate([0, 2]):
        for e in range(4):
            for t in range(5):
                x, v = tokens[layer, t] - frame.centre[layer], vectors.values[layer, e]
                want = x @ v / np.linalg.norm(v)
                if measure is TokenMeasure.cosine:
                    want = want / np.linalg.norm(x)
                assert got[place, e, t] == pytest.approx(want, abs=1e-6)


def test_the_length_of_a_vector_counts_in_neither_and_that_of_a_token_in_projections_only(rng):
    vectors, _, tokens = made(rng)
    frame = ResidualFrame(np.zeros((3, 6)), np.ones(3))
    longer = EmotionVectors(7 * vectors.values, vectors.emotions, vectors.n_items, "global")
    for measure in TokenMeasure:
        one = measured(frame, vectors, tokens, [1], measure)
        assert np.allclose(one, measured(frame, longer, tokens, [1], measure), atol=1e-6)
        factor = 1 if measure is TokenMeasure.cosine else 3
        twice = measured(frame, vectors, 3 * tokens, [1], measure)
        assert np.allclose(twice, factor * one, atol=1e-5)


def test_what_has_no_value_is_nan_and_nothing_else_is(rng):
    vectors, frame, tokens = made(rng)
    tokens[1, 2, 0] = np.inf
    tokens[0, 3] = frame.centre[0] = 0
    got = measured(frame, vectors, tokens, [0, 1, 2], TokenMeasure.cosine)
    missing = np.isnan(got).all(axis=1)
    assert np.argwhere(missing).tolist() == [[0, 3], [1, 2]]
    assert np.isnan(got).any(axis=1).sum() == 2


def test_lengths_are_in_units_of_the_neutral_sentences(rng):
    _, frame, tokens = made(rng)
    want = np.linalg.norm(tokens[[0, 2]], axis=-1) / np.array([[1.0], [3.0]])
    assert np.allclose(lengths(frame, tokens, [0, 2]), want)


def reading(values, marks):
    values = np.asarray(values, dtype=np.float32)
    n = values.shape[-1]
    tokens = tuple(f" {i}" for i in range(n))
    return TokenReading(
        "text 1", "words", tokens, tuple(marks), values, np.ones((len(values), n), np.float32), None
    )


def test_marked_tokens_count_in_no_mean_no_scale_and_are_never_the_strongest():
    marks = [Mark.first, Mark.none, Mark.none, Mark.special]
    text = reading([[[9, 1, 3, -8], [9, 2, 2, 7]]], marks)
    readings = TokenReadings((text,), ("a", "b"), (4,), 4, "asked", TokenMeasure.cosine)
    assert text.mean(0).tolist() == [2, 2]
    assert readings.largest(0) == 3
    summary = summarised(readings, "run", "")
    assert summary.texts[0].strongest == (" 2", 2, "a", 3.0)
    assert summary.texts[0].means == (("a", 2.0), ("b", 2.0))


def test_a_text_of_marked_tokens_alone_has_no_mean():
    text = reading([[[9.0], [8.0]]], [Mark.first])
    readings = TokenReadings((text,), ("a", "b"), (4,), 4, "asked", TokenMeasure.cosine)
    summary = summarised(readings, "run", "")
    assert summary.texts[0].means == () and summary.texts[0].strongest is None
    assert readings.largest(0) == 0


def test_ranks_leave_out_what_has_no_value():
    got = ranked(("a", "b", "c"), np.array([0.1, np.nan, 0.3]))
    assert got == (("c", 0.3), ("a", 0.1))

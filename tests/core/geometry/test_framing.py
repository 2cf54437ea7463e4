"""The frame of a run puts the run's own items where their emotion vectors are."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.choices import Projection
from emo.core.geometry.framing import residual_frame
from emo.core.geometry.projections import all_but_the_top, project, without_neutral, z_score
from emo.core.geometry.vectors import emotion_vectors
from tests.core.planted import crossed, record


def some(rng, n_layers=2, hidden=12):
    """Activations of four emotions, the first called neutral, with a large common direction."""
    emotions, groups = crossed(4, 6)
    one = record(np.zeros((24, hidden)), emotions, groups)
    values = rng.normal(size=(n_layers, 24, hidden)) + 5 * np.eye(hidden)[0]
    values[..., 3] = 2.0  # a dimension in which no item differs
    neutral = rng.normal(size=(n_layers, 8, hidden)) + 4 * np.eye(hidden)[0]
    return replace(
        one,
        values=values.astype(np.float32),
        neutral=neutral.astype(np.float32),
        emotions=tuple("neutral" if e == "e0" else e for e in one.emotions),
    )


def means(frame, activations, emotions):
    """Mean over the placed items of each emotion, [layer emotion hidden]."""
    labels = np.array(activations.emotions)
    placed = [frame.placed(layer, i) for i, layer in enumerate(activations.values)]
    return np.array([[rows[labels == e].mean(axis=0) for e in emotions] for rows in placed])


@pytest.mark.parametrize("projection", [p.value for p in Projection])
@pytest.mark.parametrize("centring", ["global", "neutral", "none"])
def test_placed_items_have_the_emotion_vectors_as_their_means(rng, projection, centring):
    activations = some(rng)
    vectors = emotion_vectors(project(activations, projection), centring)
    frame = residual_frame(activations, projection, centring)
    got = means(frame, activations, vectors.emotions)
    assert np.allclose(got, vectors.values, atol=1e-5)  # a projection is rounded to float32
    assert (frame.axes is None) == (projection == "none")


def test_an_activation_of_another_text_is_placed_by_what_the_runs_own_items_gave(rng):
    activations = some(rng)
    new = rng.normal(size=(3, 12))
    x, y = (v[1].astype(float) for v in (activations.values, activations.neutral))
    for projection, want in (
        ("none", new),
        ("all_but_the_top", all_but_the_top(new, x)),
        ("z_score", z_score(new, x)),
        ("neutral_pcs", without_neutral(new, y)),
    ):
        placed = residual_frame(activations, projection, "none").placed(new, 1)
        assert np.allclose(placed, want, atol=1e-9)


def test_without_situations_a_new_text_is_centred_on_the_items_as_they_were(rng):
    activations = some(rng)
    frame = residual_frame(activations, "none", "global")
    vectors = emotion_vectors(activations, "global", "situation")
    got = means(frame, activations, vectors.emotions)
    assert np.allclose(got, vectors.values, atol=1e-5)  # every situation is told for every emotion


def test_the_norm_is_that_of_the_neutral_sentences_before_any_projection(rng):
    activations = some(rng)
    want = np.linalg.norm(activations.neutral.astype(float), axis=-1).mean(axis=1)
    for projection in ("none", "z_score"):
        assert np.allclose(residual_frame(activations, projection).norm, want)
    none = replace(activations, neutral=activations.neutral[:, :0])
    assert np.isnan(residual_frame(none).norm).all()


@pytest.mark.parametrize("projection", [p.value for p in Projection])
def test_a_layer_that_is_not_finite_places_nothing(rng, projection):
    activations = some(rng)
    activations.values[1, 3, 5] = np.inf
    frame = residual_frame(activations, projection)
    assert np.isnan(frame.placed(activations.values[1], 1)).all()
    assert np.isfinite(frame.placed(activations.values[0], 0)).all()

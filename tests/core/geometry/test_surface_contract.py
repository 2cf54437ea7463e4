"""What every surface baseline promises, and that a new one is taken wherever they are used."""

import numpy as np
import pytest

from emo.core.choices import UnknownChoice
from emo.core.geometry.item_sets import ItemSet
from emo.core.geometry.surface import SURFACES, surface_of

TEXTS = (
    "the sea is calm",
    "rain on the sea",
    "nobody came, and it rained",
    "calm rain",
    "",
    "calm rain",
)


def lengths(texts):
    """A baseline as somebody might add it: numbers of characters and of words."""
    return np.array([[len(text), len(text.split())] for text in texts], dtype=np.float64)


each_surface = pytest.mark.parametrize(
    "surface", [*SURFACES.values(), lengths], ids=lambda f: f.__name__
)


@each_surface
def test_there_is_one_finite_vector_per_text(surface):
    got = surface(TEXTS)
    assert got.ndim == 2 and len(got) == len(TEXTS) and np.isfinite(got).all()


@each_surface
def test_equal_texts_have_equal_vectors_and_a_text_without_words_is_zero(surface):
    got = surface(TEXTS)
    assert got[3] == pytest.approx(got[5], abs=1e-9)
    assert got[4] == pytest.approx(np.zeros(got.shape[1]), abs=1e-6)


@each_surface
def test_the_order_of_the_texts_does_not_matter(surface):
    order = [4, 2, 0, 5, 1, 3]
    a, b = surface(TEXTS), surface([TEXTS[i] for i in order])
    assert b @ b.T == pytest.approx((a @ a.T)[np.ix_(order, order)])


@pytest.mark.parametrize("name", [*SURFACES, "lengths"])
def test_labels_travel_and_an_rdm_can_be_had(name, monkeypatch):
    monkeypatch.setitem(SURFACES, "lengths", lengths)
    emotions = ("calm", "calm", "sad", "sad", "happy", "happy")
    got = surface_of(TEXTS, tuple("abcdef"), emotions, None, name)
    assert (got.emotions, got.item_ids, got.position) == (emotions, tuple("abcdef"), name)
    assert got.values.shape[:2] == (1, 6) and got.neutral.shape[1] == 0
    assert np.isfinite(ItemSet.make(got, 0).rdm(("calm", "sad", "happy"))).all()


def test_an_unknown_surface_is_refused():
    with pytest.raises(UnknownChoice, match="surface=tfidf: allowed is style_counts, tfidf_words"):
        surface_of(TEXTS, tuple("abcdef"), tuple("abcdef"), None, "tfidf")

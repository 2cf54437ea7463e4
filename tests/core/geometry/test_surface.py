"""Oracle: scikit-learn's TfidfVectorizer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from emo.core.geometry.cosines import cosine_matrix, rdm, upper
from emo.core.geometry.item_sets import ItemSet
from emo.core.geometry.surface import (
    character_ngrams,
    coordinates,
    surface_activations,
    tf_idf,
    words,
)
from emo.core.geometry.vectors import emotion_vectors
from emo.core.records import Passage, StimulusSet

TEXTS = (
    "The harbour was quiet. Quiet, quiet water!",
    'Ürsula\'s  naïve\t\tdog "Ångström" barked 12 times (at 3 a.m.)',
    "I  am\n\nhere; it's over—isn't it? the END",
    "静かな 港 に 犬 が いた",
    "the the the",
)
texts = st.lists(
    st.text(alphabet="abAB éß1_'-., \n\t静か", min_size=3, max_size=25), min_size=2, max_size=6
)


def agrees(ours, theirs, texts):
    want = theirs.fit_transform(texts)
    got = tf_idf(texts, ours)
    assert got.shape == want.shape
    assert np.allclose(got.toarray(), want.toarray(), atol=1e-14)


def test_words_are_scikit_learns_defaults():
    agrees(words, TfidfVectorizer(), TEXTS)


@pytest.mark.parametrize("sizes", [(3, 5), (1, 2), (4, 4)])
def test_character_ngrams_are_scikit_learns(sizes):
    agrees(
        lambda text: character_ngrams(text, *sizes),
        TfidfVectorizer(analyzer="char", ngram_range=sizes),
        TEXTS,
    )


@given(texts)
def test_any_text_is_split_as_scikit_learn_splits_it(texts):
    agrees(
        lambda text: character_ngrams(text, 2, 3),
        TfidfVectorizer(analyzer="char", ngram_range=(2, 3)),
        texts,
    )
    if any(list(words(text)) for text in texts):
        agrees(words, TfidfVectorizer(), texts)


def test_a_text_without_words_is_zero():
    assert not tf_idf(("a b", "word"), words).toarray()[0].any()


def test_coordinates_keep_every_inner_product_in_few_dimensions(rng):
    full = tf_idf(TEXTS, character_ngrams)
    small = coordinates(full)
    assert small.shape[1] <= len(TEXTS) < full.shape[1]
    weights = rng.normal(size=(3, len(TEXTS)))
    a, b = weights @ full.toarray(), weights @ small
    assert np.allclose(a @ a.T, b @ b.T, atol=1e-12)


def test_coordinates_of_texts_that_repeat_are_fewer():
    assert coordinates(tf_idf(("one two", "one two", "three four"), words)).shape[1] == 2


def passages(situations=True):
    rows = [
        ("afraid", "quay", "The boards shook and the sea came up black."),
        ("afraid", "shop", "Behind the counter the boards shook."),
        ("calm", "quay", "The sea lay flat, and the boards were warm."),
        ("calm", "shop", "Behind the counter dust lay in the sun."),
        ("proud", "quay", "She had laid every one of the boards herself."),
        ("proud", "shop", "Her name hung behind the counter."),
    ]
    items = tuple(
        Passage(f"{place}_{e}", e, text, place if situations else None) for e, place, text in rows
    )
    return StimulusSet(items, ("Today is Tuesday.",), "test", "0")


@pytest.mark.parametrize(
    ("surface", "terms"), [("tfidf_words", words), ("tfidf_characters", character_ngrams)]
)
def test_surface_vectors_go_the_way_of_activations(surface, terms):
    """RDM from the full TF-IDF vectors, by hand."""
    stimuli = passages()
    got = surface_activations(stimuli, surface)
    assert got.situations == ("quay", "shop") * 3
    full = tf_idf([p.text for p in stimuli.items], terms).toarray()
    means = full.reshape(3, 2, -1).mean(axis=1)
    want = upper(cosine_matrix(means - means.mean(axis=0)))
    assert np.allclose(rdm(emotion_vectors(got), 0).cosines, want, atol=1e-6)
    assert np.allclose(ItemSet.make(got, 0).rdm(("afraid", "calm", "proud")), want, atol=1e-6)
    assert surface_activations(passages(situations=False), surface).situations is None

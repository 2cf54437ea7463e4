"""Style counts know how a text is written and none of its content words."""

import numpy as np
import pytest

from emo.core.geometry.function_words import FUNCTION_WORDS, LANGUAGES
from emo.core.geometry.style import COUNTS, style_counts
from emo.core.geometry.surface import surface_of


def test_other_content_words_of_the_same_length_change_nothing():
    a, b = "The lamp was green, and she saw it. Late!", "The tree was shiny, and she hid it. Cold!"
    got = style_counts([a, b, "I can't. I will not go; no, never again?"])
    assert got.shape == (3, len(COUNTS))
    assert got[0] == pytest.approx(got[1])
    assert np.abs(got[0] - got[2]).max() > 1


@pytest.mark.parametrize(
    ("plain", "marked", "column"),
    [
        ("She saw it.", "She saw it!", "exclamation"),
        ("She saw it.", "She saw it; it.", "semicolon"),
        ("She saw it.", '"She saw it."', "quote"),
        ("She saw it.", "\u201cShe saw it.\u201d", "quote"),
        ("She saw it.", "She saw it\u2026", "ellipsis"),
        ("She saw it.", "She didn't see it.", "negation"),
        ("She saw it.", "She didn\u2019t see it.", "negation"),
        ("She saw it.", "He saw it.", "he"),
        ("She saw it.", "She had seen it.", "had"),
    ],
)
def test_a_mark_or_a_function_word_is_counted(plain, marked, column):
    got = style_counts([plain, marked])[:, COUNTS.index(column)]
    assert got[0] < got[1]


def test_sentences_and_their_lengths_are_counted():
    got = style_counts(["One two. Three four five six.", "One two three four five six."])
    sentences, per_sentence, spread = got[:, -6], got[:, -5], got[:, -4]
    assert sentences[0] == pytest.approx(2 * sentences[1])
    assert per_sentence[1] == pytest.approx(2 * per_sentence[0])
    assert spread[0] > spread[1] == 0


def test_a_style_planted_in_emotions_is_in_the_rdm(rng):
    """Two emotions told with exclamation marks, two without: alike by style alone."""
    from emo.core.geometry.item_sets import ItemSet

    emotions = np.repeat(["a", "b", "c", "d"], 8)
    nouns = ("lamp", "tree", "door", "road", "hand", "boat", "wall", "coat")
    ends = {"a": "!", "b": "!", "c": ".", "d": "."}
    texts = [f"The {rng.choice(nouns)} was near the {rng.choice(nouns)}{ends[e]}" for e in emotions]
    ids = tuple(map(str, range(len(texts))))
    made = surface_of(texts, ids, tuple(emotions), None, "style_counts")
    rdm = ItemSet.make(made, 0).rdm(("a", "b", "c", "d"))
    assert rdm[0] > 0.5 and rdm[5] > 0.5 and rdm[[1, 2, 3, 4]].max() < 0


def test_every_language_has_the_same_groups_and_no_word_twice():
    for groups in LANGUAGES.values():
        assert list(groups) == list(FUNCTION_WORDS)
        words = [word for group in groups.values() for word in group]
        assert len(set(words)) == len(words)


def test_function_words_are_those_of_the_texts_own_language():
    texts = ["Sie war nicht im Haus, und er wartete.", "Er hatte es ihr nie gesagt.", "Was nun?"]
    got = style_counts(texts)
    negation = got[:, COUNTS.index("negation")]
    assert (negation[:2] > 0).all() and negation[2] == 0
    assert got[2, COUNTS.index("was")] == 0
    assert got[2, COUNTS.index("that")] > 0  # "was" is "what"

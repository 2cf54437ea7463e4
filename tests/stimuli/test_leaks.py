"""Words that name an emotion: forms, phrases and parts are found, other words are not."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emo.stimuli.emotion_lists import read_emotions
from emo.stimuli.leaks import leaked, stems_by_emotion, stems_of
from emo.stimuli.loading import DATA

WORDS = read_emotions(DATA / "frontier171.txt")


@pytest.mark.parametrize(
    ("text", "emotion", "found"),
    [
        ("She was ANGRY. Angrily she left, in anger.", "angry", ("angry", "angrily", "anger")),
        ("He was half-angry.", "angry", ("half-angry",)),
        ("Anger's end", "angry", ("anger's",)),
        ("Anger\u2019s end", "angry", ("anger's",)),
        ("The dangerous road, the hangar.", "angry", ()),
        ("He sat at\nease there.", "at ease", ("ease", "at ease")),
        ("He sat at his desk.", "at ease", ()),
        ("A worn-out coat", "worn out", ("worn-out",)),
        ("a saddle, a sad dog", "sad", ("sad",)),
        ("contents of the box", "content", ()),
        ("", "sad", ()),
    ],
)
def test_what_names_an_emotion(text, emotion, found):
    assert leaked(text, stems_of(emotion)) == found


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_found_by_its_own_entry(word):
    assert leaked(f"They were {word}, they said.", stems_of(word))


def test_the_lexicons_have_an_entry_for_every_word_and_no_emotion_twice():
    mine = yaml.safe_load((DATA / "near_synonyms.yaml").read_text())
    theirs = yaml.safe_load((DATA / "lexicon.yaml").read_text())
    assert set(mine) & set(theirs) == set()
    assert set(WORDS) <= set(stems_by_emotion())
    assert all(stem == stem.lower() for stems in mine.values() for stem in stems)


def test_an_emotion_that_no_lexicon_has_is_found_by_its_name():
    assert leaked("Saudades, and saudade.", stems_of("Saudade")) == ("saudades", "saudade")
    assert leaked("a deep calm sea", stems_of("deep calm")) == ("deep calm",)


@given(st.text(), st.sampled_from(WORDS))
def test_any_text_can_be_looked_through(text, emotion):
    stems = stems_of(emotion)
    assert set(leaked(text, stems)) <= set(leaked(f"{text} {emotion} {text}", stems))

"""The bundled poles, and what is refused in a user's."""

import numpy as np
import pytest

from emo.errors import StimuliError
from emo.stimuli.emotion_words import EMOTION_WORDS, load_emotion_words
from emo.stimuli.loading import load_stimuli
from emo.stimuli.poles import load_poles


def test_every_bundled_emotion_has_a_pole_and_it_is_the_judges():
    poles = load_poles()
    assert set(poles.values) == set(load_stimuli().emotions)
    assert sorted(poles.values.values()) == [-1.0] * 11 + [0.0] * 2 + [1.0] * 8
    for emotion, words in load_emotion_words().items():
        assert poles.values[emotion] == (words.pole if np.isfinite(words.pole) else 0)


def test_a_copy_of_the_bundled_file_can_be_edited(tmp_path):
    copy = tmp_path / "mine.yaml"
    text = EMOTION_WORDS.read_text()
    copy.write_text(text)
    assert load_poles(copy).sha256 == load_poles().sha256
    copy.write_text(text.replace("calm: {pole: pleasant", "calm: {pole: none"))
    assert load_poles(copy).values["calm"] == 0
    assert load_poles(copy).sha256 != load_poles().sha256


def test_short_lines_do_and_case_does_not_matter(tmp_path):
    path = tmp_path / "short.yaml"
    path.write_text("Joy: pleasant\ngrief: unpleasant\n'yes': none\n")
    poles = load_poles(path)
    assert poles.of(["joy", "GRIEF", "awe"]) == {"joy": 1.0, "GRIEF": -1.0}
    assert poles.source == str(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[", "not YAML"),
        ("", "must be a mapping of emotions to poles (pleasant, unpleasant, none)"),
        ("- joy", "must be a mapping"),
        ("joy: good", "'joy': its pole is 'good'; allowed is pleasant, unpleasant, none"),
        ("joy: 1", "line 1: YAML reads '1' as a number"),
        ("joy:", "'joy': its pole is ''"),
        ("joy: {labels: [fun]}", "'joy': its pole is None"),
        ("joy: {pole: pleasant, arousal: high}", "'joy': no such entry: 'arousal'"),
        ("joy: [pleasant]", "'joy': its pole is ['pleasant']"),
        ("joy: pleasant\njoy: none", "'joy' stands twice"),
        ("joy: pleasant\nJoy: none", "'Joy': is the same emotion as 'joy'"),
    ],
)
def test_what_is_wrong_is_named_with_the_setting_and_the_file(tmp_path, content, problem):
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(StimuliError) as error:
        load_poles(path)
    assert problem in str(error.value)
    assert str(error.value).startswith("stimuli.poles=")
    assert "bad.yaml" in str(error.value)

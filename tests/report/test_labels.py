"""Words of reports about passages that are labelled by their situations."""

import pytest
from matplotlib.figure import Figure

from emo.core.choices import Label
from emo.report.labels import figure_in_words_of, in_words_of


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("an emotion, Emotion vectors, emotions.", "a situation, Situation vectors, situations."),
        ("halves by situation: a situation", "halves by emotion: an emotion"),
        ("python launch.py stimuli.label=situation", "python launch.py stimuli.label=situation"),
        ("emotion=x, emotion_words.csv, emotional", "emotion=x, emotion_words.csv, emotional"),
        ("emotion-geometry of emotions", "emotion-geometry of situations"),
        ("nearest pair: an emotion at sea, emotion", "nearest pair: an emotion at sea, situation"),
    ],
)
def test_both_words_are_exchanged_and_settings_and_names_are_not(text, want):
    kept = ["an emotion at sea", "a"]
    assert in_words_of(Label.situation, text, kept) == want
    assert in_words_of(Label.emotion, text, kept) == text


def test_a_figure_is_worded_alike():
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_title("my emotion\ncosines of emotion vectors")
    axes.set_ylabel("emotions")
    assert figure_in_words_of(Label.situation, figure, ["my emotion"]) is figure
    assert axes.get_title() == "my emotion\ncosines of situation vectors"
    assert axes.get_ylabel() == "situations"

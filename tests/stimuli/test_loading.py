import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo.errors import StimuliError
from emo.stimuli.loading import load_stimuli, read_neutral, read_passages

GOOD = "emotion,passage_id,text\nsad,1,Rain.\ncalm,1,Sun.\nproud,1,Wind.\n"


def write(tmp_path, content, name="p.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problems(tmp_path, content):
    with pytest.raises(StimuliError) as caught:
        read_passages(write(tmp_path, content))
    return caught.value.problems


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n"),
        "# source: somewhere\n\n" + GOOD.replace("calm", "\n# note, with commas\ncalm") + "\n\n",
        "Passage_ID, Emotion ,text\n1,sad,Rain.\n1,calm,Sun.\n1,proud,Wind.\n",
        GOOD.rstrip("\n"),
    ],
    ids=["plain", "bom", "crlf", "comments", "column order and case", "no last newline"],
)
def test_the_published_format_and_its_variants(tmp_path, content):
    items = read_passages(write(tmp_path, content)).items
    assert [(p.emotion, p.text) for p in items] == [
        ("sad", "Rain."),
        ("calm", "Sun."),
        ("proud", "Wind."),
    ]
    assert {p.situation for p in items} == {None}


def test_quoted_commas_quotes_and_line_breaks(tmp_path):
    text = (
        'emotion,passage_id,text\nsad,1,"He said ""no"", twice."\ncalm,1,"One\n# two"\nproud,1,x\n'
    )
    items = read_passages(write(tmp_path, text)).items
    assert items[0].text == 'He said "no", twice.'
    assert items[1].text == "One\n# two"  # inside quotes '#' is text


def test_uneven_counts_any_emotions_and_a_situation(tmp_path):
    text = (
        "emotion,passage_id,text,situation\nennui,a,x,s1\nennui,b,y,s2\nawe,a,z,s1\nspite,a,w,s1\n"
    )
    stimuli = load_stimuli(write(tmp_path, text))
    assert stimuli.emotions == ("ennui", "awe", "spite")
    assert stimuli.crossed


def test_everything_wrong_is_reported_at_once_with_lines(tmp_path):
    text = (
        "# comment\nemotion,passage_id,text\nsad,1,  \n\nsad,1,Rain.\n,2,Sun.\ncalm,3,a,b\n"
        "calm,4,Fine.\n"
    )
    listed = problems(tmp_path, text)
    assert any(p.startswith("line 3:") and "text is empty" in p for p in listed)
    assert any(p.startswith("line 5:") and "line 3 already" in p for p in listed)
    assert any(p.startswith("line 6:") and "emotion is empty" in p for p in listed)
    assert any(p.startswith("line 7:") and "4 fields" in p and "quotes" in p for p in listed)
    assert len(listed) == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("emotion,passage_id,text\n", "no passages"),
        (
            "emotion,passage_id\nsad,x\n",
            "line 1: no column text; there are 'emotion', 'passage_id'",
        ),
        ("emotion,passage_id,text\nsad,1,x\nsad,2,y\n", "1 emotion (sad)"),
        ("emotion,passage_id,text\nsad,1,x\ncalm,2,y\n", "2 emotions"),
        (GOOD.encode() + b"sad,9,caf\xe9\n", "line 5: not UTF-8"),
        (GOOD + 'sad,9,"never closed\n', "double quote"),
        (
            GOOD.replace("text", "text,situation")
            .replace(".\n", ".,\n", 1)
            .replace("Sun.", "Sun.,s")
            .replace("Wind.", "Wind.,s"),
            "situation is empty",
        ),
    ],
)
def test_bad_files(tmp_path, content, words):
    assert words in " ".join(problems(tmp_path, content))


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        for parameter, load in (("path", read_passages), ("neutral_path", read_neutral)):
            words = rf"^stimuli\.{parameter}={re.escape(str(path))}: cannot be read"
            with pytest.raises(StimuliError, match=words):
                load(path)


def test_digest_follows_content_not_layout(tmp_path):
    a = load_stimuli(write(tmp_path, GOOD, "a.csv"))
    b = load_stimuli(write(tmp_path, "# x\n" + GOOD.replace("\n", "\r\n"), "b.csv"))
    c = load_stimuli(write(tmp_path, GOOD.replace("Rain.", "Rain!"), "c.csv"))
    assert a.sha256 == b.sha256 != c.sha256
    neutral = write(tmp_path, "- One.\n- Two.\n", "n.yaml")
    assert load_stimuli(write(tmp_path, GOOD, "a.csv"), neutral).sha256 != a.sha256


@pytest.mark.parametrize("content", ["", "a: b", "- x", "- x\n- 3", "- x\n- ' '", "- [", "x: ["])
def test_bad_neutral_sentences(tmp_path, content):
    with pytest.raises(StimuliError):
        read_neutral(write(tmp_path, content, "n.yaml"))


@given(st.binary(max_size=300))
def test_no_bytes_whatever_give_a_traceback(content):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.csv"
        path.write_bytes(b"emotion,passage_id,text\n" + content)
        try:
            read_passages(path)
        except StimuliError as error:
            assert error.problems


def test_first_situations_keep_order_and_name_the_smaller_set(small_csv):
    from emo.stimuli.loading import first_situations

    whole = load_stimuli(small_csv)
    part = first_situations(whole, 2)
    assert list(dict.fromkeys(p.situation for p in part.items)) == ["quay", "kitchen"]
    assert part.items == whole.items[:10]
    assert part.neutral == whole.neutral
    assert part.sha256 != whole.sha256
    everything = first_situations(whole, 99)
    assert (everything.items, everything.sha256) == (whole.items, whole.sha256)


def test_without_situations_the_first_passages_of_each_emotion(tmp_path):
    from emo.stimuli.loading import first_situations

    path = tmp_path / "p.csv"
    rows = [f"{e},{i},Text {e} {i}." for e in "abc" for i in (1, 2, 3)]  # ids anew in each emotion
    path.write_text("emotion,passage_id,text\n" + "\n".join(rows))
    part = first_situations(load_stimuli(path), 2)
    assert [(p.emotion, p.id) for p in part.items] == [(e, i) for e in "abc" for i in "12"]

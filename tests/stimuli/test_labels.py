"""Labels that are probably mistakes are named; what no label can be is refused."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo.core.records import Passage
from emo.errors import StimuliError
from emo.stimuli.labels import label_warnings, seen_label, spelt, visible
from emo.stimuli.loading import load_stimuli, read_passages


def warnings(*emotions, situations=None):
    told = situations or [None] * len(emotions)
    items = [
        Passage(str(i), e, f"Text {i}.", s)
        for i, (e, s) in enumerate(zip(emotions, told, strict=True))
    ]
    return label_warnings(items)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Proud", "proud"),
        ("STRASSE", "straße"),
        ("naïve", unicodedata.normalize("NFD", "naïve")),
        ("ﬁne", "fine"),
        ("\uff43\uff41\uff4c\uff4d", "calm"),
        ("at ease", "at  ease"),
        ("at ease", "atease"),
        ("at\u00a0ease", "at ease"),
        ("shy", "s\u00adhy"),
        ("shy", "\u2060shy"),
        ("shy", "shy\ufe0f"),
        ("shy", "shy\u3164"),
        ("기쁨", unicodedata.normalize("NFD", "기쁨")),
    ],
)
def test_labels_that_look_alike_are_named_together(a, b):
    (line,) = warnings(a, "other", b, a)
    assert line.startswith("emotions that differ only in case, Unicode form, spaces or invisible")
    assert line.endswith(f": {spelt(a)} and {spelt(b)}")
    assert unicodedata.normalize("NFC", spelt(a)) != unicodedata.normalize("NFC", spelt(b))
    assert all(c == " " or visible(c) for c in spelt(a) + spelt(b))
    (line,) = warnings("x", "y", "z", situations=[a, b, "other"])
    assert line.startswith("situations that differ only")


def test_labels_that_differ_otherwise_are_not(rng):
    assert warnings("sad", "said", "sa d e", "hope", "höpe", "a", "ä", "悲", "喜") == ()
    stimuli = load_stimuli()
    assert stimuli.warnings == stimuli.notes == ()


@given(st.text(max_size=12), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_form_case_spaces_and_invisible_characters_never_tell_labels_apart(label, form):
    other = unicodedata.normalize(form, label)
    assert seen_label(other) == seen_label(label)
    assert seen_label(f"\u200b {label}\ufeff\t") == seen_label(label)
    assert seen_label(seen_label(label)) == seen_label(label)


@given(st.lists(st.text(min_size=1, max_size=6), min_size=2, max_size=2, unique=True))
def test_different_labels_are_spelt_differently(labels):
    a, b = map(spelt, labels)
    assert a != b


def test_many_pairs_are_one_line_of_ten():
    words = [f"w{i}" for i in range(14)]
    (line,) = warnings(*words, *map(str.upper, words))
    assert line.count(" and 'W") == 10 and line.endswith("; and 4 more")


def test_a_text_under_two_emotions_is_named_with_both():
    items = [Passage("1", "sad", "It  rained."), Passage("2", "sad", "It rained.")]
    assert label_warnings(items) == ()  # twice under one emotion is another matter
    items += [Passage("7", "calm", "It rained."), Passage("8", "glad", "It shone.")]
    assert label_warnings(items) == (
        "the same text under several emotions: 'sad'/'2' and 'calm'/'7'",
    )


@pytest.mark.parametrize("field", ["emotion", "passage_id", "situation"])
@pytest.mark.parametrize("character", ["\x1b", "\n", "\x9b", "\x7f"])
def test_a_label_is_one_line_without_control_characters(tmp_path, field, character):
    path = tmp_path / "p.csv"
    row = {"emotion": "a", "passage_id": "1", "text": "x\x1b", "situation": "s"}
    row[field] = f'"q{character}q"'
    lines = ["emotion,passage_id,text,situation", ",".join(row.values())]
    path.write_text("\n".join([*lines, "b,1,y,s", "c,1,z,s"]) + "\n")
    with pytest.raises(StimuliError) as caught:
        read_passages(path)
    assert caught.value.problems == [
        f"line 2: {field} holds the control character U+{ord(character):04X}"
    ]


def test_a_label_of_a_hundred_characters_is_the_longest(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(f"emotion,passage_id,text\n{'a' * 100},1,x\nb,1,y\nc,1,z\n")
    assert len(read_passages(path).items[0].emotion) == 100
    path.write_text(f"emotion,passage_id,text\n{'a' * 101},1,x\nb,1,y\nc,1,z\n")
    with pytest.raises(StimuliError, match=r"line 2: emotion has 101 characters"):
        read_passages(path)


@pytest.mark.parametrize("nothing", ["", " \u3000", "\u200b", "\u2060\ufeff", "\u00ad\u3164"])
@pytest.mark.parametrize("field", ["emotion", "passage_id", "text"])
def test_a_field_in_which_nothing_can_be_seen_is_empty(tmp_path, field, nothing):
    path = tmp_path / "p.csv"
    row = {"emotion": "a", "passage_id": "1", "text": "x"} | {field: nothing}
    path.write_text("emotion,passage_id,text\nb,1,y\n" + ",".join(row.values()) + "\nc,1,z\n")
    with pytest.raises(StimuliError) as caught:
        read_passages(path)
    assert caught.value.problems == [f"line 3: {field} is empty: nothing in it can be seen"]


def test_the_same_text_in_every_row_is_refused(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("emotion,passage_id,text\n" + "".join(f"{e},1,It rained.\n" for e in "abcd"))
    with pytest.raises(StimuliError, match="has the same text in every row"):
        read_passages(path)

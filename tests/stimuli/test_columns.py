"""What a passage file's columns are taken for, and that it is said."""

import pytest

from emo.errors import ConfigError, StimuliError
from emo.stimuli.loading import load_stimuli, read_passages

WORDS = ("afraid", "angry", "anxious", "blissful", "brooding", "calm", "desperate") * 3


def study_file(comment):
    """The published layout: no header, sections, blank lines, three texts each of 21 emotions."""
    lines = ["# Emotion passages", comment, ""]
    for i, word in enumerate(WORDS):
        lines += [f"# --- {word} ---"]
        lines += [f'{word}{i // 7},{word}_{k},"It was, again, text {k}."' for k in range(3)]
        lines += [""]
    return "\n".join(lines)


@pytest.fixture
def read(tmp_path):
    def read(content, columns=None):
        path = tmp_path / "p.csv"
        path.write_text(content, encoding="utf-8")
        return read_passages(path, columns)

    return read


@pytest.fixture
def refused(read):
    def refused(content, columns=None):
        with pytest.raises(StimuliError) as caught:
            read(content, columns)
        (problem,) = caught.value.problems
        return problem

    return refused


@pytest.mark.parametrize(
    "comment",
    [
        "# emotion, passage_id, text",
        "#emotion,passage_id,text",
        "# Columns: Emotion, Passage_ID, Text (third person, past tense)",
        "# format `emotion`,`passage_id`,`text`",
        "# Each row holds emotion | passage_id | text of two sentences",
    ],
)
def test_the_studys_own_layout_loads_and_its_comment_names_the_columns(read, comment):
    passages = read(study_file(comment))
    assert len(passages.items) == 63
    assert len({p.emotion for p in passages.items}) == 21
    assert (passages.items[0].emotion, passages.items[0].id) == ("afraid0", "afraid_0")
    assert passages.items[0].text == "It was, again, text 0."
    assert passages.notes == (
        "no header row; the comment in line 2 names the columns emotion, passage_id, text",
    )
    assert passages.warnings[1:] == ()  # the same texts everywhere, in this test


def test_a_comment_decides_the_order(read):
    rows = "".join(f's{i},"He, too, was told of {e}.",{i},{e}\n' for i, e in enumerate("abc"))
    items = read("# situation, text, passage_id, emotion\n" + rows).items
    assert [(p.emotion, p.id, p.situation) for p in items] == [
        (e, str(i), f"s{i}") for i, e in enumerate("abc")
    ]


@pytest.mark.parametrize("situation", ["", ",s"])
def test_without_a_comment_their_order_decides_and_a_warning_shows_the_first_row(read, situation):
    passages = read("".join(f'{e},{e}1,"Rain, {e}."{situation}\n' for e in "abc"))
    assert [p.situation for p in passages.items] == [situation[1:] or None] * 3
    assert passages.notes == ()
    (warning,) = passages.warnings
    columns = "emotion, passage_id, text" + ", situation" * bool(situation)
    assert warning.startswith(f"no header row; columns taken as {columns}, so the first row is 'a'")


@pytest.mark.parametrize(
    "text", ["今天下雨了。", "It rains?", "He went to see the old pier", "x" * 41]
)
def test_a_first_row_with_a_sentence_is_data(read, text):
    passages = read(f"a,1,{text}\nb,1,y\nc,1,z\n")
    assert passages.items[0].text == text


@pytest.mark.parametrize(
    "row", ["label,id,story", "label,id,Story text", "emotion,id,The full text."]
)
def test_a_first_row_without_one_or_with_the_word_emotion_is_a_header(refused, row):
    problem = refused(f"{row}\na,1,It rained.\nb,1,It snowed.\nc,1,It shone.\n")
    assert problem.startswith("line 1: no column ")
    assert all(f"'{name.lower()}'" in problem for name in row.split(","))
    assert "stimuli.columns={emotion: NAME, text: NAME}" in problem


def test_other_numbers_of_columns_need_a_header(refused):
    assert "no header, and 5 fields" in refused("a,1,It rained.,s,3\nb,1,It snowed.,s,4\n")


OTHER = "Story ,topic,LABEL,rating\nIt rained.,quay,a,1\nIt snowed.,quay,b,2\nIt shone.,quay,c,3\n"


def test_columns_are_named_by_field_and_passages_then_numbered(read):
    passages = read(OTHER, {"emotion": "label", "text": "story", "situation": "Topic"})
    assert [(p.emotion, p.id, p.text, p.situation) for p in passages.items] == [
        ("a", "1", "It rained.", "quay"),
        ("b", "2", "It snowed.", "quay"),
        ("c", "3", "It shone.", "quay"),
    ]
    assert passages.notes == ("no column passage_id: passages are numbered by row",)


def test_several_stories_of_one_cell_are_kept(read):
    rows = "".join(f"{e},s{s},Story {k} of {e} there.\n" for e in "abc" for s in "12" for k in "xy")
    items = read("emotion,situation,text\n" + rows).items
    assert len(items) == 12
    assert len({p.id for p in items}) == 12


def test_a_field_may_take_the_column_that_has_the_name_of_another(read):
    content = "emotion,situation\n" + "".join(f"{e},It was {e}.\n" for e in "abc")
    items = read(content, {"text": "situation"}).items
    assert [p.text for p in items] == ["It was a.", "It was b.", "It was c."]
    assert {p.situation for p in items} == {None}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"emotion": "label", "txt": "story"},
            "stimuli.columns='txt': allowed is emotion, passage",
        ),
        ({"text": " "}, "stimuli.columns.text=' ': allowed is the name of a column"),
        (
            {"emotion": "story", "text": "Story"},
            "stimuli.columns.emotion=story: allowed is a column",
        ),
        (
            {"text": "emotion"},
            "stimuli.columns.text=emotion: allowed is a column that is not emotion",
        ),
    ],
)
def test_columns_that_cannot_be_are_refused(read, columns, message):
    with pytest.raises(ConfigError) as caught:
        read(OTHER, columns)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("field", ["passage_id", "situation"])
def test_a_column_that_was_named_has_to_be_there(refused, field):
    columns = {"emotion": "label", "text": "story", field: "gone"}
    assert refused(OTHER, columns).startswith("line 1: no column gone; there are 'story', 'topic'")


def test_a_column_twice_is_refused_with_its_name(refused):
    for head in ("emotion,passage_id,text,note,Text ", "emotion,text,emotion", "emotion,text,a,a"):
        twice = head.rpartition(",")[2].strip().lower()
        row = ",".join(["x"] * len(head.split(",")))
        problem = refused(f"{head}\n{row}\n")
        assert problem == f"line 1: the column {twice!r} stands twice; which one is meant?"


def test_columns_without_a_file_are_refused():
    assert load_stimuli(columns={"text": "text"}).source == "bundled set shown"
    with pytest.raises(ConfigError, match=r"^stimuli\.columns\.text=story: .*bundled"):
        load_stimuli(columns={"text": "story"})


def test_names_of_columns_do_not_change_the_digest(tmp_path):
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_text("emotion,passage_id,text\na,1,x\nb,1,y\nc,1,z\n")
    b.write_text("n,label,story\n1,a,x\n1,b,y\n1,c,z\n")
    columns = {"emotion": "label", "text": "story", "passage_id": "n"}
    assert load_stimuli(a).sha256 == load_stimuli(b, columns=columns).sha256


@pytest.mark.parametrize("around", ["{},", ",{}", ",{},,"])
def test_columns_without_a_name_are_left_alone_and_said(read, around):
    """As pandas writes its index, and spreadsheets their margins."""
    head = around.format("emotion,passage_id,text")
    place = head.split(",").index("emotion")
    rows = []
    for i, e in enumerate("abc"):
        cells = [str(i)] * len(head.split(","))
        cells[place : place + 3] = [e, "1", f"It was {e}."]
        rows.append(",".join(cells))
    passages = read("\n".join([head, *rows]))
    assert [(p.emotion, p.text) for p in passages.items] == [(e, f"It was {e}.") for e in "abc"]
    assert passages.notes == (f"column {1 if place else 4} has no name and is left alone",)
